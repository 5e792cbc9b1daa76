"""The history of a workspace as pages and the command line show it: every row, also those that are damaged."""

from __future__ import annotations

from typing import Any

from memlab.record.chain import EditRow
from memlab.record.fold import Mark, all_dependents, fold
from memlab.record.kinds import MARKS, is_known
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import edit_of
from memlab.record.row_check import wrong_with
from memlab.record.stored import DamagedRow
from memlab.results import Edit


def shown_history(ledger: Ledger) -> list[Edit]:
    """All edits in order, with what holds now and what rests on what.

    A row that cannot be shown says why in `damaged`; one of a kind that is not known here says so in its summary.

    Raises:
        NotFound: no such workspace.
        RecordError: nothing of the history can be read.
    """
    rows = ledger.everything()
    active = set(fold(map(_mark, rows), strict=False).active)
    rests = all_dependents([row for row in rows if isinstance(row, EditRow) and row.sequence in active])
    return [shown(row, row.kind in MARKS or row.sequence in active, rests.get(row.sequence, ())) for row in rows]


def shown(row: EditRow | DamagedRow, active: bool = True, rests: tuple[int, ...] = ()) -> Edit:
    """A row as a result."""
    reason = row.reason if isinstance(row, DamagedRow) else wrong_with(row)
    if reason is not None or isinstance(row, DamagedRow):
        return _damaged(row, str(reason), active)
    unknown = "" if is_known(row.kind) else f"unknown kind {row.kind!r}: "
    return edit_of(
        row, row.kind, unknown + row.summary, row.parameters, row.author, row.workspace, row.sequence, active, rests
    )


def _damaged(row: EditRow | DamagedRow, reason: str, active: bool) -> Edit:
    about: dict[str, Any] = {}
    if isinstance(row, EditRow):
        about = {"id": row.id, "time": row.time, "target": row.target if isinstance(row.target, int) else None}
    return Edit(
        seq=row.sequence,
        kind=row.kind or "unknown",
        summary=f"damaged: it {reason}",
        author=row.author if isinstance(row, EditRow) else "",
        workspace=row.workspace,
        active=active,
        damaged=reason,
        **{"id": None, **about},
    )


def _mark(row: EditRow | DamagedRow) -> Mark:
    return Mark(row.sequence, row.kind, row.target if isinstance(row, EditRow) else None)
