"""Who edits: a name that stays for the session and stands in the history."""

from __future__ import annotations

import streamlit as st

_NAME = "author"


def author_field() -> None:
    """A line for the name; not in the address, so that a shared link does not sign for somebody else."""
    st.text_input(
        "Your name (optional)",
        key=_NAME,
        placeholder="anonymous",
        persist_state="session",
        autocomplete="name",
        help="Stands beside the edit in the history.",
    )


def author() -> dict[str, str]:
    """The name as the engine takes it; nothing where none was given."""
    name = (st.session_state.get(_NAME) or "").strip()
    return {"author": name} if name else {}
