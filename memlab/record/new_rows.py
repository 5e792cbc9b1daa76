"""A new row of a ledger: its text and time, what its kind allows, and its place at the end of the chain."""

from __future__ import annotations

import unicodedata
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from memlab.errors import InputError
from memlab.record.hash_chain import EditRow, seal
from memlab.record.kinds import kind
from memlab.record.stored import STORED
from memlab.record.tables import Edit, Workspace

ANONYMOUS = "anonymous"
AUTHOR_LENGTH, SUMMARY_LENGTH = 80, 500


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def one_line(text: str, what: str, limit: int) -> str:
    """`text` with each run of blanks and line breaks replaced by one blank.

    Raises:
        InputError: it is empty, too long or holds control characters.
    """
    line = " ".join(text.split())
    if not line or len(line) > limit:
        raise InputError(f"The {what} has {len(line)} characters. Allowed are 1 to {limit}.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in line):
        raise InputError(f"The {what} {line!r} holds control characters or broken ones. Leave them out.")
    return line


def new_row(kind: str, summary: str, author: str, parameters: dict[str, Any]) -> EditRow:
    """A row that has no place in a ledger yet. Raises InputError for an author or summary that is empty or too long."""
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


def check_new_row(row: EditRow, sequence: int) -> None:
    """Raises InputError for a kind that is not known, or parameters or scores that it refuses."""
    known = kind(row.kind)
    reasons = [known.wrong_with(row.parameters, sequence)]
    reasons += [known.wrong_with_scores(scores) for scores in (row.before, row.after) if scores is not None]
    if reason := next(filter(None, reasons), None):
        raise InputError(f"An edit of the kind {row.kind!r} cannot be recorded: it {reason}.")


def extend(session: Session, workspace: Workspace, row: EditRow) -> EditRow:
    """Puts a row at the head of a locked workspace: sets its number, the hash of the row before, and its own hash."""
    row = replace(
        row,
        workspace=workspace.name,
        id=str(uuid.uuid4()),
        sequence=workspace.head + 1,
        previous=workspace.head_hash,
    )
    row = seal(row)
    session.add(Edit(workspace_id=workspace.id, **{name: getattr(row, name) for name in STORED}))
    workspace.head, workspace.head_hash = row.sequence, row.hash
    return row
