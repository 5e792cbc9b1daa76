"""An accessible chart: the figure, a sentence that says what it shows, its numbers as a table and a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from memlab.figures.as_table import rows_of
from memlab.results.tables import csv_text
from memlab.ui.downloads import download
from memlab.ui.plain import plain

SHOWN = 100  # rows of a table on the page; the file has all

Rows = Sequence[Mapping[str, str]]


def chart(figure: go.Figure, said: str, key: str, rows: Callable[[], Rows] | None = None, picks: bool = False) -> Any:
    """Draws a figure, and below it a collapsed table of its numbers, which is made when it is opened.

    Args:
        said: what the chart shows, for people who cannot see it.
        rows: the table, where the figure itself does not hold it.
        picks: whether points can be clicked; then the selection is returned, as `st.plotly_chart` gives it.
    """
    if picks:
        event: Any = st.plotly_chart(figure, key=key, alt=said, on_select="rerun", selection_mode="points")
    else:
        event = st.plotly_chart(figure, config={"displayModeBar": False}, key=key, alt=said)
    box = st.expander("The chart as a table", key=f"{key}.rows", icon=":material/table:", on_change="rerun")
    if box.open:
        with box:
            _table(rows() if rows is not None else rows_of(figure), key)
    return event


def _table(rows: Rows, key: str) -> None:
    if not rows:
        st.caption("The chart is empty.")
        return
    cells = [{plain(name): plain(value) for name, value in row.items()} for row in rows[:SHOWN]]
    st.table(cells, border="horizontal", hide_index=True)
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(rows):,}; the file has all.")
    columns = tuple(rows[0])
    download("The table as CSV", lambda: csv_text([dict(row) for row in rows], columns), "chart.csv", f"{key}.rows.csv")
