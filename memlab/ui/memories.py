"""The datastores there are: a table, what is wrong with some, deleting one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.evaluate.prepare import bundled_stores
from memlab.memory.shelf import StoreInfo
from memlab.results.contents import Contents
from memlab.results.texts import TextReport
from memlab.ui.plain import plain
from memlab.ui.session import show_error

_SAID = "memories.said"


def memory_table(stores: Sequence[StoreInfo]) -> None:
    """One row for each datastore; the size of one that is not there yet, or cannot be read, is left empty."""
    rows = [
        {
            "Name": store.name,
            "Made by": Path(store.model).name if Path(store.model).is_absolute() else store.model,
            "Key": store.key,
            "Entries": store.entries if store.state == "ready" else None,
            "Texts": store.documents if store.state == "ready" else None,
            "Index": store.index,
            "State": store.state,
            "Settings": store.calibration,
        }
        for store in stores
    ]
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"Entries": number, "Texts": number},
        placeholder="–",
        key="memories.table",
    )


def what_is_wrong(stores: Sequence[StoreInfo]) -> None:
    """Why some datastores cannot be used, and the result of the last action on this page."""
    for store in stores:
        if store.state == "broken":
            st.error(plain(f"{store.name}: {store.why}"), icon=":material/error:")
        elif store.state == "missing":
            st.info(plain(f"{store.name} is not built yet: {store.why}"), icon=":material/hourglass_empty:")
    if said := st.session_state.pop(_SAID, None):
        st.success(plain(said), icon=":material/check_circle:")


def what_was_left_out(built: object) -> None:
    """How the texts of a finished build were read, and the settings of its datastores.

    Args:
        built: the datastores, or their JSON if another process built them.
    """
    for store in built if isinstance(built, list) else ():
        name, settings = (
            (store.get("name"), store.get("calibration"))
            if isinstance(store, dict)
            else (getattr(store, "name", ""), getattr(store, "calibration", ""))
        )
        if settings:
            st.info(plain(f"{name}: {settings}."), icon=":material/tune:")
    first = built[0] if isinstance(built, list) and built else None
    report = first.get("report") if isinstance(first, dict) else getattr(first, "report", None)
    if isinstance(report, dict):
        report = TextReport.of(report)
    for line in report.lines() if report else ():
        st.info(plain(line), icon=":material/info:")
    holds = first.get("contents") if isinstance(first, dict) else getattr(first, "contents", None)
    if holds is not None:
        show_contents(holds if isinstance(holds, Contents) else Contents.of(holds), "memories.built")


def what_it_holds(lab: Lab, stores: Sequence[StoreInfo]) -> None:
    """What a chosen memory holds. Nothing where there is none."""
    ready = [store for store in stores if store.state == "ready"]
    if not ready:
        return
    with st.expander(
        "Contents: what a memory holds", icon=":material/inventory_2:", key="memories.contents", on_change="rerun"
    ) as opened:
        if not opened.open:
            return
        name = st.selectbox("Memory", [store.name for store in ready], key="memories.contents.name")
        for source in next(store.sources for store in ready if store.name == name):
            st.caption(plain(f"From {source.sentence()}."))
        show_contents(lab.building.contents(name), "memories.contents")


def show_contents(holds: Contents, key: str) -> None:
    """Counts, frequent values, repetitions and a sample."""
    counts = {"Entries": holds.entries, "Texts": holds.texts, "Different values": holds.values}
    counts |= {"Repeated entries": holds.same_contexts, "Repeated texts": holds.same_texts}
    for column, (label, number) in zip(st.columns(len(counts)), counts.items(), strict=True):
        column.metric(label, f"{number:,}")
    st.caption(plain(f"{holds.repeated()}. {holds.once:,} values are those of a single entry."))
    values, sample = st.columns([1, 2], gap="large")
    with values:
        st.markdown("**Most frequent values**")
        rows = [{"Value": f"“{v.value}”", "Entries": v.entries, "Share": v.share} for v in holds.frequent]
        config = {
            "Entries": st.column_config.NumberColumn(format="localized"),
            "Share": st.column_config.NumberColumn(format="percent"),
        }
        st.dataframe(rows, hide_index=True, column_config=config, height=300, key=f"{key}.frequent")
    with sample:
        st.markdown("**Some entries**")
        for entry in holds.sample:
            before, value, after = (" ".join(part.split()) for part in (entry.before, entry.value, entry.after))
            st.markdown(f"…{plain(before)} **{plain(value)}** {plain(after)}…")
            st.caption(plain(f"{entry.document}, entry {entry.entry:,}"))


def delete(lab: Lab, stores: Sequence[StoreInfo]) -> None:
    """Deleting a datastore of one's own, by typing its name. Nothing where there is none."""
    own = [store.name for store in stores if store.name not in bundled_stores()]
    if not own:
        return
    with st.popover("Delete a memory", icon=":material/delete:"):
        name = st.selectbox("Memory", own, key="memories.delete.name")
        with st.form("memories.delete", border=False, clear_on_submit=True):
            st.markdown(
                f"Its files are gone for good; the texts that it was made from stay. Type its name: **{plain(name)}**"
            )
            repeated = st.text_input(
                "Name", key="memories.delete.repeated", label_visibility="collapsed", autocomplete="off"
            )
            if st.form_submit_button("Delete for good", icon=":material/delete:"):
                try:
                    lab.building.delete(name, repeated)
                except MemlabError as error:
                    show_error(error)
                    return
                st.session_state[_SAID] = f"Deleted {name}."
                st.rerun()
