"""From a passage and settings to its trace: at once where that takes a moment, else as a job that can be stopped."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import TooLongError
from memlab.results import Article, Trace
from memlab.ui.jobs import forget_job, only_job, outcome_of
from memlab.ui.plain import plain
from memlab.ui.read.passage import Source

AT_ONCE = 4_000  # characters that are read without a job
_CUT, _TRACE = "read.cut", "read.trace"


def read_passage(lab: Lab, source: Source, how: dict[str, Any]) -> Trace | None:
    """The trace; None while a job reads, or until the user agrees to cut a text that is too long.

    Raises MemlabError for what cannot be read.
    """
    text = source.text or ""
    order: dict[str, Any] = {"text": text, **how}
    if st.session_state.get(_CUT) == text:
        order["cut"] = True
    asked = (lab.workspace, lab.head(), order)
    kept = st.session_state.get(_TRACE)
    if kept is not None and kept[0] == asked:
        return kept[1]
    try:
        at_once = lab.reading.is_cached(**order) or len(text) <= AT_ONCE
    except TooLongError as error:
        _too_long(text, error)
        return None
    if at_once:
        with st.spinner("Reading the passage and searching the memory"):
            given: dict[str, Any] = {**order, "text": Article("passage", "passage", text)}  # never a path
            trace = lab.read(**given)
    else:
        job = only_job(lab, "read", asked, "read", f"Reading {source.title}", order)
        if not job.over:
            return None
        trace = outcome_of(lab, job)
        if job.state != "done":
            st.button("Read it all", key="read.again", icon=":material/replay:", on_click=forget_job, args=("read",))
            return trace
        if trace is None:  # run by another process, or long ago
            forget_job("read")
            st.rerun()
    st.session_state[_TRACE] = (asked, trace)
    return trace


def _too_long(text: str, error: TooLongError) -> None:
    """Says where a text would be cut, and offers to cut it there."""
    last = text[max(0, error.end - 40) : error.end]
    st.error(
        plain(
            f"The text is longer than the {error.limit:,} tokens that are read at a time. Cut there, it would end "
            f"after character {error.end:,} of {len(text):,}: …{last!r}."
        ),
        icon=":material/error:",
    )
    label = f"Read the first {error.limit:,} tokens"
    sign = ":material/content_cut:"
    st.button(label, key="read.cut.button", icon=sign, type="primary", on_click=_cut, args=(text,))


def _cut(text: str) -> None:
    st.session_state[_CUT] = text


def stopped(trace: Trace) -> None:
    """A warning that says how far a stopped reading got."""
    s = trace.summary
    st.warning(
        plain(
            f"Stopped: {s['predicted']:,} of {s['tokens']:,} tokens were read, and memory was searched for {s['searched']:,} of "
            "them; the numbers of the others are those of the model alone. "
            "Single tokens can be opened once all of it is read."
        ),
        icon=":material/stop_circle:",
    )
