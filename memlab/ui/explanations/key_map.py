"""Map: question and neighbors in two dimensions."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.key_map import QUESTION, READING, described
from memlab.figures.key_map import key_map as drawn
from memlab.results import Prediction
from memlab.ui.explanations.chart import chart, data, heading


def key_map(lab: Lab, p: Prediction) -> None:
    """The map, with the nearest entries of other words on demand."""
    heading(QUESTION, READING)
    others = st.toggle(
        "Include the nearest entries with other words",
        key="others",
        bind="query-params",
        help="The nearest of all entries that hold a word which no neighbor holds.",
    )
    with st.spinner("Drawing the map"):
        result = lab.explain.map(p, others)
    chart(drawn(result), described(result), "map")
    data(result.csv, "map")
