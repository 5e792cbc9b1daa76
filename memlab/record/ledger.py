"""The ledger: every edit of a workspace, in order, never changed. A workspace's state is the fold of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from memlab.errors import InputError, NotFound, RecordError
from memlab.record import memory_kinds  # noqa: F401  registers the kinds of edits that this room knows
from memlab.record.database import Database
from memlab.record.fold import dependents, dependents_among, fold
from memlab.record.hash_chain import EditRow, Problem, plain
from memlab.record.heads import Head, Heads
from memlab.record.kinds import MARKS, is_known, unknown_among, unknown_reason
from memlab.record.new_rows import ANONYMOUS, SUMMARY_LENGTH, check_new_row, extend, new_row
from memlab.record.states import Snapshot, States
from memlab.record.stored import DamagedRow, Raw, damage, marks, naming, naming_an_edit, rows_where, whole
from memlab.record.tables import Edit, Workspace
from memlab.record.verify import everything, everything_raw, verified, wrong_workspace


class Ledger:
    """The edits of one workspace. Every call reads the database, so that all processes agree."""

    def __init__(self, database: Database, workspace: str) -> None:
        self.workspace = workspace
        self.states = States.of(database)
        self._database = database
        self._heads = Heads(database)

    def head(self) -> int:
        """Number of the last edit; 0 when there is none. Raises NotFound for an unknown workspace."""
        with self._database.reading() as session:
            return find_workspace(session, self.workspace).head

    @property
    def home(self) -> Path:
        """The folder of the files that edits name."""
        return self._database.home

    def head_hash(self) -> str:
        """Hash of the last edit: equal only where the whole history is equal, so it serves as the key of caches."""
        with self._database.reading() as session:
            return find_workspace(session, self.workspace).head_hash

    def append(
        self,
        kind: str,
        summary: str,
        parameters: dict[str, Any],
        author: str = ANONYMOUS,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        delta: str | None = None,
        expected_head: int | None = None,
    ) -> EditRow:
        """Adds a change at the head and returns its row; when this returns, it is on disk.

        Args:
            kind: the name of a registered kind of edit (`kinds.kinds()`).
            delta: sha256 of a file that is already among the deltas (`files.keep_delta`).
            expected_head: refuse unless this is still the head, as after a dry run.

        Raises:
            InputError: unknown kind; empty or too long author or summary; parameters that are not plain JSON, or
                that the kind refuses.
            RecordError: the head has moved on, the workspace is read-only (`read_only`), or the database cannot be
                written.
        """
        row = new_row(kind, summary, author, plain(parameters, "parameters"))
        row = replace(row, before=plain(before, "scores"), after=plain(after, "scores"), delta=delta)
        with self._database.writing() as session:
            workspace = self._workspace(session, expected_head)
            check_new_row(row, workspace.head + 1)
            self._check_writable(session, workspace)
            row = extend(session, workspace, row)
            head = Head.of(workspace)
        self._heads.keep(head)
        return row

    def rows(self, as_of: int | None = None) -> list[EditRow]:
        """All edits in order, up to number `as_of`.

        Raises:
            InputError: a number outside 0 to the head.
            RecordError: a row is damaged; `everything` reads the others.
        """
        with self._database.reading() as session:
            return [whole(row) for row in self._rows(session, as_of)]

    def everything(self) -> list[EditRow | DamagedRow]:
        """All edits in order, and what is wrong with those that cannot be read. Raises RecordError, NotFound."""
        return everything(self._database, self.workspace)

    def everything_raw(self) -> list[Raw | DamagedRow]:
        """The same as the database holds it, so that rows that were read before can be recognized by their text."""
        return everything_raw(self._database, self.workspace)

    def snapshot(self) -> Snapshot:
        """All edits as the folds need them; only those added since the last call are read.

        Raises:
            RecordError: rows are missing.
        """
        return self.states.snapshot(self.workspace, self._later)

    def state(self, part: str, as_of: int | None = None) -> Any:
        """One part of the workspace's state (see `kinds`) after edit `as_of`, by default after the last.

        Raises:
            InputError: no such part, or a number outside 0 to the head.
            RecordError: an active edit was changed after it was recorded or cannot be applied.
        """
        snapshot = self.snapshot()
        check_as_of(self.workspace, snapshot.head, as_of)
        return self.states.state(snapshot, part, as_of)

    def read_only(self) -> str | None:
        """Why nothing can be added to the workspace; None when all its kinds of edits are known here."""
        with self._database.reading() as session:
            return _unknown(session, find_workspace(session, self.workspace))

    def notices(self) -> list[str]:
        """Notices to show with an answer: edits of unknown kinds were left out of it. Raises as `snapshot`."""
        found = unknown_among((mark.sequence, mark.kind) for mark in self.snapshot().marks)
        return [unknown_reason(self.workspace, found)] if found else []

    def active(self, as_of: int | None = None) -> list[EditRow]:
        """The changes that hold now, or held after edit `as_of`: the fold. Raises as `rows` does."""
        with self._database.reading() as session:
            rows = self._rows(session, as_of)
            last = max((row.sequence for row in rows), default=0)
            active = set(fold(m for m in marks(session, self._found(session)) if m.sequence <= last).active)
        return [whole(row) for row in rows if row.sequence in active]

    def active_count(self) -> int:
        """The number of changes that hold now; reads no change itself."""
        with self._database.reading() as session:
            return len(fold(marks(session, self._found(session))).active)

    def mentioning(self, text: str, as_of: int | None = None) -> list[EditRow]:
        """Those of `active` with the text in a value of their parameters, ignoring case. Raises as `rows` does."""
        with self._database.reading() as session:
            workspace = self._found(session)
            if not (found := naming(session, workspace, text)):
                return []
            last = workspace.head if as_of is None else as_of
            active = found.intersection(fold(m for m in marks(session, workspace) if m.sequence <= last).active)
            return [whole(row) for row in rows_where(session, workspace, Edit.sequence.in_(active))]

    def edit(self, edit_id: str | int) -> EditRow:
        """One edit by its id or number. Raises NotFound, and RecordError where its row is damaged."""
        with self._database.reading() as session:
            return whole(self._find(session, find_workspace(session, self.workspace), edit_id))

    def dependents(self, edit_id: str | int) -> list[EditRow]:
        """The active edits that rest on sources of this one (`fold.dependents`). Raises NotFound."""
        return dependents(self.active(), self.edit(edit_id).sequence)

    def undo(
        self,
        edit_id: str | int | None = None,
        author: str = ANONYMOUS,
        *,
        resting: str = "keep",
        expected_head: int | None = None,
    ) -> EditRow:
        """Leaves an edit (default: the last active one) out of the fold; returns the new row of the ledger.

        Args:
            resting: what to do with the edits that rest on it: "keep" them, "undo" them as well (each in a
                separate row, the last first), or "refuse" to undo while there are any.

        Raises:
            NotFound: no such edit.
            InputError: it is undone already, is itself an undo or redo, nothing is left to undo, or others rest on it.
            RecordError: as `append`.
        """
        assert resting in ("keep", "undo", "refuse")
        return self._mark("undo", edit_id, author, expected_head, resting)

    def redo(
        self, edit_id: str | int | None = None, author: str = ANONYMOUS, *, expected_head: int | None = None
    ) -> EditRow:
        """Takes an undone edit (default: the one undone last) back into the fold. Raises as `undo`."""
        return self._mark("redo", edit_id, author, expected_head)

    def verify(self) -> list[Problem]:
        """What is wrong with the ledger: its rows, their chain and numbering, the files of weight deltas, and the
        head that is kept outside the database; empty when all is well. Damage is never an error here.

        Raises:
            NotFound: no such workspace.
        """
        return verified(self._database, self.workspace)

    def _found(self, session: Session) -> Workspace:
        return find_workspace(session, self.workspace)

    def _later(self, sequence: int, hash: str) -> Sequence[EditRow | DamagedRow] | None:
        """The edits after number `sequence`; None where edit `sequence` has another hash than this one."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            if workspace.head_hash == hash and workspace.head == sequence:
                return []
            at = select(Edit.hash).where(Edit.workspace_id == workspace.id, Edit.sequence == sequence)
            if sequence and session.scalars(at).one_or_none() != hash:
                return None
            head = workspace.head
            rows = rows_where(session, workspace, Edit.sequence > sequence)
            last = max((row.sequence for row in rows), default=sequence)
            if last < head:
                raise RecordError(damage(self.workspace, last + 1, "is missing"))
            if last > head:
                session.refresh(workspace)  # somebody may have added an edit between the two reads
            if last > workspace.head:
                raise RecordError(
                    damage(self.workspace, last, f"is there, but the workspace ends with {workspace.head}")
                )
            return rows

    def _check_writable(self, session: Session, workspace: Workspace) -> None:
        """Raises RecordError where an edit's kind is not known here: a new edit could depend on it."""
        if (reason := _unknown(session, workspace)) is not None:
            raise RecordError(reason)

    def _workspace(self, session: Session, expected_head: int | None) -> Workspace:
        workspace = find_workspace(session, self.workspace, lock=True)
        if expected_head is not None and workspace.head != expected_head:
            raise RecordError(
                f"The workspace {self.workspace!r} has moved on: it was at edit {expected_head} and is at edit "
                f"{workspace.head} now. Look at the new state and try again."
            )
        return workspace

    def _rows(self, session: Session, as_of: int | None) -> list[EditRow | DamagedRow]:
        workspace = self._found(session)
        check_as_of(self.workspace, workspace.head, as_of)
        last = workspace.head if as_of is None else as_of
        return rows_where(session, workspace, Edit.sequence <= last)

    def _find(self, session: Session, workspace: Workspace, edit_id: str | int) -> EditRow | DamagedRow:
        number = int(edit_id) if re.fullmatch("[0-9]{1,12}", str(edit_id)) else None
        wanted = Edit.id == str(edit_id) if number is None else Edit.sequence == number
        found = rows_where(session, workspace, wanted)
        if not found:
            there = f"1 to {workspace.head}" if workspace.head else "none"
            raise NotFound(
                f"There is no edit {str(edit_id)[:60]!r} in workspace {workspace.name!r}. Its edits are: {there}."
            )
        return found[0]

    def _mark(
        self, kind: str, edit_id: str | int | None, author: str, expected_head: int | None, resting: str = "keep"
    ) -> EditRow:
        with self._database.writing() as session:
            workspace = self._workspace(session, expected_head)
            self._check_writable(session, workspace)
            target, active = self._target(session, workspace, kind, edit_id)
            others = [] if resting == "keep" else self._resting(session, workspace, target.sequence, active)
            if others and resting == "refuse":
                raise InputError(_refusal(target, others))
            for edit in (*reversed(others), target):
                row = new_row(kind, f"{kind} edit {edit.sequence}: {_summary(edit)}"[:SUMMARY_LENGTH], author, {})
                last = extend(session, workspace, replace(row, inverse={"target": edit.sequence}))
            head = Head.of(workspace)
        self._heads.keep(head)
        return last

    def _resting(self, session: Session, workspace: Workspace, target: int, active: set[int]) -> list[EditRow]:
        """The active edits that rest on one. Only edits that name another one are read."""
        naming = naming_an_edit(session, workspace, target)
        resting = dependents_among((pair for pair in naming if pair[0] in active), target)
        return [whole(self._find(session, workspace, number)) for number in resting]

    def _target(
        self, session: Session, workspace: Workspace, kind: str, edit_id: str | int | None
    ) -> tuple[EditRow | DamagedRow, set[int]]:
        """The edit to undo or redo, if that is possible now, and the active edits."""
        state = fold(marks(session, workspace))
        open_to = state.active if kind == "undo" else state.undone
        if edit_id is None:
            if not open_to:
                raise InputError(f"There is nothing to {kind} in workspace {self.workspace!r}.")
            return self._find(session, workspace, open_to[-1]), set(state.active)
        row = self._find(session, workspace, edit_id)
        if row.kind in MARKS:
            opposite = "redo" if row.kind == "undo" else "undo"
            raise InputError(
                f"Edit {row.sequence} is itself a step of the history ({row.kind}). To take it back, {opposite} "
                f"edit {whole(row).target}."
            )
        if row.sequence not in open_to:
            now, can = ("undone already", "redone") if kind == "undo" else ("not undone", "undone")
            raise InputError(f"Edit {row.sequence} ({_summary(row)}) is {now}. It can only be {can}.")
        return row, set(state.active)


