"""The heading of a page that begins with its controls: for screen readers, and for outlines of the page."""

from __future__ import annotations

from html import escape

import streamlit as st

_UNSEEN = (
    "position:absolute;width:1px;height:1px;margin:0;padding:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
)


def unseen_heading(text: str) -> None:
    """A first-level heading that takes no space on the page."""
    st.html(f'<h1 style="{_UNSEEN}">{escape(text)}</h1>')
