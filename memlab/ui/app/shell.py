"""For keyboards and screen readers, on every page: a link that skips the navigation, and names of the page's parts."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_SHELL = st.components.v2.component(
    "memlab_shell", html="<span hidden></span>", js=(_HERE / "shell.js").read_text("utf-8")
)


def shell() -> None:
    """Adds both to the page; takes no space on it."""
    with st.container(key="shell", width=1):
        _SHELL(key="memlab.shell", data={"skip": "Skip to the page"})
