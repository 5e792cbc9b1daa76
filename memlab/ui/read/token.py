"""One token: distributions of local context, short-term and long-term memory, retrieved passages, the gate forced."""

from __future__ import annotations

from html import escape

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.theme import MEMORY, MODEL
from memlab.results import Trace, TraceStep
from memlab.ui.app.session import show_error
from memlab.ui.highlight import chip
from memlab.ui.token_panel import forced_gate, found_passages, from_a_word, sources_chart

BEFORE = 90  # characters of the passage shown before the token


def token_details(lab: Lab, trace: Trace, position: int) -> None:
    """The three sources of a token side by side, neighbors with their passages, the gate forced to 0 and 1."""
    token = trace[position]
    if token.loss is None:
        st.info("This token was not predicted: it is the first, or reading was stopped.", icon=":material/info:")
        return
    try:
        step = lab.reading.step(trace, position)
    except MemlabError as error:
        show_error(error)
        return
    st.html(_headline(trace, step))
    sources_chart(trace, step, "read")
    forced_gate(trace, step, "read")
    found_passages(lab, trace, step, "read")
    _cached(trace, step)


def _headline(trace: Trace, step: TraceStep) -> str:
    """HTML: the text before the token, the token, and in numbers what memory changed."""
    token = step.token
    before = trace.text[max(0, token.start - BEFORE) : token.start]
    if token.start > BEFORE:
        before = "… " + from_a_word(before)
    gain = 0.0 if token.gain is None else token.gain
    color = MEMORY if gain >= 0 else MODEL
    said = f"gain {gain:+.2f} nats · surprise {token.loss:.2f} nats".replace("-", "−").replace("inf", "∞")
    seen = "" if token.frequency is None else f" · {token.frequency:,} entries hold it"
    return (
        f"<div style='font-size:1.15rem;line-height:1.4;overflow-wrap:anywhere'>{escape(before)}"
        f"<b>{chip(token.text.strip() or token.text, color)}</b></div>"
        f"<div style='font-size:0.9rem;opacity:0.85'>{escape(token.kind)} · {said}"
        f"{'' if token.gate is None else f' · gate {token.gate:.2f}'}{seen}</div>"
    )


def _cached(trace: Trace, step: TraceStep) -> None:
    """Which earlier words of the passage the continuous cache remembers."""
    if not step.token.cached:
        return
    st.markdown("**What short-term memory remembers**")
    rows = [
        {"token": c.position, "word": c.token, "after": trace.text[max(0, trace[c.position].start - 30) : trace[c.position].start], "weight": round(c.weight, 3)}
        for c in step.token.cached
    ]  # fmt: skip
    st.table(rows, border="horizontal", hide_index=True)
