"""The window with the speaker's notes: what to say, what comes next, the time, and what the class guesses."""

from __future__ import annotations

import time

import streamlit as st

from memlab.ui.classroom.lecturer import tallied
from memlab.ui.plain import plain
from memlab.ui.present.talks import look

EVERY = 1.0  # seconds


def notes(talk: str) -> None:
    """The notes that go with a presentation, updated every second.

    Args:
        talk: its name, as `talks.tell` gave it.
    """
    st.fragment(_notes, run_every=EVERY)(talk)


def _notes(talk: str) -> None:
    told = look(talk)
    if told is None:
        st.title("No notes", anchor=False)
        st.markdown("This presentation is over, or its server has ended. Open the notes again from the presentation.")
        return
    minutes, seconds = divmod(int(time.time() - told.begun), 60)
    st.caption(plain(f"{told.title} · picture {told.stage} of {told.stages} · {minutes}:{seconds:02} minutes"))
    st.title(plain(told.step.title or told.step.parameters.get("prompt", "")), anchor=False)
    st.markdown(plain(told.step.note) or "There are no notes for this view.")
    if told.after is not None:
        st.caption(plain(f"Then: {told.after.title}"))
    if told.step.guess:
        tallied()
