"""The memory that a ledger tells, at any of its states. What was read of the ledger is kept: an edit costs itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from memlab.memory.changes import Changes, Taught
from memlab.record.chain import GENESIS
from memlab.record.fold import Mark, fold
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import sources_of, taught_by
from memlab.results import Source


class Effect(NamedTuple):
    """What one edit forgets and teaches."""

    forgets: frozenset[Source]
    teaches: Taught | None


@dataclass(frozen=True)
class Told:
    """The edits of a ledger up to the one with this hash."""

    hash: str = GENESIS
    marks: tuple[Mark, ...] = ()
    effects: Mapping[int, Effect] = field(default_factory=dict)

    @property
    def head(self) -> int:
        """Number of the last edit."""
        return self.marks[-1].sequence if self.marks else 0

    def at(self, as_of: int | None = None) -> Changes:
        """The changes that hold after edit `as_of` (0 to the head); by default after the last."""
        head = self.head if as_of is None else as_of
        active = fold(mark for mark in self.marks if mark.sequence <= head).active
        effects: Sequence[Effect] = [self.effects[n] for n in active]
        removed = frozenset[Source]().union(*(effect.forgets for effect in effects))
        return Changes(head, removed, tuple(effect.teaches for effect in effects if effect.teaches))


class MemoryState:
    """Follows a ledger. Threads may share it: what two of them read at once is the same."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told = Told()

    def told(self) -> Told:
        """All edits; those that were not there at the last call are read now."""
        told = self._told
        rows = self._ledger.after(told.head, told.hash)
        if rows is None:  # another ledger has this name now
            told = Told()
            rows = self._ledger.rows()
        if rows:
            marks = tuple(Mark(row.sequence, row.kind, row.target) for row in rows)
            effects = {
                row.sequence: Effect(frozenset(sources_of(row.parameters)), taught_by(row.sequence, row.parameters))
                for row in rows
            }
            told = Told(rows[-1].hash, told.marks + marks, {**told.effects, **effects})
        self._told = told
        return told
