"""The controls of every page: model, workspace, share."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.address import AUTOMATIC, SOURCE, unknown_name
from memlab.ui.as_of import AS_OF, NOW
from memlab.ui.explanations.dropped import WITHOUT
from memlab.ui.session import WORKSPACE, show_error
from memlab.ui.sharing import share

_WAS = "workspace.was"
_OF_ONE = ("edit.", "undo.", "history.", "look.keep.")  # what these pages keep in the session is about one workspace


def model_and_workspace(lab: Lab) -> None:
    """Selectors for model and workspace in the sidebar, bound to the address, and the link to share."""
    _leave_behind(lab.workspace)
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
        chosen = st.selectbox(
            "Workspace",
            [info.name for info in lab.workspaces()],
            key=WORKSPACE,
            bind="query-params",
            help="Whose edits count. Two workspaces never see each other's edits.",
        )
        share(lab)
    if chosen != lab.workspace:  # the browser's Back
        st.rerun()


def _leave_behind(workspace: str) -> None:
    """Coming from another workspace: numbers of edits and entries mean something else here."""
    state = st.session_state
    if state.setdefault(_WAS, workspace) == workspace:
        return
    state[_WAS] = workspace
    for key in [key for key in state if str(key).startswith(_OF_ONE)]:
        del state[key]
    if AS_OF in state:
        state[AS_OF] = NOW
    for name in {SOURCE, WITHOUT} & set(st.query_params):
        del st.query_params[name]
