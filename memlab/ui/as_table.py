"""The numbers of a chart as a table, for who cannot see the chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from memlab.ui.plain import plain


def as_table(rows: Sequence[Mapping[str, str]]) -> None:
    """A table on demand."""
    with st.expander("The chart as a table", icon=":material/table:"):
        cells = [{plain(name): plain(value) for name, value in row.items()} for row in rows]
        st.table(cells, border="horizontal", hide_index=True)
