"""The two texts side by side; a click or a key picks a step of the one with memory."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.figures.generated import alone, color, copied, running
from memlab.figures.theme import MIXTURE, MODEL
from memlab.results import Generation, GenerationPair
from memlab.ui.generate.tree import branches
from memlab.ui.generate.view import View, look_at
from memlab.ui.passages import source

_KEY = "generate.strip"
_HERE = Path(__file__).parent
_STRIP = st.components.v2.component(
    "memlab_generated",
    html='<div class="strip" role="listbox" aria-orientation="horizontal"></div>',
    css=(_HERE / "text.css").read_text("utf-8"),
    js=(_HERE.parent / "read" / "strip.js").read_text("utf-8"),
)
READING = (
    "Orange: memory made the token likelier. Double line and number: it stands word for word in the passage of that "
    "number. ✎: chosen by you. Click a token for its split."
)


def texts(lab: Lab, view: View, pair: GenerationPair, step: int) -> None:
    """With memory at the left, with the passages that it copied; the model alone and the branches at the right."""
    g = pair.with_memory
    if pair.without_memory is None:
        _heading("The model alone", MODEL)
        _strip(g, step)
        branches(view, g)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _heading("With memory", MIXTURE)
        _strip(g, step)
        with st.container(horizontal=True, gap="small"):
            for n, span in enumerate(g.copied, 1):
                source(lab, g, copied(n, span), f"generate.copied.{n}", span)
        st.caption(READING)
    with right:
        _heading("The model alone", MODEL)
        if pair.after:
            st.caption("From the last token on that you chose.")
        st.html(f"<div style='font-size:1.1rem;line-height:2.1;overflow-wrap:anywhere'>{alone(pair)}</div>")
        branches(view, g)


def _heading(text: str, hue: str) -> None:
    st.html(f"<div style='font-weight:700;border-left:0.35rem solid {hue};padding-left:0.5rem'>{text}</div>")


def _strip(g: Generation, step: int) -> None:
    _STRIP(
        key=_KEY,
        data={"html": running(g), "label": "The generated text, token by token", "picked": step, "colors": {"memory": color()}},
        on_picked_change=_picked,
    )  # fmt: skip


def _picked() -> None:
    token = st.session_state[_KEY].picked
    if token is not None:
        look_at(int(token))
