"""A small form in a popover, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.plain import plain
from memlab.ui.session import show_error

_SAID, _CLOSE = "form.said", "form.close"


def unfolded(
    label: str, key: str, icon: str, kind: Literal["secondary", "tertiary"] = "tertiary"
) -> AbstractContextManager | None:
    """A button that opens a popover; the popover where it is open, else there is nothing to draw.

    Args:
        icon: name of a Material symbol.
    """
    box = st.popover(label, key=key, on_change="rerun", icon=f":material/{icon}:", type=kind)
    return box if box.open else None


def do(work: Callable[[], str], key: str) -> None:
    """Does it, closes the popover `key` and draws the page anew, which shows the text that it gave; or says why not."""
    try:
        said = work()
    except MemlabError as error:
        show_error(error)
        return
    st.session_state[_SAID], st.session_state[_CLOSE] = said, key
    st.rerun()


def what_was_done() -> None:
    """What the last form did, once. Before the popovers are drawn, since one is closed."""
    if _SAID in st.session_state:
        st.session_state[st.session_state.pop(_CLOSE)] = False
        st.success(plain(st.session_state.pop(_SAID)), icon=":material/check_circle:")
