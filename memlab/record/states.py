"""The state that a ledger adds up to, part by part, after any of its edits. Each edit is read and checked only once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

from memlab.errors import InputError, RecordError
from memlab.record.database import Database
from memlab.record.fold import Mark, fold
from memlab.record.hash_chain import GENESIS, EditRow, digest
from memlab.record.kinds import MARKS, EditKind, kinds, known_kind, parts
from memlab.record.row_check import wrong_with
from memlab.record.stored import DamagedRow, damage

WORKSPACES = 32  # whose edits are kept in memory, for each database
STATES = 64  # folded states that are kept, for each database

Later = Callable[[int, str], Sequence[EditRow | DamagedRow] | None]


@dataclass(frozen=True)
class Snapshot:
    """The edits of a ledger up to the one with this hash, each read and checked once.

    `effects` holds what the fold of a kind needs of its edits, `damaged` what is wrong with others, `seen` the
    kinds of edits as they were registered when the edits were read.
    """

    workspace: str
    hash: str = GENESIS
    marks: tuple[Mark, ...] = ()
    effects: Mapping[int, Any] = field(default_factory=dict)
    damaged: Mapping[int, str] = field(default_factory=dict)
    seen: Mapping[str, EditKind | None] = field(default_factory=dict)

    @property
    def head(self) -> int:
        """Number of the last edit."""
        return self.marks[-1].sequence if self.marks else 0

    def state(self, part: str, as_of: int | None = None) -> Any:
        """One part after edit `as_of` (0 to the head); by default after the last.

        Raises:
            InputError: no registered kind of edit has this part.
            RecordError: an active edit of this part is damaged.
        """
        own = kinds(part)
        if not own:
            raise InputError(f"A workspace has no part {part!r}. Its parts are: {', '.join(parts())}.")
        head = self.head if as_of is None else as_of
        names = {kind.name for kind in own}
        active = fold(mark for mark in self.marks if mark.sequence <= head).active
        effects = []
        for number in active:
            if number in self.damaged:
                raise RecordError(damage(self.workspace, number, self.damaged[number]))
            if self.marks[number - 1].kind in names:
                effects.append(self.effects[number])
        return own[0].folded(effects, head)

    def with_later(self, rows: Sequence[EditRow | DamagedRow]) -> Snapshot:
        """The same with the rows that follow. Raises RecordError where one between them is missing."""
        if not rows:
            return self
        marks, effects, damaged, seen = list(self.marks), dict(self.effects), dict(self.damaged), dict(self.seen)
        last = self.hash
        previous: str | None = None if self.head in self.damaged else self.hash
        for row in rows:
            if row.sequence != len(marks) + 1:
                raise RecordError(damage(self.workspace, len(marks) + 1, "is missing"))
            known = seen.setdefault(row.kind, known_kind(row.kind))
            if (reason := _wrong(row, previous)) is not None or isinstance(row, DamagedRow):
                damaged[row.sequence] = reason or "cannot be read"
            elif known is not None:
                effects[row.sequence] = known.effect(row)
            marks.append(Mark(row.sequence, row.kind, row.target if isinstance(row, EditRow) else None))
            last, previous = row.hash, None if row.sequence in damaged else row.hash
        return Snapshot(self.workspace, last, tuple(marks), effects, damaged, seen)

    @property
    def stale(self) -> bool:
        """Whether kinds were registered or removed since the edits were read."""
        return any(name not in MARKS and known_kind(name) is not kind for name, kind in self.seen.items())


class States:
    """The states of the ledgers of one database. Threads may share it: what two of them read at once is the same."""

    _of: ClassVar[WeakKeyDictionary[Database, States]] = WeakKeyDictionary()
    _guard = threading.Lock()

    def __init__(self) -> None:
        self._snapshots: LRUCache[str, Snapshot] = LRUCache(WORKSPACES)
        self._states: LRUCache[tuple[str, str, int | None, tuple[EditKind, ...]], Any] = LRUCache(STATES)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, database: Database) -> States:
        """The one object for a database in this process."""
        with cls._guard:
            return cls._of.setdefault(database, cls())

    def snapshot(self, workspace: str, later: Later) -> Snapshot:
        """All edits of a workspace; `later(number, hash)` reads those after one that was read before (None: gone)."""
        with self._lock:
            snapshot = self._snapshots.get(workspace)
        if snapshot is None or snapshot.stale:
            snapshot = Snapshot(workspace)
        rows = later(snapshot.head, snapshot.hash)
        if rows is None:  # another ledger has this name now
            snapshot = Snapshot(workspace)
            rows = later(0, GENESIS) or []
        snapshot = snapshot.with_later(rows)
        with self._lock:
            self._snapshots[workspace] = snapshot
        return snapshot

    def state(self, snapshot: Snapshot, part: str, as_of: int | None) -> Any:
        """`snapshot.state`, kept for the next call."""
        at = (part, snapshot.hash, as_of, kinds(part))
        with self._lock:
            if at in self._states:
                return self._states[at]
        state = snapshot.state(part, as_of)
        with self._lock:
            return self._states.setdefault(at, state)


def _wrong(row: EditRow | DamagedRow, previous: str | None) -> str | None:
    """Why a row cannot be folded; `previous` is None after a damaged row, whose hash proves nothing."""
    if isinstance(row, DamagedRow):
        return row.reason
    if digest(row) != row.hash:
        return "was changed after it was recorded"
    if previous is not None and row.previous != previous:
        return "does not follow the edit before it"
    return wrong_with(row)
