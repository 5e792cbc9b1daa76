"""Export of a reading as JSON, CSV and Python."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.results import Trace
from memlab.ui.downloads import as_json, download


def exports(lab: Lab, trace: Trace) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        download("JSON: the whole trace", as_json(trace), "trace.json", "read.json")
        download("CSV: one line a token", trace.csv, "trace.csv", "read.csv")
    with st.expander("Show me the Python", icon=":material/code:"):
        st.code(lab.reading.code(trace), language="python")
