"""The progress of what is built in the background, until it is done."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.plain import plain

EVERY = "1s"


def building(lab: Lab) -> None:
    """A progress bar for each unfinished store; nothing once everything is built. Failed: why."""
    waiting = any(step.state in ("waiting", "running") for step in lab.progress())
    st.fragment(_bars, run_every=EVERY if waiting else None)(lab, waiting)


def _bars(lab: Lab, waiting: bool) -> None:
    steps = lab.progress()
    for step in steps:
        if step.state == "failed":
            st.error(plain(f"{step.title} was not built: {step.error}"), icon=":material/error:")
        elif step.state != "done":
            st.progress(step.fraction, text=plain(f"{step.title}: {step.message or step.state}"))
    if waiting and not any(step.state in ("waiting", "running") for step in steps):
        st.rerun()
