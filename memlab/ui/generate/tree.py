"""Going on, and the branches: every other token that was tried leads to one."""

from __future__ import annotations

import streamlit as st

from memlab.figures.generated import branch_lines
from memlab.results import ENDINGS, Generation
from memlab.results.moves import GoOn, Look
from memlab.ui.generate.view import View, move_on
from memlab.ui.plain import plain

_INDENT = "\u2003"  # a wide blank; labels drop others


def go_on(view: View, g: Generation, tokens: int) -> None:
    """A button that says more at the end of this branch, or why there is none."""
    if g.ended in ("end", "context"):
        st.caption(f"Ended: {ENDINGS[g.ended]}.")
        return
    st.button(
        f"Go on by {tokens}",
        key="generate.more",
        icon=":material/fast_forward:",
        on_click=move_on,
        args=(view, GoOn(tokens), len(g.tokens)),
    )


def branches(view: View, g: Generation) -> None:
    """All branches, each under the one that it leaves; a click shows it."""
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
                args=(view, Look(line.leaf), line.step),
            )
