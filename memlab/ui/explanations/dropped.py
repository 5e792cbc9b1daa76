"""Which neighbors are dropped: kept in the address, so that a link restores it."""

from __future__ import annotations

import streamlit as st

from memlab.results import Prediction
from memlab.ui.app.address import whole_number

WITHOUT = "without"
_KEEP = "look.keep."


def dropped() -> tuple[int, ...]:
    """The entries that the address leaves out; parts that are not numbers are ignored."""
    numbers = map(whole_number, st.query_params.get(WITHOUT, "").split(","))
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def drop_only(entries: tuple[int, ...]) -> None:
    """Put the entries into the address, or take them out."""
    if entries:
        st.query_params[WITHOUT] = ",".join(map(str, entries))
    elif WITHOUT in st.query_params:
        del st.query_params[WITHOUT]


def keep_box(entry: int, label: str) -> None:
    """A checkbox that is ticked while the entry votes."""
    key = f"{_KEEP}{entry}"
    st.session_state[key] = entry not in dropped()
    st.checkbox(label, key=key, on_change=_turned, args=(entry,))


def _turned(entry: int) -> None:
    rest = tuple(e for e in dropped() if e != entry)
    drop_only(rest if st.session_state[f"{_KEEP}{entry}"] else (*rest, entry))


def order(p: Prediction, count: int) -> list[int]:
    """Positions of the neighbors to offer: the first ones, then those that are dropped further down."""
    gone = set(dropped())
    return [i for i, n in enumerate(p.neighbors) if i < count or n.entry in gone]
