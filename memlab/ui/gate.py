"""A gate that has to be trained before it is used: trained from the page, as a job."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.ui.jobs import begin_job, kept_job

SETTINGS = ("k", "temperature", "lam", "key")


def gate_is_ready(lab: Lab, how: dict[str, Any]) -> bool:
    """Whether a passage can be read with this gate; offers to train it where it cannot. Raises MemlabError."""
    gate = how.get("gate", "constant")
    method = lab.methods()[how["method"]]
    if method.knn is None or gate == method.gates[0]:
        return True
    settings = {name: how[name] for name in SETTINGS}
    if lab.gates.is_trained(gate, how["model"], how["datastore"], **settings):
        return True
    st.info(
        f"The gate *{gate}* learns from text when memory is worth trusting. It was not trained yet for this datastore, "
        "k and temperature.",
        icon=":material/school:",
    )
    order = {"gate": gate, "model": how["model"], "datastore": how["datastore"], **settings}
    asked = (lab.workspace, order)
    job = kept_job(lab, "gate", asked)
    if job is not None and not job.over:
        return False
    if st.button("Train it on held-out articles", key="gate.train", type="primary", icon=":material/school:"):
        begin_job(lab, "gate", asked, "train a gate", f"Training the gate {gate}", order)
    st.caption(
        "Articles of the bundled world that no memory holds; it takes less than a minute. For a datastore of your own texts, "
        "held-out text of the same kind is better: `memlab evaluate perplexity TEXT --validation OTHER_TEXT --gate "
        f"{gate}`."
    )
    return False
