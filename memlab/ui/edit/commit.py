"""From a change to an edit: the preview, the Commit button, the result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError, RecordError
from memlab.results import Edit
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit
from memlab.ui.author import author, author_field
from memlab.ui.contents import contents
from memlab.ui.edit.effect import effect, scores_row
from memlab.ui.edit.forms import Change
from memlab.ui.edit.timeline import holds, question_of
from memlab.ui.edit.undo import undo_or_redo
from memlab.ui.plain import plain

_DONE = "edit.done"
_SEEN = "edit.seen"
_EMPTY = {  # the forms, cleared
    **dict.fromkeys(("text", "word", "new", "found", "entries", "find", "value", "title"), ""),
    **dict.fromkeys(("subject", "document")),
}


def preview_or_result(lab: Lab, change: Change) -> None:
    """A preview of the change, with a button that commits it; once committed, the result."""
    done: dict[str, Any] = st.session_state.setdefault(_DONE, {})
    if done.get("change") == change:
        edit = next((edit for edit in lab.history() if edit.seq == done["seq"]), None)
        if edit is not None:
            _result(lab, change, edit)
            return
    try:
        with st.spinner("Working out what this changes"):
            edit = change.work(lab, author(), dry_run=True)
    except MemlabError as error:
        show_error(error)
        return
    looked_at = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = (change, edit.seq)
    with st.container(border=True):
        st.subheader("Preview", anchor=False)
        contents(lab, edit, change.what.get("datastore"))
        if edit.moved is None:
            st.info("What else moves is measured once the memory is built.", icon=":material/hourglass_top:")
        else:
            scores_row(edit.moved, "edit")
        name, button = st.columns([2, 1], vertical_alignment="bottom")
        with name:
            author_field()
        commit = button.button("Commit", key="edit.commit", type="primary", icon=":material/check:", width="stretch")
        st.caption("Nothing has changed yet.")
        if commit and _committed(lab, change, edit, looked_at):
            st.rerun()
    effect(lab, edit, edit.moved, change.questions, change.what.get("datastore"), "edit")


def _committed(lab: Lab, change: Change, edit: Edit, looked_at: tuple[Change, int] | None) -> bool:
    """Commits the edit if it is the one that was previewed. Shows the error and returns False where that fails."""
    try:
        check_may_edit(lab)
        if looked_at != (change, edit.seq):
            raise RecordError(
                "Something changed while you looked at the preview. This is the new one: commit it if it is right."
            )
        # A plain dictionary, not the session's state: no rerun can come between the edit and its number.
        st.session_state[_DONE].update(change=change, seq=lab.commit(edit, **author()).seq)
    except MemlabError as error:
        show_error(error)
        return False
    return True


def _result(lab: Lab, change: Change, edit: Edit) -> None:
    active = holds(lab.history(), edit.seq)
    if active:
        st.success(plain(f"Edit {edit.seq}: {edit.summary}"), icon=":material/check_circle:")
    else:
        st.info(plain(f"Edit {edit.seq} is taken back: {edit.summary}"), icon=":material/undo:")
    for question in change.questions:
        link_to("ask", f"Ask about it: {plain(question)}", question_of(question), "play_circle")
    with st.container(horizontal=True):
        undo_or_redo(lab, edit, active)
        st.button("Another edit", key="edit.another", icon=":material/edit_note:", on_click=_start_over)
        link_to("history", "History", {}, "history")
    moved = lab.side_effects.of(edit.seq, datastore=change.what.get("datastore")) if edit.scores else None
    if moved is not None:
        scores_row(moved, "edit")
    effect(lab, edit, moved, change.questions, change.what.get("datastore"), "edit")


def _start_over() -> None:
    """Empty forms, for the next change."""
    st.session_state[_DONE] = {}
    st.session_state.update({name: value for name, value in _EMPTY.items() if name in st.session_state})
