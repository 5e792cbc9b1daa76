"""Where memory helps and where it harms, by kind and by frequency of words."""

from __future__ import annotations

import streamlit as st

from memlab.figures import gain
from memlab.results import Trace
from memlab.ui.look.view import heading
from memlab.ui.plain import plain


def groups(trace: Trace) -> None:
    """Two charts, each under the question that it answers; frequencies are known where there is a datastore."""
    for by, question in gain.QUESTIONS.items():
        if not gain.groups(trace, by):
            continue
        heading(question, gain.READINGS[by])
        said = gain.described(trace, by)
        st.plotly_chart(gain.by_group(trace, by), config={"displayModeBar": False}, alt=said, key=f"read.by.{by}")
        st.caption(plain(said))
