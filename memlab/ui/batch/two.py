"""Two batches side by side: which settings differ, and which answers changed."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.lab.kept_batches import KeptBatch
from memlab.results.batch_summary import ChangedRow, changes, differences
from memlab.ui.app.address import whole_number
from memlab.ui.app.session import show_error
from memlab.ui.batch.shown import MARKS
from memlab.ui.plain import plain

WITH = "with"  # in the address: the number of the other batch
_CHOSEN = "batch.with"
NAMES = {"lm": "model", "as_of": "edit", "lam": "λ"}


def beside_another(lab: Lab, kept: KeptBatch) -> None:
    """A menu of the other batches; with one chosen, what changed from it (A) to this one (B)."""
    titles = {number: title for number, title in lab.batches.titles().items() if number != kept.id}
    if not titles:
        st.caption("Ask again with another method, another λ or after an edit, and compare both here.")
        return
    asked = whole_number(st.query_params.get(WITH, ""))
    if WITH in st.query_params and asked not in titles:
        st.caption(plain(f"There is no other batch {st.query_params[WITH][:20]} in this workspace."))
    st.session_state[_CHOSEN] = asked if asked in titles else None
    chosen = st.selectbox(
        "Compare with an earlier batch (A)",
        list(titles),
        key=_CHOSEN,
        format_func=lambda number: f"{number}: {titles[number]}",
        placeholder="Choose a batch",
        index=None,
        on_change=_into_address,
    )
    if chosen is None:
        return
    try:
        other = lab.batches.get(chosen)
    except MemlabError as error:
        show_error(error)
        return
    _show(other, kept)


def _into_address() -> None:
    """Puts the number of the other batch into the address, or takes it out: a bound control would write its label."""
    chosen = st.session_state[_CHOSEN]
    if chosen is not None:
        st.query_params[WITH] = str(chosen)
    elif WITH in st.query_params:
        del st.query_params[WITH]


def _show(a: KeptBatch, b: KeptBatch) -> None:
    asked = differences(a.rows, b.rows)
    said = " · ".join(f"**{plain(NAMES.get(name, name))}** {plain(x)} → {plain(y)}" for name, (x, y) in asked.items())
    st.markdown(said or "Both were asked in the same way.")
    rows = changes(a.rows, b.rows)
    counts = Counter(row.what for row in rows)
    order = ("now right", "now wrong", "another answer", "the same", "only in A", "only in B")
    with st.container(horizontal=True):
        for what in order:
            if counts[what]:
                st.metric(what.capitalize(), counts[what], width="content")
    changed = sorted((row for row in rows if row.what != "the same"), key=lambda row: order.index(row.what))
    if not changed:
        st.caption("No answer changed.")
        return
    number = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        [_cells(row) for row in changed],
        hide_index=True,
        key="batch.two",
        column_config={"p A": number, "p B": number},
    )


def _cells(row: ChangedRow) -> dict[str, object]:
    sides = {}
    for name, side in (("A", row.a), ("B", row.b)):
        verdict = "" if side is None or side.verdict is None else f"{MARKS[side.verdict]} {side.verdict}"
        sides[name] = {
            f"{name}": None if side is None else side.answer or f"not answered: {side.error}",
            f"p {name}": None if side is None else side.p,
            f"verdict {name}": verdict,
        }
    return {"changed": row.what, "prompt": row.prompt, **sides["A"], **sides["B"]}
