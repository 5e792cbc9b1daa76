"""The fold: which edits of a ledger are active. Undo, redo, "as of edit n" and recovery all come down to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from memlab.errors import RecordError
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import MARKS

CHANGES = ("teach", "forget", "correct")  # the kinds of the part "memory"; `kinds.kinds()` has those of every part


class Mark(NamedTuple):
    """What the fold needs to know of an edit; `target` is the edit that an undo or redo refers to."""

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
        strict: whether an impossible undo or redo is an error, or left out (to show a damaged ledger).

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
                f"Edit {mark.sequence} ({mark.kind} of edit {mark.target}) makes no sense at this point: the ledger is "
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
    """`dependents` from pairs of number and parameters, as numbers."""
    names = {f"edit:{sequence}"}
    resting = []
    for number, parameters in active:
        if number > sequence and names & sources_named(parameters):
            resting.append(number)
            names.add(f"edit:{number}")
    return resting


def all_dependents(active: Sequence[EditRow]) -> dict[int, tuple[int, ...]]:
    """For each active edit the later ones that rest on it, as `dependents` finds them, in one pass."""
    resting = all_resting([(row.sequence, sources_named(row.parameters)) for row in active])
    return {row.sequence: resting.get(row.sequence, ()) for row in active}


def all_resting(active: Sequence[tuple[int, set[str]]]) -> dict[int, tuple[int, ...]]:
    """`all_dependents` from pairs of number and named sources; only edits that others rest on are in it."""
    rests_on: dict[int, set[int]] = {}
    out: defaultdict[int, list[int]] = defaultdict(list)
    number = {f"edit:{sequence}": sequence for sequence, _ in active}
    for sequence, sources in active:
        if not sources:
            continue
        named = {number[name] for name in sources if name in number} - {sequence}
        if not named:
            continue
        rests_on[sequence] = named.union(*(rests_on.get(n, ()) for n in named))
        for earlier in rests_on[sequence]:
            if earlier < sequence:
                out[earlier].append(sequence)
    return {sequence: tuple(later) for sequence, later in out.items()}


def sources_named(value: Any) -> set[str]:
    """Every text under the key "source" in a JSON value."""
    found: set[str] = set()
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, dict):
            if isinstance(own := inner.get("source"), str):
                found.add(own)
            stack += [deep for deep in inner.values() if isinstance(deep, dict | list)]
        elif isinstance(inner, list):
            stack += [deep for deep in inner if isinstance(deep, dict | list)]
    return found
