"""Workspaces: make, open, copy, rename, delete, export, import."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.library.workspaces import create, import_file, workspace_row
from memlab.ui.small_form import what_was_done

FIRST = 30  # workspaces shown at once
_SHOWN = "workspaces.shown"


def more(shown: int) -> None:
    st.session_state[_SHOWN] = shown + FIRST


through_app()
lab = current_lab()

st.title("Workspaces", anchor=False)
st.markdown(
    "A workspace holds what was taught, corrected and forgotten; models and datastores are the same in all of them. "
    "Two windows in one workspace see each other's edits at the next question; in two workspaces, never."
)
what_was_done()
with st.container(horizontal=True):
    create(lab)
    import_file(lab)
try:
    there = lab.workspaces()
except MemlabError as error:
    show_error(error)
    st.stop()
first = st.session_state.get(_SHOWN, FIRST)
for info in there[:first]:
    workspace_row(lab, info)
if len(there) > first:
    st.button(f"Show more ({len(there) - first} not shown)", key="workspaces.more", on_click=more, args=(first,))