def check_as_of(workspace: str, head: int, as_of: int | None) -> None:
    """Raises InputError unless `as_of` is None or a number from 0 to the head."""
    if as_of is not None and (not isinstance(as_of, int) or not 0 <= as_of <= head):
        raise InputError(f"as_of is {as_of!r}, but workspace {workspace!r} has {head} edits. Allowed is 0 to {head}.")


def find_workspace(session: Session, name: str, lock: bool = False) -> Workspace:
    """The workspace of that name; with `lock`, no other writer can change it until the session ends.

    Raises:
        NotFound: no such workspace.
        RecordError: its own row is damaged.
    """
    query = select(Workspace).where(Workspace.name == name)
    workspace = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if workspace is None:
        raise NotFound.named("workspace", name, map(str, session.scalars(select(Workspace.name))))
    if (reason := wrong_workspace(workspace)) is not None:
        raise RecordError(
            f"The workspace {name!r} is damaged: it {reason}. `memlab history --verify` says more; put back a copy of "
            "the database, or import an export."
        )
    return workspace


def _unknown(session: Session, workspace: Workspace) -> str | None:
    """Why a workspace is read-only."""
    names = session.scalars(select(Edit.kind).where(Edit.workspace_id == workspace.id).distinct())
    if all(isinstance(name, str) and is_known(name) for name in names):
        return None
    found = unknown_among((mark.sequence, mark.kind) for mark in marks(session, workspace))
    return unknown_reason(workspace.name, found) if found else None


def _summary(row: EditRow | DamagedRow) -> str:
    return "a damaged edit" if isinstance(row, DamagedRow) else row.summary


def _refusal(target: EditRow | DamagedRow, others: list[EditRow]) -> str:
    named = "; ".join(f"edit {row.sequence} ({row.summary})" for row in others)
    verb = "rests" if len(others) == 1 else "rest"
    return (
        f"Edit {target.sequence} ({_summary(target)}) was not undone, since {named} {verb} on it. Undo it anyway "
        "(anyway=True, --anyway), or together with what rests on it (with_dependents=True, --with-dependents)."
    )
