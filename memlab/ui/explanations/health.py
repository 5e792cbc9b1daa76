"""Key health: do near keys hold the same word, and is the question near anything."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.health import QUESTION, READING, described
from memlab.figures.health import health as drawn
from memlab.results import Prediction
from memlab.ui.explanations.chart import chart, data, heading
from memlab.ui.plain import plain

FAR = "The question is far from everything remembered: farther than 99% of the stored entries are from their nearest. What memory says here is a guess."


def health(lab: Lab, p: Prediction) -> None:
    """Three figures of the datastore, and the question's distance among the stored ones."""
    heading(QUESTION, READING)
    with st.spinner("Examining a sample of the keys (once for each state of the memory)"):
        result = lab.explain.health(p)
    keys = result.keys
    same, hubs, near = st.columns(3)
    same.metric(
        f"Same word among {keys.neighbors} nearest",
        f"{keys.same_value:.0%}",
        help=f"Mean over {keys.sample:,} sampled entries. Entries drawn at random: {keys.chance:.1%}.",
    )
    hubs.metric(
        "Hubness (skewness)",
        f"{keys.hubness:.1f}",
        help=f"How unevenly entries appear among the {keys.neighbors} nearest of others, within {keys.hub_sample:,} entries. "
        "0: evenly. The larger, the more a few entries are near very many others.",
    )
    near.metric("Stored entries nearer to theirs", f"{result.closer:.0%}", help="Of the sample, as in the chart.")
    chart(drawn(result), described(result), "health")
    if result.far:
        st.warning(FAR, icon=":material/warning:")
    st.caption(plain(f"{keys.sample:,} of {keys.entries:,} entries of {keys.datastore}, drawn with a fixed seed."))
    data(result.csv, "health")
