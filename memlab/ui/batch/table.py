"""The table of a batch: every row with its verdict, who decided, and its settings; rows open below or on Ask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from memlab import Lab
from memlab.lab.kept_batches import Note
from memlab.results.batch_summary import RowSummary, summary_cells
from memlab.ui.app.address import whole_number
from memlab.ui.app.session import WORKSPACE
from memlab.ui.app.sharing import here
from memlab.ui.batch.shown import MARKS

ROW = "row"  # in the address: the line that is open
FIRST = ("line", "open", "note", "prompt", "answer", "verdict", "expected", "p", "decided", "cause")
REST = ("why", "repair", "model", "p_model", "memory", "p_memory", "memory_weight", "margin", "error")
MADE_WITH = ("method", "lm", "datastore", "as_of")


def table(lab: Lab, rows: Sequence[RowSummary], notes: Mapping[str, Note], preset: str) -> None:
    """The rows; selecting one opens it below the table."""
    settings = list(dict.fromkeys(name for row in rows for name in row.settings))
    cells = [_cells(lab, row, notes.get(row.prompt), preset) for row in rows]
    judged = any(row.verdict for row in rows)
    first = [name for name in FIRST if judged or name not in ("verdict", "expected", "cause")]
    probability = st.column_config.ProgressColumn(width="small", min_value=0.0, max_value=1.0, format="%.2f")
    number = st.column_config.NumberColumn(format="%.3f")
    shown = hashlib.sha256(repr([row.line for row in rows]).encode()).hexdigest()[:12]
    key = f"batch.table.{shown}"  # other rows start without a selection
    columns: dict[str, Any] = {
        "open": st.column_config.LinkColumn(
            "Ask", display_text="Ask ↗", width="small", help="The row on the page Ask, beside this one"
        ),
        "lm": st.column_config.TextColumn("model used"),
        "memory_weight": st.column_config.NumberColumn("weight of memory", format="%.2f"),
        "note": st.column_config.TextColumn("★", width="small"),
        "answer": st.column_config.TextColumn(width="medium"),
        "decided": st.column_config.TextColumn("who decided"),
        "margin": number,
        **dict.fromkeys(("p", "p_model", "p_memory"), probability),
    }
    st.dataframe(
        cells,
        key=key,
        hide_index=True,
        on_select=lambda: _open(key, rows),
        selection_mode="single-row",
        column_order=(*first, *REST, *MADE_WITH, *settings),
        column_config=columns,
        placeholder="",
    )


def _open(key: str, rows: Sequence[RowSummary]) -> None:
    chosen = st.session_state[key].selection.rows
    open_row(rows[chosen[0]].line if chosen else None)


def open_row(line: int | None) -> None:
    """Puts the open row into the address, or takes it out."""
    if line is not None:
        st.query_params[ROW] = str(line)
    elif ROW in st.query_params:
        del st.query_params[ROW]


def opened_row(rows: Sequence[RowSummary]) -> RowSummary | None:
    """The row that the address opens; None without one."""
    line = whole_number(st.query_params.get(ROW, ""))
    return next((row for row in rows if row.line == line), None)


def address(lab: Lab, row: RowSummary, preset: str) -> dict[str, str]:
    """The view of a row on the page Ask: as it was asked, or, where that failed, its prompt and preset.

    Not tied to a past state if no edit came after it, so that edits made there take effect there.
    """
    if row.answer is None or row.method is None:
        return {"prompt": row.prompt, "preset": preset}
    asked = {"prompt": row.prompt, "method": row.method, "model": row.lm or "", "datastore": row.datastore or ""}
    moment = {} if row.as_of == lab.head() else {"as_of": str(row.as_of)}
    settings = {name: str(value) for name, value in row.settings.items()}
    given = {"expected": " | ".join(row.expected)} if row.given else {}
    return {**asked, **moment, WORKSPACE: row.workspace or lab.workspace, **settings, **given}


def _cells(lab: Lab, row: RowSummary, note: Note | None, preset: str) -> dict[str, Any]:
    titles = lab.methods()
    mark = "" if note is None else ("★ " if note.starred else "") + note.note
    verdict = None if row.verdict is None else f"{MARKS[row.verdict]} {row.verdict}"
    method = titles[row.method].title if row.method in titles else row.method
    link = f"/ask?{urlencode({**here(), **address(lab, row, preset)})}"
    return {**summary_cells(row), **row.settings, "verdict": verdict, "note": mark, "method": method, "open": link}
