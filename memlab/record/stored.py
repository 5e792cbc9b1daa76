"""Edits as the database has them: rows where they are intact, else a description of the damage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Text, cast, or_, select, type_coerce
from sqlalchemy.orm import Session

from memlab.errors import RecordError
from memlab.record.database import from_json
from memlab.record.fold import Mark
from memlab.record.hash_chain import EditRow
from memlab.record.row_check import wrong_form
from memlab.record.tables import Edit, Workspace
from memlab.serialize import filled

STORED = [field.name for field in fields(EditRow) if field.name != "workspace"]

Raw = tuple[Any, ...]  # the values of one row in the order of STORED, JSON as its text

_JSON = ("parameters", "inverse", "before", "after")
_COLUMNS = [type_coerce(getattr(Edit, name), Text) if name in _JSON else getattr(Edit, name) for name in STORED]


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
    return [parsed(raw, workspace.name) for raw in raw_where(session, workspace, *conditions)]


def raw_where(session: Session, workspace: Workspace, *conditions: Any) -> list[Raw]:
    """The same edits as the database holds them."""
    query = select(*_COLUMNS).where(Edit.workspace_id == workspace.id, *conditions).order_by(Edit.sequence)
    return [tuple(row) for row in session.connection().execute(query)]  # plain rows: no objects of the session


def parsed(raw: Raw, workspace: str) -> EditRow | DamagedRow:
    """A row as an edit, or what is wrong with it."""
    values = dict(zip(STORED, raw, strict=True))
    for name in _JSON:
        if isinstance(value := values[name], str):
            values[name] = from_json(value)
    if (reason := wrong_form(values)) is None:
        return filled(EditRow, workspace=workspace, **values)
    number = values["sequence"] if type(values["sequence"]) is int else 0
    return DamagedRow(workspace, number, _text(values["kind"]), _text(values["hash"]), reason)


def whole(row: EditRow | DamagedRow) -> EditRow:
    """The row. Raises RecordError where it is damaged."""
    if isinstance(row, DamagedRow):
        raise RecordError(damage(row.workspace, row.sequence, row.reason))
    return row


def damage(workspace: str, sequence: int, reason: str) -> str:
    """The message about a row that cannot be used."""
    return (
        f"Edit {sequence or '?'} of workspace {workspace!r} is damaged: it {reason}. `memlab history --verify` lists all "
        f"that is wrong. Undo the edit to leave it out, or put back a copy of the database or an export."
    )


def marks(session: Session, workspace: Workspace) -> list[Mark]:
    """What the fold needs of all edits, without parameters and scores. Raises RecordError if a row has no number."""
    columns = select(Edit.sequence, Edit.kind, Edit.inverse).where(Edit.workspace_id == workspace.id)
    found = []
    for sequence, kind, inverse in session.execute(columns.order_by(Edit.sequence)):
        if type(sequence) is not int:
            raise RecordError(damage(workspace.name, 0, f"has the number {_text(str(sequence))[:20]!r}"))
        found.append(Mark(sequence, str(kind), inverse.get("target") if isinstance(inverse, dict) else None))
    return found


def naming_an_edit(session: Session, workspace: Workspace, after: int = 0) -> Sequence[tuple[int, Any]]:
    """Numbers and parameters of the edits after number `after` that may name an edit as their source."""
    query = select(Edit.sequence, Edit.parameters).where(
        Edit.workspace_id == workspace.id, Edit.sequence > after, cast(Edit.parameters, Text).contains("edit:")
    )
    return [(sequence, parameters) for sequence, parameters in session.execute(query.order_by(Edit.sequence))]


def naming(session: Session, workspace: Workspace, text: str) -> set[int]:
    """Numbers of the edits with a text in their parameters, ignoring case."""
    written = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]  # as databases write it, or as ASCII
    columns = cast(Edit.parameters, Text)
    query = select(Edit.sequence).where(
        Edit.workspace_id == workspace.id, or_(*(columns.icontains(form, autoescape=True) for form in set(written)))
    )
    return set(session.scalars(query))


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
