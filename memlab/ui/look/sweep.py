"""Sweep: the answer as a function of one setting."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.sweep import QUESTION, READING, described
from memlab.figures.sweep import sweep as drawn
from memlab.results import Prediction
from memlab.ui.address import unknown_name
from memlab.ui.look.view import chart, data, heading
from memlab.ui.plain import plain
from memlab.ui.session import show_error

SWEPT = {"lambda": "lam", "k": "k", "scale": "scale", "temperature": "temperature"}  # in the address -> the setting


def sweep(lab: Lab, p: Prediction) -> None:
    """The chart over the chosen setting."""
    heading(QUESTION, READING)
    names = [name for name, setting in SWEPT.items() if setting in p.settings]
    for problem in unknown_name("over", names, "setting to sweep"):
        show_error(problem)
    if st.session_state.get("over") not in (None, *names):  # another method has another divisor
        st.session_state["over"] = names[-1]
    name = st.segmented_control("Setting", names, default=names[0], required=True, key="over", bind="query-params")
    over = SWEPT[name]
    result = lab.explain.sweep(p, over)
    chart(drawn(result), described(result), "sweep")
    st.caption(plain(f"{len(result.values)} points from one search in {result.ms:.1f} ms, no further forward pass."))
    data(result.csv, f"sweep-{over}")
