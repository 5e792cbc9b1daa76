"""The part "weights" of a workspace's state: which deltas hold, in which order, and which facts they changed.

A system that changes weights folds its edits into a `WeightsState`; every answer comes from the model with these deltas
applied (`memlab.lm.versions.version_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memlab.lm.delta_refs import DeltaRef

WEIGHTS = "weights"


@dataclass(frozen=True)
class WeightEdit:
    """One active edit: its delta, and (subject, relation, new object) of each fact; the object is None if forgotten."""

    ref: DeltaRef
    objects: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True)
class WeightsState:
    """The active edits of weights in the order of the ledger, the last edit of all being number `head`."""

    head: int
    edits: tuple[WeightEdit, ...] = ()

    def of(self, weights_hash: str) -> tuple[WeightEdit, ...]:
        """Those of one model."""
        return tuple(e for e in self.edits if e.ref.weights_hash == weights_hash)

    def refs(self, weights_hash: str) -> tuple[DeltaRef, ...]:
        """The deltas of one model."""
        return tuple(e.ref for e in self.of(weights_hash))

    def objects(self, weights_hash: str) -> dict[tuple[str, str], str]:
        """(subject, relation) -> the object that the last edit of it set, in one model."""
        return {(s, r): o for e in self.of(weights_hash) for s, r, o in e.objects if o is not None}


def fold_weights(edits: Sequence[WeightEdit], head: int) -> WeightsState:
    """The state after these edits."""
    return WeightsState(head, tuple(edits))
