"""Map: question and neighbors in two dimensions."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.keymap import QUESTION, READING, described
from memlab.figures.keymap import keymap as drawn
from memlab.results import Prediction
from memlab.ui.look.view import chart, data, heading


def keymap(lab: Lab, p: Prediction) -> None:
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
