"""A gate that must learn first: training it from the page, as a job."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import NotFound
from memlab.ui.jobs import show_job

_JOB = "read.gate.job"
SETTINGS = ("k", "temperature", "lam", "key")


def gate_is_ready(lab: Lab, how: dict[str, Any]) -> bool:
    """Whether a passage can be read with this gate; offers to train it where it cannot. Raises MemlabError."""
    gate = how.get("gate", "constant")
    if how["method"] != "knn-lm" or gate == "constant":
        return True
    settings = {name: how[name] for name in SETTINGS}
    if lab.gate_is_trained(gate, how["model"], how["datastore"], **settings):
        return True
    st.info(
        f"The gate *{gate}* learns from text when memory is worth trusting. It was not trained yet for this datastore, "
        "k and temperature.",
        icon=":material/school:",
    )
    asked = (lab.workspace, gate, how["model"], how["datastore"], settings)
    kept = st.session_state.get(_JOB)
    if kept is not None and kept[0] == asked:
        try:
            if not show_job(lab, kept[1]).over:
                return False
        except NotFound:  # removed from the list in another window
            pass
    if st.button("Train it on held-out articles", key="read.gate.train", type="primary", icon=":material/school:"):
        where = {"model": how["model"], "datastore": how["datastore"]}
        job = lab.submit("train a gate", f"Training the gate {gate}", gate=gate, **where, **settings)
        st.session_state[_JOB] = (asked, job.id)
        st.rerun()
    st.caption(
        "Articles of the bundled world that no memory holds; it takes less than a minute. For a datastore of your own texts, "
        "held-out text of the same kind is better: `memlab evaluate perplexity TEXT --validation OTHER_TEXT --gate "
        f"{gate}`."
    )
    return False
