"""The effect of a change, before or after it is made: one line and moving bars."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from memlab import Lab
from memlab.figures.theme import MIXTURE
from memlab.results import Comparison, Edit, EditEffects, Prediction
from memlab.results.side_effects import GROUPS
from memlab.results.verdict import Verdict, plain_word
from memlab.ui.author import author
from memlab.ui.edit.forms import Change
from memlab.ui.fix.before_after_bars import before_after_bars
from memlab.ui.highlight import chip
from memlab.ui.plain import plain


def tried(lab: Lab, change: Change, p: Prediction) -> Edit:
    """The dry run of a change, measured with the method and the settings of an answer. Raises MemlabError."""
    edit = change.work(lab, author(), dry_run=True, scores=False)
    moved = measured(lab, edit, p)
    return edit if moved is None else replace(edit, scores=moved.summary(), moved=moved)


def measured(lab: Lab, edit: Edit, p: Prediction) -> EditEffects | None:
    """What else an edit moves, asked with the answer's method and settings, or with the datastore's default method if
    the answer's has no p_kNN. None while the datastore is not built."""
    if not any(store.name == p.datastore and store.state == "ready" for store in lab.datastores()):
        return None
    method = lab.methods()[p.method]
    of = edit if edit.dry_run else edit.seq
    if method.knn is None:
        return lab.side_effects.of(of, datastore=p.datastore)
    return lab.side_effects.of(of, method=p.method, datastore=p.datastore, **p.settings)


def counts(moved: EditEffects) -> str:
    """How many of the edit's own questions are answered as wanted, and how many neighbors stay, in words."""
    own = [row for row in moved.rows if row.group != GROUPS[2]]
    near = [row for row in moved.rows if row.group == GROUPS[2]]
    parts = []
    if own:
        right, before = sum(row.right_after for row in own), sum(row.right_before for row in own)
        questions = "question" if len(own) == 1 else "questions"
        parts.append(f"{right} of {len(own)} {questions} as wanted now (before: {before})")
    if near:
        parts.append(f"{sum(not row.moved for row in near)} of {len(near)} neighbors unmoved")
    return ", ".join(parts) or "No question of the bundled world is about this edit"


def shown_effect(
    lab: Lab, edit: Edit, moved: EditEffects | None, p: Prediction, verdict: Verdict | None, key: str
) -> None:
    """The counts, the answer before and after, and bars that move. Raises MemlabError."""
    how = {"method": p.method, "model": p.model, "datastore": p.datastore, **p.settings}
    c = lab.side_effects.difference(edit if edit.dry_run else edit.seq, p.prompt, **how)
    st.html(_answers(c, verdict, edit.dry_run))
    if moved is not None:
        st.markdown(f":material/fact_check: **{plain(counts(moved))}**")
    else:
        st.caption("What else moves is measured once the memory is built.")
    before_after_bars(c, verdict.expected if verdict else (), f"{key}.bars")


def _answers(c: Comparison, verdict: Verdict | None, dry_run: bool) -> str:
    now, then = ("now", "with it") if dry_run else ("before", "after")
    right = {plain_word(answer) for answer in verdict.expected} if verdict else set()
    sides = "&emsp;→&emsp;".join(
        f"{when}: {chip(p.answer, MIXTURE)}{_mark(p.answer, right)} <span style='opacity:0.85'>p = {p.mixture[0].p:.2f}</span>"
        for when, p in ((now, c.a), (then, c.b))
    )
    same = " The first word stays." if c.same_answer else ""
    return f"<div style='overflow-wrap:anywhere'>{sides}{escape(same)}</div>"


def _mark(answer: str, right: set[str]) -> str:
    if not right:
        return ""
    good = plain_word(answer) in right
    return f" <span role='img' aria-label='{'right' if good else 'wrong'}'>{'✓' if good else '✗'}</span>"
