"""Verifying a ledger: its rows one by one, their chain, the weights they name, and the head kept outside the database."""

from __future__ import annotations

from sqlalchemy import select

from memlab.errors import NotFound, RecordError
from memlab.record.database import Database
from memlab.record.files import delta_file, wrong_with_delta
from memlab.record.hash_chain import EditRow, Problem, problems
from memlab.record.heads import Heads
from memlab.record.row_check import wrong_with
from memlab.record.stored import DamagedRow, Raw, parsed, raw_where
from memlab.record.tables import Edit, Workspace

UNREADABLE = "cannot be read from the database"
MOST_READ = 100_000  # rows that are tried one by one


def verified(database: Database, name: str) -> list[Problem]:
    """What is wrong with a ledger; empty when all is well. Raises NotFound."""
    kept = Heads(database).kept()  # read first: the database may be ahead of the heads by then, but never behind
    try:
        workspace = _workspace(database, name)
        rows = everything(database, name)
    except RecordError as error:
        return [Problem(0, "changed", str(error))]
    found = []
    if (reason := wrong_workspace(workspace)) is not None:
        found.append(Problem(0, "changed", f"The workspace {name!r} was changed: it {reason}."))
        workspace.head, workspace.head_hash = len(rows), rows[-1].hash if rows else ""
    whole = [row for row in rows if isinstance(row, EditRow)]
    damaged = {row.sequence: row for row in rows if isinstance(row, DamagedRow)}
    found += [Problem(row.sequence, "changed", row.message) for row in damaged.values()]
    found += [p for p in problems(whole, workspace.head, workspace.head_hash) if p.sequence not in damaged]
    found += _not_applicable(whole, {p.sequence for p in found})
    found += [p for row in whole if (p := _delta_problem(database, row)) is not None]
    hashes = {row.sequence: row.hash for row in rows}
    return sorted(found + kept.problems(workspace, hashes), key=lambda p: p.sequence)


def everything(database: Database, name: str) -> list[EditRow | DamagedRow]:
    """All edits in order, and what is wrong with those that cannot be read. Raises NotFound, RecordError."""
    return [row if isinstance(row, DamagedRow) else parsed(row, name) for row in everything_raw(database, name)]


def everything_raw(database: Database, name: str) -> list[Raw | DamagedRow]:
    """All edits as the database holds them, and those that cannot be read from it. Raises NotFound, RecordError."""
    workspace = _workspace(database, name)
    try:
        with database.reading() as session:
            return list(raw_where(session, workspace))
    except RecordError:
        return _one_by_one(database, workspace)


def wrong_workspace(workspace: Workspace) -> str | None:
    """What is wrong with a workspace's own row ("has ..."); None when nothing is."""
    if type(workspace.head) is not int or workspace.head < 0:
        return f"has the number of edits {str(workspace.head)[:20]!r}"
    if not isinstance(workspace.head_hash, str):
        return "has no hash of its last edit"
    return None


def _workspace(database: Database, name: str) -> Workspace:
    """A workspace as stored, with unchecked values. Raises NotFound, RecordError."""
    with database.reading() as session:
        found = session.scalars(select(Workspace).where(Workspace.name == name)).first()
        if found is None:
            raise NotFound.named("workspace", name, map(str, session.scalars(select(Workspace.name))))
        session.expunge(found)
        return found


def _one_by_one(database: Database, workspace: Workspace) -> list[Raw | DamagedRow]:
    """The rows that can still be read from a file with broken pages. Raises RecordError where there are none."""
    rows: list[Raw | DamagedRow] = []
    failed: RecordError | None = None
    head = workspace.head if wrong_workspace(workspace) is None else 0
    for number in range(1, min(head, MOST_READ) + 1):
        try:
            with database.reading() as session:
                rows += raw_where(session, workspace, Edit.sequence == number)
        except RecordError as error:
            failed = error
            rows.append(DamagedRow(workspace.name, number, "", "", UNREADABLE))
    if all(isinstance(row, DamagedRow) for row in rows):
        raise failed or RecordError(f"The edits of {workspace.name!r} {UNREADABLE}.")
    return rows


def _not_applicable(rows: list[EditRow], known: set[int]) -> list[Problem]:
    """Rows that fit the chain but cannot be applied or shown."""
    found = []
    for row in rows:
        if row.sequence not in known and (reason := wrong_with(row)) is not None:
            found.append(Problem(row.sequence, "changed", f"Edit {row.sequence} cannot be applied: it {reason}."))
    return found


def _delta_problem(database: Database, row: EditRow) -> Problem | None:
    if row.delta is None:
        return None
    if (wrong := wrong_with_delta(database.home, row.delta, again=True)) is None:
        return None
    path, what = delta_file(database.home, row.delta), "are missing" if wrong == "missing" else "were changed"
    return Problem(row.sequence, "delta", f"The weights of edit {row.sequence} {what}: {path}.")
