"""References to edits of weights, as the ledger records them. Imports nothing heavy, so that declarations may use
it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memlab.errors import StoreError


class DeltaError(StoreError):
    """The file of a weight edit is missing or changed. `edit` is the number of that edit."""

    def __init__(self, message: str, edit: int) -> None:
        super().__init__(message)
        self.edit = edit


@dataclass(frozen=True)
class DeltaRef:
    """One edit of weights, as the ledger records it.

    edit: its number. sha256: of its file. model, weights_hash: name and hash of the model that it changes.
    """

    edit: int
    sha256: str
    model: str
    weights_hash: str


def delta_path(home: Path, sha256: str) -> Path:
    """The path of the delta with this hash."""
    return home / "deltas" / f"{sha256}.safetensors"
