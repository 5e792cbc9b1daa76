"""What an edit changes: its own questions before and after, its scores, and which other answers moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.before_after import before_and_after
from memlab.figures.theme import MIXTURE
from memlab.results import AnswerChange, Comparison, Edit, EditEffects, Neighbor
from memlab.results.side_effects import GROUPS
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.as_table import chart
from memlab.ui.ask.neighbors import row
from memlab.ui.edit.timeline import question_of
from memlab.ui.highlight import chip
from memlab.ui.plain import plain

BEFORE_AFTER = "Before and after"


def effect(
    lab: Lab, edit: Edit, moved: EditEffects | None, questions: Sequence[str], datastore: str | None, key: str
) -> None:
    """Two views under one switch. Without `moved` (the memory is being built) only the questions.

    Args:
        questions: what to ask where `moved` has no questions of the edit's own.
    """
    own = [row.prompt for row in moved.rows if row.group != GROUPS[2]] if moved else []
    else_moved = "What else moves" if edit.dry_run else "What else moved"
    views = [BEFORE_AFTER, else_moved] if moved else [BEFORE_AFTER]
    view = st.segmented_control(
        "View", views, default=views[0], required=True, key=f"{key}.view", label_visibility="collapsed"
    )
    if view == else_moved and moved is not None:
        moved_table(moved, key)
    else:
        difference_panel(lab, edit, own or questions, datastore, key)


_MEANS = {
    "efficacy": "The edit's own questions: the new answer is given, or the forgotten one is gone.",
    "paraphrase": "The same facts in other words that no memory was tuned on.",
    "neighborhood": "Facts that share subject, relation or object: answers that stayed.",
    "harmonic": "Harmonic mean of the three shares: low as soon as one of them is.",
}
MOST = 100  # rows shown


def count(score: Mapping[str, Any]) -> str:
    """A share as the count it comes from: 199 of 200."""
    return f"{round(score['score'] * score['questions'])} of {score['questions']}"


def scores_line(scores: Mapping[str, Any]) -> str:
    """The figures of an edit in one line; empty where none were recorded."""
    parts = [f"{group} {count(scores[group])}" for group in GROUPS if isinstance(scores.get(group), dict)]
    if scores.get("harmonic") is not None:
        parts.append(f"harmonic {scores['harmonic']:.3f}")
    return " · ".join(parts)


def scores_row(moved: EditEffects, key: str) -> None:
    """The scores as counts, side by side."""
    summary = moved.summary()
    with st.container(key=f"{key}.scores"):
        columns = st.columns(4)
        for column, group in zip(columns, GROUPS, strict=False):
            score = summary[group]
            column.metric(group.capitalize(), count(score) if score else "none", help=_MEANS[group])
        mean = "none" if moved.harmonic is None else f"{moved.harmonic:.3f}"
        columns[3].metric("Harmonic mean", mean, help=_MEANS["harmonic"])


def moved_table(moved: EditEffects, key: str) -> None:
    """The edit's own questions and the neighbors that moved; then how they were asked."""
    asked, changed = (sum(row.group == GROUPS[2] for row in rows) for rows in (moved.rows, moved.table))
    if asked:
        st.markdown(f"The edit's own questions, and {changed} of {asked} neighbors whose answer changed:")
    rows = [_cells(row) for row in moved.table[:MOST]]
    if rows:
        number = st.column_config.NumberColumn(format="%.2f")
        config: dict[str, Any] = {"p before": number, "p after": number}
        if not any(row["shares"] for row in rows):
            config["shares"] = None
        st.dataframe(rows, hide_index=True, width="stretch", column_config=config, key=f"{key}.table")
    if len(moved.table) > MOST:
        st.caption(f"The first {MOST} of {len(moved.table)}.")
    how = f"Asked {len(moved.rows)} questions with {moved.method} on {moved.datastore}, without and with the edit."
    st.caption(plain(" ".join([how, *moved.notes])))


def _cells(row: AnswerChange) -> dict[str, Any]:
    return {
        "group": row.group,
        "question": row.prompt,
        "shares": row.shared,
        "before": row.before or "(no answer)",
        "after": row.after or "(no answer)",
        "p of": row.word,
        "p before": row.p_before,
        "p after": row.p_after,
    }


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
    chart(before_and_after(c, rows=5), f"Before: {c.a.answer}. After: {c.b.answer}.", f"{key}.chart")
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
