"""One step: distributions of model, memory and mixture, other tokens to choose, retrieved passages, the gate forced."""

from __future__ import annotations

import math
from html import escape

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError
from memlab.figures.generated import changed_first
from memlab.figures.theme import MIXTURE, share, visible
from memlab.results import Generation, TraceStep
from memlab.results.moves import Replace
from memlab.ui.app.session import show_error
from memlab.ui.generate.view import CHANGED, STEP, View, look_at, move_on
from memlab.ui.highlight import chip
from memlab.ui.plain import plain
from memlab.ui.token_panel import forced_gate, found_passages, sources_chart

INSTEAD = 8  # words offered in place of the one generated
BEFORE = 90  # characters shown before the token
_OTHER, _UNSAID = "generate.other", "generate.unsaid"


def choose_step(g: Generation) -> int:
    """The number of the step, kept in the address; by default the first that memory changed."""
    first, last = changed_first(g), len(g.tokens) - 1
    if (asked_for := st.session_state.get(STEP)) is not None:
        look_at(first if asked_for == CHANGED else min(max(int(asked_for), 0), last))
    elif (asked := st.query_params.get(STEP)) is not None and not (asked.isdecimal() and int(asked) <= last):
        show_error(InputError(f"There is no step {asked[:20]!r}; the text has steps 0 to {last}."))
    number = st.number_input(
        "Step",
        0,
        last,
        first,
        key=STEP,
        bind="query-params",
        width=170,
        help="Position in the generated text, from 0. Click a token, or move to it with the arrow keys and press Enter.",
    )
    return first if number is None else int(number)


def step_details(lab: Lab, view: View, g: Generation, number: int) -> None:
    """The distributions of a step, other words to choose, neighbors, the gate forced to 0 and 1."""
    node = g.path()[number]
    try:
        step = lab.generation.step(g, node.number)
    except MemlabError as error:
        show_error(error)
        return
    st.html(_headline(g, step))
    sources_chart(g, step, "generate")
    _instead(lab, view, g, number, step)
    if g.gate_info.mixes != "nothing":
        found_passages(lab, g, step, "generate")
    forced_gate(g, step, "generate")


def _headline(g: Generation, step: TraceStep) -> str:
    """HTML: the end of what was read, the token, and its probability with memory and without."""
    token = step.token
    before = g.text[max(0, token.start - BEFORE) : token.start]
    dots = "… " if token.start > BEFORE else ""
    gate = "" if token.gate is None else f" · {g.gate_info.symbol} {token.gate:.2f}"
    without = 0.0 if token.loss_without_memory is None else math.exp(-token.loss_without_memory)
    split = "" if g.gate_info.mixes == "nothing" else f" with memory, {share(without)} by the model alone"
    return (
        f"<div style='font-size:1.15rem;line-height:1.4;overflow-wrap:anywhere'>{dots}{escape(before)} "
        f"<b>{chip(token.text.strip() or token.text or '■', MIXTURE)}</b></div>"
        f"<div style='font-size:0.9rem;opacity:0.85'>probability {share(step.mixture.of(token.id))}{split}{gate}</div>"
    )


def _instead(lab: Lab, view: View, g: Generation, number: int, step: TraceStep) -> None:
    """A button for each probable word, and a field for any other."""
    sides = [side for side in (step.mixture, step.lm, step.knn) if side is not None]
    words = dict.fromkeys(w.id for rank in range(INSTEAD) for side in sides if (w := side[rank]).p > 0)
    some = [i for i in words if i != step.token.id][:INSTEAD]
    offered = sorted(some, key=lambda i: (-step.mixture.of(i), i))
    node, tokens = g.path()[number].number, len(g.tokens) - number
    st.markdown("**Choose another token here and continue from it**")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for i in offered:
            st.button(
                plain(f"{visible(step.mixture.words[i])} {share(step.mixture.of(i))}"),
                key=f"generate.instead.{i}",
                on_click=move_on,
                args=(view, Replace(node, i, tokens), number),
            )
        st.text_input(
            "Another token",
            key=_OTHER,
            placeholder="another word, then Enter",
            label_visibility="collapsed",
            width=210,
            on_change=_say,
            args=(lab, view, g, number),
        )
    if (unsaid := st.session_state.pop(_UNSAID, None)) is not None:
        show_error(unsaid)


def _say(lab: Lab, view: View, g: Generation, number: int) -> None:
    word = st.session_state[_OTHER].strip()
    if not word:
        return
    node = g.path()[number].number
    try:
        token = lab.generation.token_named(g, node, word)
    except MemlabError as error:
        st.session_state[_UNSAID] = error
        return
    st.session_state[_OTHER] = ""
    move_on(view, Replace(node, token, len(g.tokens) - number), number)
