"""Taking an edit back, and putting it back."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Edit
from memlab.ui.author import author
from memlab.ui.session import show_error

_ASKED = "undo.asked"


def undo_or_redo(lab: Lab, edit: Edit, active: bool) -> None:
    """One button; where later edits rest on this one, they are named and asked about first."""
    key = f"undo.{edit.seq}"
    if not active:
        if st.button("Redo", key=f"redo.{edit.seq}", icon=":material/redo:", help="Put this edit back"):
            _do(lab, "redo", edit.seq)
        return
    asked = bool(edit.rests_on_it) and st.session_state.get(_ASKED) == edit.seq
    if st.button("Undo", key=key, icon=":material/undo:", disabled=asked, help="Take this edit back"):
        if not edit.rests_on_it:
            _do(lab, "undo", edit.seq)
        else:
            _ask(edit.seq)
            asked = True
    if asked:
        st.warning(resting(edit), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button("Keep it", key=f"{key}.keep", on_click=_ask, args=(None,))
            if st.button("Undo anyway", key=f"{key}.anyway", type="primary"):
                _ask(None)
                _do(lab, "undo", edit.seq)


def resting(edit: Edit) -> str:
    """Which edits would lose their ground."""
    numbers = [str(seq) for seq in edit.rests_on_it]
    if len(numbers) == 1:
        return f"Edit {numbers[0]} rests on edit {edit.seq}: it changes what edit {edit.seq} added."
    listed = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return f"Edits {listed} rest on edit {edit.seq}: they change what edit {edit.seq} added."


def _ask(seq: int | None) -> None:
    st.session_state[_ASKED] = seq


def _do(lab: Lab, way: str, seq: int) -> None:
    """Does it and draws the page anew; where it cannot be done, for example done in another window, says why."""
    try:
        (lab.undo if way == "undo" else lab.redo)(seq, **author())
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()
