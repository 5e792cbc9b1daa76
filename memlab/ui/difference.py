"""One of an edit's questions before and after it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.before_after import before_and_after
from memlab.figures.theme import MIXTURE
from memlab.results import Comparison, Edit, Neighbor
from memlab.ui.highlight import chip
from memlab.ui.links import link_to
from memlab.ui.neighbors import row
from memlab.ui.session import show_error
from memlab.ui.timeline import question_of

FIRST = 3  # passages shown on each side
AROUND = 50  # characters shown around the remembered word


def difference_panel(lab: Lab, edit: Edit, questions: Sequence[str], datastore: str | None, key: str) -> None:
    """The answers, the charts, the passages gained and lost, and links to both sides on the Ask page."""
    if not questions:
        return
    prompt = questions[0]
    if len(questions) > 1:
        prompt = st.selectbox("Question", questions, key=f"{key}.question", label_visibility="collapsed")
    try:
        c = lab.side_effects.difference(edit if edit.dry_run else edit.seq, prompt, datastore=datastore)
    except MemlabError as error:
        show_error(error)
        return
    st.html(_sentence(c, edit.dry_run))
    st.plotly_chart(
        before_and_after(c, rows=5),
        config={"displayModeBar": False},
        key=f"{key}.chart",
        alt=f"Before: {c.a.answer}. After: {c.b.answer}.",
    )
    st.caption("Each word has two bars: the upper, hatched one is before the edit, the lower one after it.")
    heaviest = max((n.weight for p in (c.a, c.b) for n in p.neighbors), default=1.0)
    lost, gained = st.columns(2, gap="medium")
    with lost:
        _passages("Passages lost", c.lost, heaviest)
    with gained:
        _passages("Passages gained", c.gained, heaviest)
    if not edit.dry_run:
        with st.container(horizontal=True):
            for label, seq in (("Ask before this edit", edit.seq - 1), ("Ask after this edit", edit.seq)):
                link_to("ask", label, {**question_of(prompt), "as_of": str(seq)}, "history")


def _sentence(c: Comparison, dry_run: bool) -> str:
    now, then = ("now", "with this edit") if dry_run else ("before", "after")
    same = " The first word stays." if c.same_answer else ""
    sides = (
        f"{when}: {chip(p.answer, MIXTURE)} <span style='opacity:0.8'>p = {p.mixture[0].p:.2f}</span>"
        for when, p in ((now, c.a), (then, c.b))
    )
    return f"<div style='overflow-wrap:anywhere'>{escape(c.a.prompt)}<br>{'&emsp;→&emsp;'.join(sides)}{same}</div>"


def _passages(title: str, neighbors: Sequence[Neighbor], heaviest: float) -> None:
    st.markdown(f"{title}: **{len(neighbors)}**")
    for n in neighbors[:FIRST]:
        st.html(row(replace(n, left=_end(n.left), right=_beginning(n.right)), heaviest))
    if len(neighbors) > FIRST:
        st.caption(f"The nearest {FIRST} of {len(neighbors)}.")


def _end(text: str) -> str:
    return text if len(text) <= AROUND else "… " + text[-AROUND:].partition(" ")[2]


def _beginning(text: str) -> str:
    return text if len(text) <= AROUND else text[:AROUND].rpartition(" ")[0] + " …"
