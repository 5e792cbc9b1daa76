"""What one more edit would come to, worked out without recording it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memlab.errors import InputError, MemlabError, RecordError
from memlab.record.hash_chain import EditRow, plain, seal
from memlab.record.kinds import EditKind
from memlab.record.ledger import Ledger
from memlab.record.new_rows import SUMMARY_LENGTH, check_new_row, new_row, one_line
from memlab.record.states import Snapshot


def tried(ledger: Ledger, kind: EditKind, parameters: Mapping[str, Any], author: str) -> EditRow:
    """The row that an edit would be: its kind's check accepts it, says it in one line, and can fold it into the state.

    Raises:
        InputError: parameters that are no plain JSON, or that the kind refuses, cannot summarize or cannot fold.
        RecordError: the workspace is read-only, or the present state of the kind's part cannot be read.
    """
    if (reason := ledger.read_only()) is not None:
        raise RecordError(reason)
    given = plain(dict(parameters), "parameters")
    snapshot = ledger.snapshot()
    _check_readable(ledger, snapshot, kind)  # first: the new edit must not be blamed for an old one
    row = replace(new_row(kind.name, kind.name, author, given), sequence=snapshot.head + 1, id="trial")
    check_new_row(row, row.sequence)
    row = replace(row, workspace=ledger.workspace, previous=snapshot.hash, summary=_summary(kind, given))
    try:
        snapshot.with_later([seal(row)]).state(kind.part)
    except Exception as error:  # whatever the code of a system raises
        raise _refused(kind, "folded into the state", error) from error
    return row


def _check_readable(ledger: Ledger, snapshot: Snapshot, kind: EditKind) -> None:
    """Raises RecordError where the edits that hold now cannot be folded."""
    try:
        ledger.states.state(snapshot, kind.part, None)
    except MemlabError:
        raise
    except Exception as error:  # whatever the code of a system raises
        raise RecordError(
            f"The part {kind.part!r} of the workspace {ledger.workspace!r} cannot be read "
            f"({type(error).__name__}: {error}). Undo the last edit of it, or update the system that made it."
        ) from error


def _summary(kind: EditKind, parameters: dict[str, Any]) -> str:
    """The kind's one line about the edit, cut to what the ledger holds."""
    try:
        line = " ".join(kind.summarized(parameters).split())
    except Exception as error:  # whatever the code of a system raises
        raise _refused(kind, "summarized", error) from error
    cut = line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 3] + "..."
    return one_line(cut, "summary", SUMMARY_LENGTH)


def _refused(kind: EditKind, what: str, error: Exception) -> InputError:
    why = str(error) if isinstance(error, MemlabError) else f"{type(error).__name__}: {error}"
    return InputError(f"An edit of the kind {kind.name!r} cannot be recorded: it cannot be {what} ({why}).")
