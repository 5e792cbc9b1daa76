"""Taking an answer along: JSON, CSV, and the Python that makes it again."""

from __future__ import annotations

import json

import streamlit as st

from memlab import Lab
from memlab.results import Prediction


def exports(lab: Lab, p: Prediction) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        st.download_button(
            "JSON: the whole answer",
            lambda: json.dumps(p.to_dict(), ensure_ascii=False, indent=1),
            file_name="prediction.json",
            mime="application/json",
            key="ask.json",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "CSV: the neighbors",
            p.neighbors_csv,
            file_name="neighbors.csv",
            mime="text/csv",
            key="ask.csv",
            on_click="ignore",
            icon=":material/download:",
        )
    with st.expander("Show me the Python", icon=":material/code:"):
        st.code(lab.code(p), language="python")
