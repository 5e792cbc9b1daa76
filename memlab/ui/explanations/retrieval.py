"""Why retrieved: which words of the prompt retrieved which neighbors."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.occlusion import QUESTION, READING, WAYS, described, occlusion
from memlab.results import Prediction
from memlab.ui.explanations.chart import chart, data, heading


def why(lab: Lab, p: Prediction) -> None:
    """A chart of words by neighbors: how distances change when a word is hidden."""
    heading(QUESTION, READING)
    with st.spinner("Hiding each word in turn"):
        result = lab.explain.occlusion(p)
    chart(occlusion(result), described(result), "why")
    st.caption(f"All: the mean over the neighbors, weighted as they vote. {WAYS[result.way]}")
    data(result.csv, "occlusion")
