"""The changes of memory that a ledger adds up to, after any of its edits."""

from __future__ import annotations

from memlab.memory.changes import Changes
from memlab.record.ledger import Ledger
from memlab.record.memory_kinds import MEMORY
from memlab.record.states import Snapshot


class MemorySnapshot:
    """The edits of a ledger up to the one with this hash."""

    def __init__(self, ledger: Ledger, snapshot: Snapshot) -> None:
        self._ledger, self._snapshot = ledger, snapshot
        self.head, self.hash = snapshot.head, snapshot.hash

    def at(self, as_of: int | None = None) -> Changes:
        """The changes that hold after edit `as_of` (0 to the head); by default after the last. Raises RecordError."""
        return self._ledger.states.state(self._snapshot, MEMORY, as_of)


class MemoryState:
    """The memory of a ledger's workspace, up to date at each call."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def snapshot(self) -> MemorySnapshot:
        """All edits; only those added since the last call are read. Raises RecordError."""
        return MemorySnapshot(self._ledger, self._ledger.snapshot())
