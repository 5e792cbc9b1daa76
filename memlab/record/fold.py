"""The fold: which edits of a ledger are active. Undo, redo, "as of edit n" and recovery are this function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from memlab.errors import RecordError
from memlab.record.chain import EditRow
from memlab.record.kinds import MARKS

CHANGES = ("teach", "forget", "correct")  # the kinds of the part "memory"; `kinds.kinds()` has those of every part


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


def fold(marks: Iterable[Mark], strict: bool = True) -> Fold:
    """Applies undo and redo in the order of the ledger. Every other kind of edit is active until it is undone.

    Args:
        strict: whether steps that make no sense are an error, or left out (to show a damaged ledger).

    Raises:
        RecordError: an undo of what is not active, or a redo of what is not undone: the ledger is damaged.
    """
    active: dict[int, None] = {}
    undone: dict[int, None] = {}
    for mark in marks:
        if mark.kind not in MARKS:
            active[mark.sequence] = None
            continue
        leaves, enters = (active, undone) if mark.kind == "undo" else (undone, active)
        if type(mark.target) is int and mark.target in leaves:
            del leaves[mark.target]
            enters[mark.target] = None
        elif strict:
            raise RecordError(
                f"Edit {mark.sequence} ({mark.kind} of edit {mark.target}) makes no sense at its place: the ledger is "
                "damaged. `memlab history --verify` says more; an export or a backup brings the workspace back."
            )
    return Fold(tuple(sorted(active)), tuple(undone))


def dependents(active: Sequence[EditRow], sequence: int) -> list[EditRow]:
    """The active edits that rest on edit `sequence`, directly or through each other, in order.

    An edit rests on another when its parameters hold, at any depth, a source {"source": "edit:<n>"}
    that the other one added.
    """
    by_number = {row.sequence: row for row in active}
    resting = dependents_among([(row.sequence, row.parameters) for row in active], sequence)
    return [by_number[number] for number in resting]


def dependents_among(active: Iterable[tuple[int, Any]], sequence: int) -> list[int]:
    """`dependents` of numbers and parameters."""
    names = {f"edit:{sequence}"}
    resting = []
    for number, parameters in active:
        if number > sequence and names & _sources(parameters):
            resting.append(number)
            names.add(f"edit:{number}")
    return resting


def all_dependents(active: Sequence[EditRow]) -> dict[int, tuple[int, ...]]:
    """For each active edit the later ones that rest on it, as `dependents` finds them, in one pass."""
    rests_on: dict[int, set[int]] = {}
    out: dict[int, list[int]] = {}
    number = {row.source: row.sequence for row in active}
    for row in active:
        named = {number[name] for name in _sources(row.parameters) if name in number} - {row.sequence}
        rests_on[row.sequence] = named.union(*(rests_on.get(n, set()) for n in named))
        out[row.sequence] = []
        for earlier in rests_on[row.sequence]:
            if earlier < row.sequence:
                out[earlier].append(row.sequence)
    return {sequence: tuple(later) for sequence, later in out.items()}


def _sources(value: Any) -> set[str]:
    """Every text under the key "source" in a JSON value."""
    found: set[str] = set()
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, Mapping):
            if isinstance(own := inner.get("source"), str):
                found.add(own)
            stack += inner.values()
        elif isinstance(inner, list):
            stack += inner
    return found
