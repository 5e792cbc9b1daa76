"""The fold: which edits of a ledger are active. Undo, redo, "as of edit n" and recovery are this function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from memlab.errors import RecordError
from memlab.record.chain import EditRow

CHANGES = ("teach", "forget", "correct")  # edits that change what a workspace remembers
MARKS = ("undo", "redo")  # edits about another edit
KINDS = CHANGES + MARKS


class Mark(NamedTuple):
    """What the fold needs to know of an edit; `target` is the edit that an undo or redo is about."""

    sequence: int
    kind: str
    target: int | None = None


@dataclass(frozen=True)
class Fold:
    """Sequences of the active edits in their order, and of the undone ones, the most recently undone last."""

    active: tuple[int, ...]
    undone: tuple[int, ...]


def fold(marks: Iterable[Mark]) -> Fold:
    """Applies undo and redo in the order of the ledger.

    Raises:
        RecordError: an undo of what is not active, or a redo of what is not undone: the ledger is damaged.
    """
    active: dict[int, None] = {}
    undone: dict[int, None] = {}
    for mark in marks:
        if mark.kind in CHANGES:
            active[mark.sequence] = None
            continue
        leaves, enters = (active, undone) if mark.kind == "undo" else (undone, active)
        if mark.kind not in MARKS or mark.target not in leaves:
            raise RecordError(
                f"Edit {mark.sequence} ({mark.kind} of edit {mark.target}) makes no sense at its place: the ledger is "
                "damaged. `memlab history --verify` says more; an export or a backup brings the workspace back."
            )
        del leaves[mark.target]
        enters[mark.target] = None
    return Fold(tuple(sorted(active)), tuple(undone))


def dependents(active: Sequence[EditRow], sequence: int) -> list[EditRow]:
    """The active edits that rest on edit `sequence`, directly or through each other, in order.

    An edit rests on another when its parameters hold, at any depth, a source {"source": "edit:<n>"}
    that the other one added.
    """
    names = {f"edit:{sequence}"}
    resting = []
    for row in active:
        if row.sequence > sequence and names & _sources(row.parameters):
            resting.append(row)
            names.add(row.source)
    return resting


def all_dependents(active: Sequence[EditRow]) -> dict[int, tuple[int, ...]]:
    """For each active edit the later ones that rest on it, as `dependents` finds them, in one pass."""
    rests_on: dict[int, set[int]] = {}
    out: dict[int, tuple[int, ...]] = {}
    number = {row.source: row.sequence for row in active}
    for row in active:
        named = {number[name] for name in _sources(row.parameters) if name in number} - {row.sequence}
        rests_on[row.sequence] = named.union(*(rests_on.get(n, set()) for n in named))
        out[row.sequence] = ()
        for earlier in rests_on[row.sequence]:
            if earlier < row.sequence:
                out[earlier] += (row.sequence,)
    return out


def _sources(value: Any) -> set[str]:
    """Every text under the key "source" in a JSON value."""
    if isinstance(value, dict):
        own = value.get("source")
        return ({own} if isinstance(own, str) else set()).union(*map(_sources, value.values()))
    return set().union(*map(_sources, value)) if isinstance(value, list) else set()
