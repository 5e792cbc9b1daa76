"""Around every page: arrival by a link, the control bar, and clearing what belonged to another workspace."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.app.address import SOURCE, follow
from memlab.ui.app.bar import control_bar
from memlab.ui.app.sharing import arrive, banner
from memlab.ui.as_of import AS_OF, NOW
from memlab.ui.explanations.dropped import WITHOUT

_WAS = "workspace.was"
_OF_ONE_WORKSPACE = ("edit.", "undo.", "history.", "look.keep.")  # beginnings of session keys


def frame(lab: Lab, page: str) -> None:
    """Draws the control bar, and the banner of a workspace that is only looked at.

    Args:
        page: the path of the page.
    """
    arrive(lab)
    follow(lab, page)
    leave_behind(lab.workspace)
    control_bar(lab, page)
    banner(lab)


def leave_behind(workspace: str) -> None:
    """On a change of workspace, clears numbers of edits and entries, which mean something else there."""
    state = st.session_state
    if state.setdefault(_WAS, workspace) == workspace:
        return
    state[_WAS] = workspace
    for key in [key for key in state if str(key).startswith(_OF_ONE_WORKSPACE)]:
        del state[key]
    if AS_OF in state:
        state[AS_OF] = NOW
    for name in {SOURCE, WITHOUT} & set(st.query_params):
        del st.query_params[name]
