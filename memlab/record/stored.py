"""Edits as they stand in the database: as rows where they are whole, else as what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from memlab.errors import RecordError
from memlab.record.chain import EditRow
from memlab.record.fold import Mark
from memlab.record.row_check import wrong_form
from memlab.record.tables import Edit, Workspace

STORED = [field.name for field in fields(EditRow) if field.name != "workspace"]

_COLUMNS = [getattr(Edit, name) for name in STORED]


@dataclass(frozen=True)
class DamagedRow:
    """A row that cannot be read as an edit. `sequence` is 0 where even that is unreadable; `reason` is "has ..."."""

    workspace: str
    sequence: int
    kind: str
    hash: str
    reason: str

    @property
    def message(self) -> str:
        return f"Edit {self.sequence or '?'} was changed after it was recorded: it {self.reason}."


def rows_where(session: Session, workspace: Workspace, *conditions: Any) -> list[EditRow | DamagedRow]:
    """The edits of a workspace that meet the conditions, in order."""
    query = select(*_COLUMNS).where(Edit.workspace_id == workspace.id, *conditions).order_by(Edit.sequence)
    return [_row(dict(zip(STORED, values, strict=True)), workspace.name) for values in session.execute(query)]


def whole(row: EditRow | DamagedRow) -> EditRow:
    """The row. Raises RecordError where it is damaged."""
    if isinstance(row, DamagedRow):
        raise RecordError(damage(row.workspace, row.sequence, row.reason))
    return row


def damage(workspace: str, sequence: int, reason: str) -> str:
    """What a person is told about a row that cannot be used."""
    return (
        f"Edit {sequence or '?'} of workspace {workspace!r} is damaged: it {reason}. `memlab history --verify` lists all "
        f"that is wrong. Undo the edit to leave it out, or put back a copy of the database or an export."
    )


def marks(session: Session, workspace: Workspace) -> list[Mark]:
    """What the fold needs of all edits, read without parameters and scores."""
    columns = select(Edit.sequence, Edit.kind, Edit.inverse).where(Edit.workspace_id == workspace.id)
    return [
        Mark(sequence, str(kind), inverse.get("target") if isinstance(inverse, dict) else None)
        for sequence, kind, inverse in session.execute(columns.order_by(Edit.sequence))
    ]


def naming_an_edit(session: Session, workspace: Workspace, after: int) -> Sequence[tuple[int, Any]]:
    """Numbers and parameters of the edits after number `after` that may name an edit as their source."""
    query = select(Edit.sequence, Edit.parameters).where(
        Edit.workspace_id == workspace.id, Edit.sequence > after, cast(Edit.parameters, Text).contains("edit:")
    )
    return [(sequence, parameters) for sequence, parameters in session.execute(query.order_by(Edit.sequence))]


def _row(values: dict[str, Any], workspace: str) -> EditRow | DamagedRow:
    if (reason := wrong_form(values)) is None:
        return EditRow(workspace=workspace, **values)
    number = values["sequence"] if type(values["sequence"]) is int else 0
    return DamagedRow(workspace, number, _text(values["kind"]), _text(values["hash"]), reason)


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
