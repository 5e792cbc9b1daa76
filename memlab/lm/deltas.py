"""Weight deltas on disk: the differences of changed tensors, float32, under their hash.

    deltas/<sha256>.safetensors    parameter name -> difference to the weights before the edit

Differences, not values: several edits of one tensor add up, and leaving one out of the sum removes exactly its
change. A parameter that has several names (tied embeddings) is stored under the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from memlab.lm.delta_refs import DeltaError, DeltaRef, delta_path
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path, readable


def write_delta(path: Path, changes: Mapping[str, Tensor], lm: LanguageModel) -> None:
    """Writes the differences of changed tensors; unchanged ones are left out."""
    kept = {name: change.detach().float().contiguous() for name, change in changes.items() if bool(change.any())}
    with plain_path(path.parent) as folder:
        save_file(kept, folder / path.name, {"weights_hash": lm.weights_hash, "model": readable(lm.name)})


def read_delta(home: Path, ref: DeltaRef) -> dict[str, Tensor]:
    """The differences of one edit.

    Raises:
        DeltaError: the file is missing, or is not the one that was written.
    """
    path = delta_path(home, ref.sha256)
    advice = f"Undo edit {ref.edit} (memlab undo {ref.edit}), or restore the file from a backup of the home folder."
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DeltaError(f"The weights of edit {ref.edit} are missing: {path}. {advice}", ref.edit) from error
    if hashlib.sha256(raw).hexdigest() != ref.sha256:
        raise DeltaError(f"The weights of edit {ref.edit} were changed: {path} has another hash. {advice}", ref.edit)
    try:
        return load(raw)
    except SafetensorError as error:
        raise DeltaError(
            f"The weights of edit {ref.edit} cannot be read: {path} ({error}). {advice}", ref.edit
        ) from error
