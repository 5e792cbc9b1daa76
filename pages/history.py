"""History: every edit of the workspace, newest first; take back, put back, check, take along."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.address import unknown_name
from memlab.ui.author import author_field
from memlab.ui.edit_row import edit_row
from memlab.ui.entry import through_app
from memlab.ui.history_tools import tools
from memlab.ui.links import link_to
from memlab.ui.session import current_lab, show_error
from memlab.ui.timeline import KINDS, undone

FIRST = 30  # edits shown at once
ALL = "all"
_SHOWN = "history.shown"


def more(shown: int) -> None:
    st.session_state[_SHOWN] = shown + FIRST


through_app()
lab = current_lab()

st.title("History", anchor=False)
try:
    history = lab.history()
except MemlabError as error:
    show_error(error)
    st.stop()
if not history:
    st.info("Nothing was edited in this workspace yet. Each edit will stand here.", icon=":material/history:")
    link_to("edit", "Edit memory", {}, "edit")
    st.stop()

for problem in unknown_name("kind", [ALL, *KINDS]):
    show_error(problem)
choice, name = st.columns([3, 1], vertical_alignment="bottom")
with choice:
    kind = st.segmented_control("Kind", [ALL, *KINDS], default=ALL, required=True, key="kind", bind="query-params")
with name:
    author_field()
shown = [edit for edit in reversed(history) if kind in (ALL, edit.kind)]
tools(lab, shown, history)

gone = undone(history)
first = st.session_state.get(_SHOWN, FIRST)
for edit in shown[:first]:
    edit_row(lab, edit, edit.seq not in gone)
if not shown:
    st.info(f"No edit of the kind {kind} yet.", icon=":material/filter_alt:")
if len(shown) > first:
    st.button(f"Show more ({len(shown) - first} not shown)", key="history.more", on_click=more, args=(first,))
