"""Building and calibrating the bundled datastores.

A first start takes one and a half to two minutes on two cores; meanwhile, questions are answered from the articles that
they are about.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from memlab.corpus.generator import atlas_articles
from memlab.corpus.model_kinds import of_kind
from memlab.corpus.world import atlas
from memlab.declare import Method
from memlab.errors import InputError, StoppedError
from memlab.evaluate.calibration import calibrate
from memlab.evaluate.questions import fact_questions, is_validation
from memlab.lm.catalogue import bundled_models, load
from memlab.lm.model import LanguageModel
from memlab.memory.building import Order, build, check_name
from memlab.memory.datastore import Datastore
from memlab.memory.files import locked
from memlab.progress import Progress, Stop, never_stop

# The first key of each is that of the datastore itself; the others are separate datastores.
BUNDLED_KEYS = {"masked": ("transform", "penultimate", "last"), "causal": ("last", "ffn")}


def usual_keys(kind: str) -> tuple[str, ...]:
    """The keys of the bundled datastores of a kind of model, that of the datastore itself first. Raises InputError for a
    kind without them."""
    return of_kind(BUNDLED_KEYS, kind, "datastores")


def prepare_bundled(
    home: Path, name: str, method: Method, progress: Progress, stop: Stop = never_stop
) -> list[Datastore]:
    """Builds the datastores of one bundled model and calibrates a method on them, unless that was done.

    One process at a time does it; others wait until it is done. Finished shards are kept after a stop, and the next
    call continues with them.

    Args:
        method: a kNN method for the model's kind.

    Raises:
        StoppedError: `stop` returned True.
    """
    model = load(name)
    order = Order(Path(name).name, usual_keys(model.kind))
    lock = home / "datastores" / f".{order.name}.preparing.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with locked(lock, progress, stop):
        folders = build(home, model, atlas_articles(), order, lambda f, m: progress(0.85 * f, m), stop)
        stores = [Datastore(folder) for folder in folders]
        if any(method.name not in store.meta.calibrated for store in stores):
            _calibrate(model, stores, method, progress, stop)
            stores = [Datastore(folder) for folder in folders]
    progress(1.0, "done")
    return stores


def _calibrate(model: LanguageModel, stores: list[Datastore], method: Method, progress: Progress, stop: Stop) -> None:
    """Tunes the method on each store and writes the settings, with the best key."""
    questions = fact_questions(atlas(), model, filter(is_validation, atlas().facts))
    assert method.knn is not None
    found = {}
    for n, store in enumerate(stores):
        tick = partial(_calibrating, progress, stop, n, len(stores))
        found[store.name] = calibrate(method, model, store, questions, method.knn.k, tick)
    best = max(found.values(), key=lambda c: (c.p_at_1, c.mean_logp))
    for store in reversed(stores):  # the first store is written last: it marks all as done
        record = found[store.name].to_dict()
        if store is stores[0]:
            record["preferred_key"] = best.settings["key"]
        replace(store.meta, calibrated={**store.meta.calibrated, method.name: record}).write(store.path)


def _calibrating(progress: Progress, stop: Stop, n: int, of: int, share: float) -> None:
    if stop():
        raise StoppedError("stopped while calibrating; the datastore itself is kept")
    progress(0.85 + 0.15 * (n + share) / of, "calibrating")


def bundled_stores() -> set[str]:
    """Names that are reserved for the datastores of the bundled models."""
    return {name for m in bundled_models() for name in (m.name, *(f"{m.name}-{k}" for k in usual_keys(m.kind)[1:]))}


def own_name(name: str) -> None:
    """Raises InputError for a name that a user's datastore cannot have."""
    check_name(name)
    if name in bundled_stores():
        raise InputError(f"The name {name!r} belongs to a bundled datastore. Choose another one.")
