"""Sweep: the answer as a function of one setting."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import Method
from memlab.figures.sweep import QUESTION, READING, described
from memlab.figures.sweep import sweep as drawn
from memlab.reading.sweep import GATE, sweepable
from memlab.results import Prediction
from memlab.ui.app.address import unknown_name
from memlab.ui.app.session import show_error
from memlab.ui.explanations.chart import chart, data, heading
from memlab.ui.plain import plain

LAMBDA = "lambda"  # in the address


def swept(method: Method, gate: str) -> dict[str, str]:
    """What can be swept of an answer with this kind of gate: name in the address -> name for the engine."""
    return {LAMBDA if name == "lam" else name: name for name in sweepable(method, gate)}


def sweep(lab: Lab, p: Prediction) -> None:
    """The chart over the chosen setting."""
    heading(QUESTION, READING)
    settings = swept(lab.methods()[p.method], p.gate.kind)
    names = list(settings)
    for problem in unknown_name("over", names, "setting to sweep"):
        show_error(problem)
    if st.session_state.get("over") not in (None, *names):  # another method has another divisor
        st.session_state["over"] = names[-1]
    name = st.segmented_control("Setting", names, default=names[0], required=True, key="over", bind="query-params")
    over = settings[name]
    result = lab.explain.sweep(p, over)
    chart(drawn(result), described(result), "sweep")
    if over == GATE and p.gate.info.learned:
        st.caption(
            "Every value but the current one is a counterfactual: the gate is computed, one value for each context."
        )
    st.caption(plain(f"{len(result.values)} points from one search in {result.ms:.1f} ms, no further forward pass."))
    data(result.csv, f"sweep-{over}")
