"""What else moved: scores as counts, and the answers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from memlab.results import Moved, MovedRow
from memlab.results.moved import GROUPS
from memlab.ui.plain import plain

_MEANS = {
    "efficacy": "The edit's own questions: new answer given, or forgotten one gone.",
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


def scores_row(moved: Moved, key: str) -> None:
    """The scores as counts, side by side."""
    summary = moved.summary()
    with st.container(key=f"{key}.scores"):
        columns = st.columns(4)
        for column, group in zip(columns, GROUPS, strict=False):
            score = summary[group]
            column.metric(group.capitalize(), count(score) if score else "none", help=_MEANS[group])
        mean = "none" if moved.harmonic is None else f"{moved.harmonic:.3f}"
        columns[3].metric("Harmonic mean", mean, help=_MEANS["harmonic"])


def moved_table(moved: Moved, key: str) -> None:
    """The edit's own questions and the neighbors that moved; then how was asked."""
    asked, changed = (sum(row.group == GROUPS[2] for row in rows) for rows in (moved.rows, moved.table))
    if asked:
        st.markdown(f"The edit's own questions, and {changed} of {asked} neighbors whose answer is another one:")
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


def _cells(row: MovedRow) -> dict[str, Any]:
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
