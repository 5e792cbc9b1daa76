"""The engine behind a page, and how its messages are shown."""

from __future__ import annotations

import os

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.ui.plain import plain

WORKSPACE = "default"


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(home: str | None, workspace: str) -> Lab:
    """One engine for each home and workspace, shared by all sessions; starts building what is missing."""
    lab = Lab.open(home=home, workspace=workspace)
    lab.prepare(background=True)
    return lab


def current_lab() -> Lab:
    """The session's engine. Where it cannot be opened, says why and ends the page."""
    try:
        return _open(os.environ.get("MEMLAB_HOME"), WORKSPACE)
    except MemlabError as error:
        show_error(error)
        st.stop()


def show_error(error: MemlabError) -> None:
    """The one way in which an expected error reaches a person."""
    st.error(plain(str(error)), icon=":material/error:")
