"""The editor's name, kept for the session and written to the history."""

from __future__ import annotations

import streamlit as st

_NAME = "author"


def author_field() -> None:
    """The field for the name; not in the address, so that a shared link does not carry its sender's name."""
    st.text_input(
        "Your name (optional)",
        key=_NAME,
        placeholder="anonymous",
        persist_state="session",
        autocomplete="name",
        help="Shown with the edit in the history.",
    )


def author() -> dict[str, str]:
    """The name as the engine takes it; nothing where none was given."""
    name = (st.session_state.get(_NAME) or "").strip()
    return {"author": name} if name else {}
