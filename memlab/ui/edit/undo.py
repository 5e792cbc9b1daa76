"""Taking an edit back, and putting it back."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Edit
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit, may_edit
from memlab.ui.author import author

_ASKED = "undo.asked"


def undo_or_redo(lab: Lab, edit: Edit, active: bool) -> None:
    """One button; where later edits rest on this one, they are named and asked about first."""
    key = f"undo.{edit.seq}"
    if not active:
        if st.button(
            "Redo",
            key=f"redo.{edit.seq}",
            icon=":material/redo:",
            help="Put this edit back",
            disabled=not may_edit(lab),
        ):
            _do(lab, edit.seq, redo=True)
        return
    asked = bool(edit.rests_on_it) and st.session_state.get(_ASKED) == edit.seq
    if st.button(
        "Undo", key=key, icon=":material/undo:", disabled=asked or not may_edit(lab), help="Take this edit back"
    ):
        if not edit.rests_on_it:
            _do(lab, edit.seq)
        else:
            _ask(edit.seq)
            asked = True
    if asked:
        st.warning(resting(edit), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button("Keep it", key=f"{key}.keep", on_click=_ask, args=(None,))
            if st.button("Undo only this one", key=f"{key}.anyway"):
                _ask(None)
                _do(lab, edit.seq, anyway=True)
            if st.button("Undo them as well", key=f"{key}.all", type="primary"):
                _ask(None)
                _do(lab, edit.seq, with_dependents=True)


def resting(edit: Edit) -> str:
    """A sentence on which edits rest on this one."""
    numbers = [str(seq) for seq in edit.rests_on_it]
    if len(numbers) == 1:
        return f"Edit {numbers[0]} rests on edit {edit.seq}: it changes what edit {edit.seq} added."
    listed = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return f"Edits {listed} rest on edit {edit.seq}: they change what edit {edit.seq} added."


def _ask(seq: int | None) -> None:
    st.session_state[_ASKED] = seq


def _do(lab: Lab, seq: int, redo: bool = False, anyway: bool = False, with_dependents: bool = False) -> None:
    """Does it and reruns the page; shows the error where it fails, for example because another window did it first."""
    try:
        check_may_edit(lab)
        if redo:
            lab.redo(seq, **author())
        else:
            lab.undo(seq, **author(), anyway=anyway, with_dependents=with_dependents)
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()
