"""One token: what local context, short-term and long-term memory say, who said it, and what if the gate were forced."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.sources import described, forced, three_sources
from memlab.figures.theme import MEMORY, MODEL
from memlab.results import Neighbor, Trace, TraceStep
from memlab.ui.article import marked
from memlab.ui.highlight import chip
from memlab.ui.neighbors import row
from memlab.ui.origin import number, origin
from memlab.ui.plain import plain
from memlab.ui.session import show_error
from memlab.ui.small_form import unfolded

FIRST = 4  # neighbors shown, as many as the strip has under a token
LEFT, RIGHT = 90, 45  # characters of a neighbor's passage
BEFORE = 90  # characters of the passage shown before the token


def token_details(lab: Lab, trace: Trace, position: int) -> None:
    """The three sources of a token side by side, neighbors with their passages, the gate forced to 0 and 1."""
    token = trace[position]
    if token.loss is None:
        st.info(
            "This token was not predicted: nothing stands before it, or reading was stopped.", icon=":material/info:"
        )
        return
    try:
        step = lab.trace_step(trace, position)
    except MemlabError as error:
        show_error(error)
        return
    st.html(_headline(trace, step))
    st.plotly_chart(
        three_sources(trace, step), config={"displayModeBar": False}, alt=described(trace, step), key="read.sources"
    )
    if trace.method == "spalm+knn-lm":
        s = trace.settings
        st.caption(f"Together also mixes in the distribution of kNN-LM: k = {s['knn_k']}, λ = {s['lam']:g}.")
    _forced(trace, step)
    _neighbors(lab, trace, step)
    _cached(trace, step)


def _headline(trace: Trace, step: TraceStep) -> str:
    """HTML: the end of what was read, the token, and what memory brought to it in numbers."""
    token = step.token
    before = trace.text[max(0, token.start - BEFORE) : token.start]
    if token.start > BEFORE:
        before = "… " + _from_a_word(before)
    gain = 0.0 if token.gain is None else token.gain
    color = MEMORY if gain >= 0 else MODEL
    said = f"gain {gain:+.2f} nats · surprise {token.loss:.2f} nats".replace("-", "−").replace("inf", "∞")
    seen = "" if token.frequency is None else f" · {token.frequency:,} entries hold it"
    return (
        f"<div style='font-size:1.15rem;line-height:1.4;overflow-wrap:anywhere'>{escape(before)}"
        f"<b>{chip(token.text.strip() or '␣', color)}</b></div>"
        f"<div style='font-size:0.9rem;opacity:0.85'>{escape(token.kind)} · {said}"
        f"{'' if token.gate is None else f' · gate {token.gate:.2f}'}{seen}</div>"
    )


def _neighbors(lab: Lab, trace: Trace, step: TraceStep) -> None:
    """The first remembered passages, each with its article on demand."""
    if trace.gate_kind == "none":
        st.caption("Long-term memory is off: choose a method with memory at the left.")
        return
    st.markdown("**What long-term memory found**")
    if not step.neighbors:
        st.caption("Memory was not searched for this token: the gate did not ask.")
    heaviest = max((n.weight for n in step.neighbors), default=1.0)
    for neighbor in step.neighbors[:FIRST]:
        passage, source = st.columns([3, 1], vertical_alignment="center", gap="small")
        passage.html(row(_short(neighbor), heaviest))
        with source:
            _source(lab, trace, neighbor)


def _short(n: Neighbor) -> Neighbor:
    """With less of its passage: the article is one click away."""
    left = n.left if len(n.left) <= LEFT else "… " + _from_a_word(n.left[-LEFT:])
    right = n.right if len(n.right) <= RIGHT else (n.right[:RIGHT].rpartition(" ")[0] or n.right[:RIGHT]) + " …"
    return replace(n, left=left, right=right)


def _from_a_word(text: str) -> str:
    """Without the piece of a word that it begins with."""
    return text.partition(" ")[2] or text


def _source(lab: Lab, trace: Trace, neighbor: Neighbor) -> None:
    box = unfolded(plain(origin(neighbor.source, neighbor.document)), f"read.source.{neighbor.rank}", "article")
    if box is None:
        return
    with box:
        try:
            name = neighbor.document if number(neighbor.source) is None else neighbor.source
            text = lab.article(name, trace.datastore, trace.as_of).text
        except MemlabError as error:
            show_error(error)
            return
        st.html(marked(text, neighbor.start, neighbor.end))


def _forced(trace: Trace, step: TraceStep) -> None:
    rows = forced(trace, step)
    if rows:
        st.markdown("**What if the gate were forced?**")
        st.table(rows, border="horizontal", hide_index=True)


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
