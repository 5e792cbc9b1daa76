"""From a wish to an edit: the preview, the Commit button, the result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Edit
from memlab.ui.author import author, author_field
from memlab.ui.contents import contents
from memlab.ui.links import link_to
from memlab.ui.plain import plain
from memlab.ui.session import show_error
from memlab.ui.timeline import holds, question_of
from memlab.ui.undo import undo_or_redo
from memlab.ui.wish import Wish

_DONE = "edit.done"
_EMPTY = {"text": "", "word": "", "new": "", "found": "", "subject": None, "document": None}  # the forms, cleared


def preview_or_result(lab: Lab, wish: Wish) -> None:
    """What the wish comes down to, with a button that does it; once done, what was done."""
    done: dict[str, Any] = st.session_state.setdefault(_DONE, {})
    if done.get("wish") == wish:
        edit = next((edit for edit in lab.history() if edit.seq == done["seq"]), None)
        if edit is not None:
            _result(lab, wish, edit)
            return
    try:
        with st.spinner("Working out what this changes"):
            edit = wish.work(lab, author(), dry_run=True)
    except MemlabError as error:
        show_error(error)
        return
    with st.container(border=True):
        st.subheader("Preview", anchor=False)
        contents(lab, edit, wish.what.get("datastore"))
        st.caption("Nothing has changed yet.")
        name, button = st.columns([2, 1], vertical_alignment="bottom")
        with name:
            author_field()
        if not button.button("Commit", key="edit.commit", type="primary", icon=":material/check:", width="stretch"):
            return
        try:
            # A plain dictionary, not the session's state: no rerun can come between the edit and its number.
            done.update(wish=wish, seq=wish.work(lab, author(), dry_run=False).seq)
        except MemlabError as error:
            show_error(error)
            return
    st.rerun()


def _result(lab: Lab, wish: Wish, edit: Edit) -> None:
    active = holds(lab.history(), edit.seq)
    if active:
        st.success(plain(f"Edit {edit.seq}: {edit.summary}"), icon=":material/check_circle:")
    else:
        st.info(plain(f"Edit {edit.seq} is taken back: {edit.summary}"), icon=":material/undo:")
    for question in wish.questions:
        link_to("ask", f"Ask about it: {plain(question)}", question_of(question), "play_circle")
    with st.container(horizontal=True):
        undo_or_redo(lab, edit, active)
        st.button("Another edit", key="edit.another", icon=":material/edit_note:", on_click=_start_over)
        link_to("history", "History", {}, "history")


def _start_over() -> None:
    """Empty forms, for the next wish."""
    st.session_state[_DONE] = {}
    st.session_state.update({name: value for name, value in _EMPTY.items() if name in st.session_state})
