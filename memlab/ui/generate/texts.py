"""The two texts side by side; a click or a key picks a step of the one with memory."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.figures.generated import alone, branch_lines, color, copied, running
from memlab.figures.theme import MIXTURE, MODEL
from memlab.results import ENDINGS, Generation, GenerationPair
from memlab.results.moves import Extend, SwitchTo
from memlab.ui.generate.view import View, look_at, move_on
from memlab.ui.highlight import side_heading
from memlab.ui.plain import plain
from memlab.ui.token_panel import source

_KEY = "generate.strip"
_HERE = Path(__file__).parent
_STRIP = st.components.v2.component(
    "memlab_generated",
    html='<div class="strip" role="listbox" aria-orientation="horizontal"></div>',
    css=(_HERE / "text.css").read_text("utf-8"),
    js=(_HERE.parent / "read" / "strip.js").read_text("utf-8"),
)
READING = (
    "Orange: memory made the token likelier. Double line and number: it occurs word for word in the passage of that "
    "number. ✎: chosen by you. Click a token for its details."
)
_INDENT = "\u2003"  # an em space; labels drop other leading blanks


def texts(lab: Lab, view: View, pair: GenerationPair, step: int) -> None:
    """Left: with memory, and the passages that it copied. Right: the model alone, and the branches."""
    g = pair.with_memory
    if pair.without_memory is None:
        st.html(side_heading("Model alone", MODEL))
        _strip(g, step)
        branches(view, g)
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.html(side_heading("Mixture", MIXTURE))
        _strip(g, step)
        with st.container(horizontal=True, gap="small"):
            for n, span in enumerate(g.copied, 1):
                source(lab, g, copied(n, span), f"generate.copied.{n}", span)
        st.caption(READING)
    with right:
        st.html(side_heading("Model alone", MODEL))
        if pair.after:
            st.caption("From the last token that you chose.")
        st.html(f"<div style='font-size:1.1rem;line-height:2.1;overflow-wrap:anywhere'>{alone(pair)}</div>")
        branches(view, g)


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


def go_on(view: View, g: Generation, tokens: int) -> None:
    """A button that continues this branch, or the reason why it has ended."""
    if g.ended in ("end", "context"):
        st.caption(f"Ended: {ENDINGS[g.ended]}.")
        return
    st.button(
        f"Go on by {tokens}",
        key="generate.more",
        icon=":material/fast_forward:",
        on_click=move_on,
        args=(view, Extend(tokens), len(g.tokens)),
    )


def branches(view: View, g: Generation) -> None:
    """All branches, each under the one that it forks from; a click shows it."""
    lines = branch_lines(g)
    if len(lines) < 2:
        return
    st.markdown("**Branches**")
    with st.container(gap=None):
        for line in lines:
            fork = f"{_INDENT * 2 * line.depth}└ from step {line.step}: " if line.depth else ""
            text = plain(line.text)
            st.button(
                f"{fork}**▸ {text}**" if line.shown else f"{fork}{text}",
                key=f"generate.branch.{line.leaf}",
                type="tertiary",
                on_click=move_on,
                args=(view, SwitchTo(line.leaf), line.step),
            )
