"""Parts that the views share: the question as heading, how to read the chart, the chart, the data as a file."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from memlab.ui import as_table
from memlab.ui.downloads import download
from memlab.ui.plain import plain


def heading(question: str, reading: str) -> None:
    """The question that the view answers, and one sentence on how to read it."""
    st.markdown(f"#### {question}", unsafe_allow_html=False)
    st.caption(reading)


def chart(figure: go.Figure, description: str, key: str, caption: bool = True) -> None:
    """A figure with the sentence that says what it shows under it, and its numbers as a table."""
    as_table.chart(figure, description, f"look.{key}")
    if caption:
        st.caption(plain(description))


def data(csv: Callable[[], str], name: str) -> None:
    """The numbers behind the chart, written when they are asked for."""
    download("CSV", csv, f"{name}.csv", f"look.csv.{name}", help="The numbers behind the chart.")
