"""History: every edit of the workspace, newest first; undo, redo, verify, export."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError, NotFound
from memlab.ui.app.address import unknown_name, whole_number
from memlab.ui.app.entry import through_app
from memlab.ui.app.links import link_to
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.author import author_field
from memlab.ui.edit.history_tools import tools
from memlab.ui.edit.row import edit_row
from memlab.ui.edit.timeline import authors, chosen, kinds, undone

FIRST = 30  # edits shown at once
ALL = "all"
_SHOWN = "history.shown"


def more(shown: int) -> None:
    st.session_state[_SHOWN] = shown + FIRST


def every_edit() -> None:
    del st.query_params["edit"]


through_app()
lab = current_lab()

st.title("History", anchor=False)
try:
    history = lab.history()
except MemlabError as error:
    show_error(error)
    st.stop()
if not history:
    st.info("Nothing has been edited in this workspace yet. Each edit will be listed here.", icon=":material/history:")
    link_to("edit", "Edit memory", {}, "edit")
    st.stop()

every_kind = [ALL, *kinds(history)]
for problem in unknown_name("kind", every_kind):
    show_error(problem)
for problem in unknown_name("editor", [ALL, *authors(history)]):
    show_error(problem)
kind = st.segmented_control("Kind", every_kind, default=ALL, required=True, key="kind", bind="query-params")
who, words, name = st.columns(3, vertical_alignment="bottom")
by = who.selectbox("By", [ALL, *authors(history)], key="editor", bind="query-params")
text = words.text_input("Text", key="holds", bind="query-params", placeholder="In the summary", autocomplete="off")
with name:
    author_field()
shown = chosen(history, None if kind == ALL else kind, None if by == ALL else by, (text or "").strip())
if (asked := st.query_params.get("edit")) is not None:  # a link to one edit
    linked = [edit for edit in history if edit.seq == whole_number(asked)]
    if linked:
        shown = linked
        st.button("Show every edit", key="history.every", icon=":material/list:", on_click=every_edit)
    else:
        show_error(NotFound(f"There is no edit {asked[:20]!r} in {lab.workspace!r}; it has edits 1 to {len(history)}."))
tools(lab, shown, history)

gone = undone(history)
first = st.session_state.get(_SHOWN, FIRST)
for edit in shown[:first]:
    edit_row(lab, edit, edit.seq not in gone)
if not shown:
    what = "No edit" if kind == ALL else f"No edit of the kind {kind}"
    st.info(f"{what} matches. Choose {ALL} and clear the text to see every edit.", icon=":material/filter_alt:")
if len(shown) > first:
    st.button(f"Show more ({len(shown) - first} not shown)", key="history.more", on_click=more, args=(first,))
