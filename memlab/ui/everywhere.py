"""The controls that hold on every page: which model speaks, and whose edits count."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.address import AUTOMATIC, unknown_name
from memlab.ui.plain import plain
from memlab.ui.session import show_error


def model_and_workspace(lab: Lab) -> None:
    """A selector for the model in the sidebar, bound to the address; the workspace as a quiet line."""
    names = [info.name for info in lab.models()]
    for problem in unknown_name("model", names):
        show_error(problem)
    with st.sidebar:
        st.selectbox(
            "Model",
            [AUTOMATIC, *names],
            key="model",
            bind="query-params",
            help="Automatic: each method takes the bundled model of its kind.",
        )
        st.caption(f"Workspace: {plain(lab.workspace)}")
