"""The ledger: every edit of a workspace, in order, never changed. A workspace's state is the fold of it."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from memlab.errors import InputError, NotFound, RecordError
from memlab.record.chain import EditRow, Problem, plain, problems, seal
from memlab.record.database import Database
from memlab.record.files import delta_file, file_hash
from memlab.record.fold import CHANGES, MARKS, Fold, Mark, dependents, fold
from memlab.record.tables import Edit, Workspace

ANONYMOUS = "anonymous"
AUTHOR_LENGTH, SUMMARY_LENGTH = 80, 500
_STORED = [field.name for field in fields(EditRow) if field.name != "workspace"]


class Ledger:
    """The edits of one workspace. Every call reads the database, so that all processes agree."""

    def __init__(self, database: Database, workspace: str) -> None:
        self.workspace = workspace
        self._database = database

    def head(self) -> int:
        """Number of the last edit; 0 when there is none. Raises NotFound for an unknown workspace."""
        with self._database.reading() as session:
            return find_workspace(session, self.workspace).head

    def head_hash(self) -> str:
        """Hash of the last edit: equal only where the whole history is equal, so what caches are keyed by."""
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
            kind: one of `fold.CHANGES`.
            delta: sha256 of a file that stands among the deltas already (`files.keep_delta`).
            expected_head: refuse unless this is still the head, as after a dry run.

        Raises:
            InputError: unknown kind; empty or too long author or summary; parameters that are no plain JSON.
            RecordError: the head has moved on, or the database cannot be written.
        """
        if kind not in CHANGES:
            raise InputError(f"{kind!r} is no kind of change. Allowed: {', '.join(CHANGES)}.")
        row = _draft(kind, summary, author, plain(parameters, "parameters"))
        row = replace(row, before=plain(before, "scores"), after=plain(after, "scores"), delta=delta)
        with self._database.writing() as session:
            return extend(session, self._workspace(session, expected_head), row)

    def rows(self, as_of: int | None = None) -> list[EditRow]:
        """All edits in order, up to number `as_of`. Raises InputError for a number outside 0 to the head."""
        with self._database.reading() as session:
            return self._rows(session, as_of)

    def after(self, sequence: int, hash: str) -> list[EditRow] | None:
        """The edits after number `sequence`; None where edit `sequence` has another hash than this one."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            if workspace.head_hash == hash:
                return []
            at = select(Edit.hash).where(Edit.workspace_id == workspace.id, Edit.sequence == sequence)
            if sequence and session.scalars(at).one_or_none() != hash:
                return None
            later = _edits(workspace).where(Edit.sequence > sequence)
            return [_row(edit, workspace.name) for edit in session.scalars(later)]

    def active(self, as_of: int | None = None) -> list[EditRow]:
        """The changes that hold now, or held after edit `as_of`: the fold. Raises InputError as `rows` does."""
        rows = self.rows(as_of)
        active = set(fold(Mark(row.sequence, row.kind, row.target) for row in rows).active)
        return [row for row in rows if row.sequence in active]

    def edit(self, edit_id: str | int) -> EditRow:
        """One edit by its id or number. Raises NotFound."""
        with self._database.reading() as session:
            return self._find(session, find_workspace(session, self.workspace), edit_id)

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
        """Leaves an edit (default: the last active one) out of the fold; returns the row that says so.

        Args:
            resting: what to do with the edits that rest on it: "keep" them, "undo" them as well (each in a
                row of its own, the last first), or "refuse" to undo while there are any.

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
        """What is wrong with the hash chain, the numbering or the files of weight deltas; empty when all is well."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            rows = [_row(edit, workspace.name) for edit in session.scalars(_edits(workspace))]
            found = problems(rows, workspace.head, workspace.head_hash)
        return found + [problem for row in rows if (problem := self._delta_problem(row))]

    def _workspace(self, session: Session, expected_head: int | None) -> Workspace:
        workspace = find_workspace(session, self.workspace, lock=True)
        if expected_head is not None and workspace.head != expected_head:
            raise RecordError(
                f"The workspace {self.workspace!r} has moved on: it was at edit {expected_head} and is at edit "
                f"{workspace.head} now. Look at the new state and try again."
            )
        return workspace

    def _rows(self, session: Session, as_of: int | None) -> list[EditRow]:
        workspace = find_workspace(session, self.workspace)
        check_as_of(self.workspace, workspace.head, as_of)
        last = workspace.head if as_of is None else as_of
        return [_row(edit, workspace.name) for edit in session.scalars(_edits(workspace).where(Edit.sequence <= last))]

    def _find(self, session: Session, workspace: Workspace, edit_id: str | int) -> EditRow:
        number = int(edit_id) if re.fullmatch("[0-9]{1,12}", str(edit_id)) else None
        wanted = Edit.id == str(edit_id) if number is None else Edit.sequence == number
        edit = session.scalars(_edits(workspace).where(wanted)).one_or_none()
        if edit is None:
            there = f"1 to {workspace.head}" if workspace.head else "none"
            raise NotFound(
                f"There is no edit {str(edit_id)[:60]!r} in workspace {workspace.name!r}. Its edits are: {there}."
            )
        return _row(edit, workspace.name)

    def _mark(
        self, kind: str, edit_id: str | int | None, author: str, expected_head: int | None, resting: str = "keep"
    ) -> EditRow:
        with self._database.writing() as session:
            workspace = self._workspace(session, expected_head)
            target = self._target(session, workspace, kind, edit_id)
            others = [] if resting == "keep" else self._resting(session, target)
            if others and resting == "refuse":
                raise InputError(_refusal(target, others))
            for edit in (*reversed(others), target):
                row = _draft(kind, f"{kind} edit {edit.sequence}: {edit.summary}"[:SUMMARY_LENGTH], author, {})
                last = extend(session, workspace, replace(row, inverse={"target": edit.sequence}))
            return last

    def _resting(self, session: Session, target: EditRow) -> list[EditRow]:
        """The active edits that rest on one."""
        rows = self._rows(session, None)
        active = set(fold(Mark(row.sequence, row.kind, row.target) for row in rows).active)
        return dependents([row for row in rows if row.sequence in active], target.sequence)

    def _target(self, session: Session, workspace: Workspace, kind: str, edit_id: str | int | None) -> EditRow:
        """The edit that an undo or redo is about, if that is possible now."""
        state = _state(session, workspace)
        open_to = state.active if kind == "undo" else state.undone
        if edit_id is None:
            if not open_to:
                raise InputError(f"There is nothing to {kind} in workspace {self.workspace!r}.")
            return self._find(session, workspace, open_to[-1])
        row = self._find(session, workspace, edit_id)
        if row.kind in MARKS:
            opposite = "redo" if row.kind == "undo" else "undo"
            raise InputError(
                f"Edit {row.sequence} is itself a step of the history ({row.kind}). To take it back, {opposite} "
                f"edit {row.target}."
            )
        if row.sequence not in open_to:
            now, way = ("undone already", "redo") if kind == "undo" else ("not undone", "undo")
            raise InputError(f"Edit {row.sequence} ({row.summary}) is {now}. What is possible: {way}.")
        return row

    def _delta_problem(self, row: EditRow) -> Problem | None:
        if row.delta is None:
            return None
        path = delta_file(self._database.home, row.delta)
        if not path.is_file():
            return Problem(row.sequence, "delta", f"The weights of edit {row.sequence} are missing: {path}.")
        if file_hash(path) != row.delta:
            return Problem(row.sequence, "delta", f"The weights of edit {row.sequence} were changed: {path}.")
        return None


def check_as_of(workspace: str, head: int, as_of: int | None) -> None:
    """Raises InputError for the number of a state outside 0 to the head."""
    if as_of is not None and (not isinstance(as_of, int) or not 0 <= as_of <= head):
        raise InputError(f"as_of is {as_of!r}, but workspace {workspace!r} has {head} edits. Allowed is 0 to {head}.")


def find_workspace(session: Session, name: str, lock: bool = False) -> Workspace:
    """The workspace of that name, kept from other writers until the session ends if `lock`. Raises NotFound."""
    query = select(Workspace).where(Workspace.name == name)
    workspace = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if workspace is None:
        raise NotFound.named("workspace", name, session.scalars(select(Workspace.name)))
    return workspace


def extend(session: Session, workspace: Workspace, row: EditRow) -> EditRow:
    """Puts a row at the head of a locked workspace: numbers it, ties it to the row before, seals it."""
    row = replace(
        row,
        workspace=workspace.name,
        id=str(uuid.uuid4()),
        sequence=workspace.head + 1,
        previous=workspace.head_hash,
    )
    row = seal(row)
    session.add(Edit(workspace_id=workspace.id, **{name: getattr(row, name) for name in _STORED}))
    workspace.head, workspace.head_hash = row.sequence, row.hash
    return row


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def one_line(text: str, what: str, limit: int) -> str:
    """`text` with runs of blanks and line breaks made one blank.

    Raises:
        InputError: it is empty, too long or holds control characters.
    """
    line = " ".join(text.split())
    if not line or len(line) > limit:
        raise InputError(f"The {what} has {len(line)} characters. Allowed are 1 to {limit}.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in line):
        raise InputError(f"The {what} {line!r} holds control characters or broken ones. Leave them out.")
    return line


def _draft(kind: str, summary: str, author: str, parameters: dict[str, Any]) -> EditRow:
    return EditRow(
        workspace="",
        id="",
        sequence=0,
        time=now(),
        author=one_line(author, "author", AUTHOR_LENGTH),
        kind=kind,
        summary=one_line(summary, "summary", SUMMARY_LENGTH),
        parameters=parameters,
    )


def _refusal(target: EditRow, others: list[EditRow]) -> str:
    named = "; ".join(f"edit {row.sequence} ({row.summary})" for row in others)
    verb = "rests" if len(others) == 1 else "rest"
    return (
        f"Edit {target.sequence} ({target.summary}) was not undone, since {named} {verb} on it. Undo it anyway "
        "(anyway=True, --anyway), or together with what rests on it (with_dependents=True, --with-dependents)."
    )


def _edits(workspace: Workspace) -> Any:
    return select(Edit).where(Edit.workspace_id == workspace.id).order_by(Edit.sequence)


def _row(edit: Edit, workspace: str) -> EditRow:
    return EditRow(workspace=workspace, **{name: getattr(edit, name) for name in _STORED})


def _state(session: Session, workspace: Workspace) -> Fold:
    """The fold, read without parameters and scores."""
    columns = select(Edit.sequence, Edit.kind, Edit.inverse).where(Edit.workspace_id == workspace.id)
    rows: Iterable[Any] = session.execute(columns.order_by(Edit.sequence))
    return fold(Mark(sequence, kind, (inverse or {}).get("target")) for sequence, kind, inverse in rows)
