"""The edited weights as a new model, and a datastore encoded again with it.

Keys of a datastore belong to the model without edits, so a question to an edited model costs two forward passes. For
keys of the edited weights, write a new model and a new datastore of the same texts; the old ones do not change.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from memlab.errors import InputError
from memlab.evaluate.prepare import own_name
from memlab.lm.catalogue import SHIPPED
from memlab.lm.folder import write_model
from memlab.lm.json_file import read_json
from memlab.lm.model import LanguageModel
from memlab.memory.building import Order, build
from memlab.memory.entries import Reading
from memlab.memory.shelf import StoreInfo
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.reading.workspace import Workspace


def reencode(
    context: Workspace, datastore: str, name: str, progress: Progress = no_progress, stop: Stop = never_stop
) -> StoreInfo:
    """Writes the model of a datastore with the workspace's edits of its weights as the model `name` (fp16, as all models
    that memlab writes), and builds the datastore `name` from the same texts with it. Nothing is recorded.

    Raises:
        InputError: no edit changes the weights of that model; the name is taken or cannot be used.
        NotFound: no such datastore. StoppedError: `stop` returned True; finished parts of the datastore are kept.
    """
    own_name(name)
    store = context.shelf.open(datastore)
    base = context.load(store.fingerprint.model).exact()
    edited = context.weights(base, None)
    if edited is base:
        raise InputError(
            f"No edit of workspace {context.workspace!r} changes the weights of {base.name}, which made the datastore "
            f"{datastore!r}: its keys fit the model already."
        )
    if name in context.shelf.names():
        raise InputError(f"There is a datastore {name!r} already. Choose another name.")
    progress(0.0, "writing the edited model")
    folder = _written(context, base, edited, name)
    f = store.fingerprint
    order = Order(name, (f.key,), None, Reading(f.window, f.stride))
    build(context.home, context.load(folder.name), store.documents.articles, order, part(progress, 0.1, 1.0), stop)
    return context.shelf.info(name)


def _written(context: Workspace, base: LanguageModel, edited: LanguageModel, name: str) -> Path:
    """The folder of the edited model; one that a stopped run wrote with the same edits is reused."""
    folder = context.home / "models" / name
    state = context.weights_state().of(base.weights_hash)
    record: dict[str, Any] = {
        "name": name, "kind": base.kind,
        "edited": {"model": base.name, "weights_hash": base.weights_hash, "deltas": [e.ref.sha256 for e in state]},
    }  # fmt: skip
    if name in SHIPPED:
        raise InputError(f"The name {name!r} belongs to a bundled model. Choose another one.")
    if folder.exists():
        if read_json(folder / "memlab.json").get("edited") == record["edited"]:
            return folder
        raise InputError(f"There is a model {name!r} already. Choose another name.")
    if base.unmet is not None:
        record["unmet"] = sorted(base.unmet)
    return write_model(folder, copy.deepcopy(edited.module), edited.tokenizer, record)
