"""Keys for the main actions of the Ask page. Shown on their buttons; off while one types in a field."""

from __future__ import annotations

import streamlit as st

ASK, PIN, LOOK, NEXT, BEFORE, PRESENT = "A", "P", "L", "N", "B", "S"

KEYS = {
    ASK: "ask the prompt (or Enter while typing there)",
    PIN: "pin this view as A, to compare the next one with it",
    LOOK: "look closer: go to the views of this answer",
    NEXT: "the next view",
    BEFORE: "the view before",
    PRESENT: "present this question in a tab of its own; there Space steps forward and the left arrow back",
}


def keyboard_help() -> None:
    """What each key does."""
    with st.expander("Keyboard", icon=":material/keyboard:"):
        st.markdown("\n".join(f"- **{key}** {does}" for key, does in KEYS.items()))
        st.caption("The keys are off while you type in a field. Tab and Enter reach everything else.")
