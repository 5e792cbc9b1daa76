"""Where memory helps and where it harms, by kind and by frequency of words."""

from __future__ import annotations

import streamlit as st

from memlab.figures.gain import QUESTIONS, READINGS, by_group, described
from memlab.results import Trace
from memlab.ui.look.view import heading
from memlab.ui.plain import plain


def groups(trace: Trace) -> None:
    """Two charts, each under the question that it answers."""
    for by, question in QUESTIONS.items():
        heading(question, READINGS[by])
        said = described(trace, by)
        st.plotly_chart(by_group(trace, by), config={"displayModeBar": False}, alt=said, key=f"read.by.{by}")
        st.caption(plain(said))
