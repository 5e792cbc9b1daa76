"""A small form in a popover, and its result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.session import show_error
from memlab.ui.plain import plain

_SAID, _CLOSE = "form.said", "form.close"


def unfolded(
    label: str, key: str, icon: str, kind: Literal["secondary", "tertiary"] = "tertiary"
) -> AbstractContextManager | None:
    """A button that opens a popover; returns the popover while it is open, else None.

    Args:
        icon: name of a Material symbol.
    """
    box = st.popover(label, key=key, on_change="rerun", icon=f":material/{icon}:", type=kind)
    return box if box.open else None


def do(work: Callable[[], str], key: str) -> None:
    """Does the work, closes the popover `key` and reruns the page with the returned text; or shows the error."""
    try:
        said = work()
    except MemlabError as error:
        show_error(error)
        return
    st.session_state[_SAID], st.session_state[_CLOSE] = said, key
    st.rerun()


def what_was_done() -> None:
    """Shows what the last form did, once. Call it before the popovers are drawn, since it closes one."""
    if _SAID in st.session_state:
        st.session_state[st.session_state.pop(_CLOSE)] = False
        st.success(plain(st.session_state.pop(_SAID)), icon=":material/check_circle:")
