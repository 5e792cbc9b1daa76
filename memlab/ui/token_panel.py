"""One token, for Read and Generate: what each source says, the gate forced to its ends, the passages behind it."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.sources import described, forced, three_sources
from memlab.results import Generation, Trace, TraceStep
from memlab.ui.mixture import token_panel
from memlab.ui.passages import passages


def sources_chart(of: Trace | Generation, step: TraceStep, page: str) -> None:
    """A chart for each source that is used, over the same words; `page` begins the names of controls."""
    figure = three_sources(of, step)
    st.plotly_chart(figure, config={"displayModeBar": False}, alt=described(of, step), key=f"{page}.sources")
    lam = of.settings.get("lam")
    if of.gate_info.mixes == "vectors" and lam:
        st.caption(f"Together also mixes in a distribution of neighbors after the softmax, with λ = {lam:g}.")


def forced_gate(of: Trace | Generation, step: TraceStep, page: str) -> None:
    """The token's probability with the gate at either end, and at any other value on demand.

    Nothing where there are no counterfactuals. `page` begins the names of controls.
    """
    rows = forced(of, step)
    if rows:
        st.markdown("**What if the gate were forced?**")
        st.table(rows, border="horizontal", hide_index=True)
        if step.token.gate is not None and step.knn is not None and st.toggle("Move the gate", key=f"{page}.move_gate"):
            token_panel(of, step, f"{page}.mixture")


def found_passages(lab: Lab, of: Trace | Generation, step: TraceStep, page: str) -> None:
    """The first remembered passages, each with its article on demand; or that there is no memory."""
    if of.gate_info.mixes == "nothing":
        st.caption("Long-term memory is off: choose a method with memory at the left.")
        return
    st.markdown("**What long-term memory found**")
    passages(lab, of, step.neighbors, page)
