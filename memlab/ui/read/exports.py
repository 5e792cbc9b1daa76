"""Taking a reading along: JSON, CSV, and the Python that makes it again."""

from __future__ import annotations

import json

import streamlit as st

from memlab import Lab
from memlab.results import Trace


def exports(lab: Lab, trace: Trace) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        st.download_button(
            "JSON: the whole trace",
            lambda: json.dumps(trace.to_dict(), ensure_ascii=False, indent=1),
            file_name="trace.json",
            mime="application/json",
            key="read.json",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "CSV: one line a token",
            trace.csv,
            file_name="trace.csv",
            mime="text/csv",
            key="read.csv",
            on_click="ignore",
            icon=":material/download:",
        )
    with st.expander("Show me the Python", icon=":material/code:"):
        st.code(lab.reading_code(trace), language="python")
