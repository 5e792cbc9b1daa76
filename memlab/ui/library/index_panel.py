"""The index of a memory: every recipe measured over its keys as recall against time, and switching to another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.evaluate.prepare import bundled_stores
from memlab.figures.indexes import recall_against_time
from memlab.memory.index import RECIPES
from memlab.memory.shelf import StoreInfo
from memlab.ui.as_table import chart
from memlab.ui.jobs import begin_job, forget_job, show_job
from memlab.ui.plain import plain

COMPARE, CHANGE = "memories.search.compare", "memories.search.change"


def index_panel(lab: Lab, stores: Sequence[StoreInfo]) -> None:
    """Comparing the recipes for a memory, and changing its index; both are jobs. Nothing where there is no memory."""
    ready = [store for store in stores if store.state == "ready"]
    if not ready:
        return
    with st.expander("Index: how a memory is searched", icon=":material/manage_search:", key="memories.search"):
        st.markdown(
            "The keys stay as they are; only how they are searched changes. *Compare* makes every index in memory and asks "
            "it with keys of the memory itself: recall is the share of the ten nearest that it finds."
        )
        by_name = {store.name: store for store in ready}
        name = st.selectbox("Memory", list(by_name), key="memories.search.name")
        store = by_name[name]
        st.caption(f"{store.entries:,} entries, index {store.index}.")
        if st.button("Compare", key="memories.search.go", icon=":material/speed:"):
            begin_job(lab, COMPARE, name, "compare-indexes", f"Comparing indexes of {name}", {"name": name})
        kept = st.session_state.get(f"{COMPARE}.job")
        if kept is not None and kept[0] == name and show_job(lab, kept[1]).state == "done":
            outcome = lab.work.outcome(kept[1])
            _compared(outcome if isinstance(outcome, dict) else outcome.to_dict())
        if name in bundled_stores():
            st.caption("The bundled memories keep their index.")
        else:
            _change(lab, store)


def _compared(found: Mapping[str, Any]) -> None:
    rows = found["results"]
    said = f"Recall of the ten nearest against milliseconds a question, {len(rows)} settings; the numbers are in the table."
    chart(recall_against_time(rows), said, "memories.search.chart")
    names = {
        "recipe": "index",
        "lists": "lists read",
        "recall": "recall@10",
        "p50_ms": "ms (median)",
        "p95_ms": "ms (95%)",
    }
    names |= {"build_s": "made in s", "bytes": "bytes an entry", "in_use": "in use"}
    table = [{label: row[name] for name, label in names.items()} for row in rows]
    st.dataframe(table, hide_index=True, width="stretch", key="memories.search.table")
    for left in found["passed_over"]:
        st.caption(f"{left} is not meant for this many entries.")


def _change(lab: Lab, store: StoreInfo) -> None:
    """Another recipe for a memory of one's own."""
    others = [recipe for recipe in RECIPES if recipe != store.index]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        recipe = st.selectbox("Another index", others, key="memories.search.recipe")
        if st.button("Use it", key="memories.search.use", icon=":material/swap_horiz:"):
            order = {"name": store.name, "recipe": recipe}
            begin_job(lab, CHANGE, (store.name, recipe), "change-index", f"Index {recipe} for {store.name}", order)
    kept = st.session_state.get(f"{CHANGE}.job")
    if kept is not None and kept[0][0] == store.name and show_job(lab, kept[1]).state == "done":
        st.success(plain(f"{kept[0][0]} is searched by {kept[0][1]} now."), icon=":material/check_circle:")
        if store.index != kept[0][1]:  # the table above was drawn before
            forget_job(CHANGE)
            st.rerun()
