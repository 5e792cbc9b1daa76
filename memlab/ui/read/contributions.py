"""What each source of memory contributes to a passage: perplexities by combination, gain by kind of word."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from memlab.figures import gain
from memlab.results import Trace
from memlab.ui.as_table import chart
from memlab.ui.explanations.chart import heading
from memlab.ui.plain import plain

SOURCES = {"local": "Model alone", "short_term": "Short-term memory", "long_term": "Memory"}
ON = "●"


def combinations(trace: Trace) -> None:
    """Three switches, the perplexity of the combination chosen, and a table of all combinations with it marked."""
    rows = trace.summary["combinations"]
    there = {name for name in SOURCES if any(row[name] for row in rows)}
    switches, table = st.columns([2, 3], gap="large", vertical_alignment="center")
    with switches:
        on = {name: _switch(name, label, name in there) for name, label in SOURCES.items()}
        chosen = next((row for row in rows if all(row[name] == on[name] for name in SOURCES)), None)
        if chosen is None:
            st.caption("No source is switched on, so nothing is predicted.")
        else:
            st.metric("Perplexity", figure(chosen["perplexity"]), _difference(chosen, rows), delta_color="inverse")
            if chosen["impossible"]:
                st.caption(f"{chosen['impossible']:.0%} of the tokens are not among the neighbors: probability 0.")
    with table:
        st.table([_row(row, row is chosen) for row in rows], border="horizontal", hide_index=True)


def figure(perplexity: float | None) -> str:
    """A perplexity in few characters."""
    return "infinite" if perplexity is None else f"{perplexity:,.2f}"


def _switch(name: str, label: str, there: bool) -> bool:
    off = "Off in this reading; the settings turn it on." if not there else None
    key = f"read.on.{name}"
    if not there:
        st.toggle(label, value=False, key=f"{key}.off", disabled=True, help=off)
        return False
    return st.toggle(label, value=True, key=key, bind="query-params")


def _difference(chosen: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> str | None:
    """The difference in perplexity from the model alone."""
    local, own = rows[0]["perplexity"], chosen["perplexity"]
    return None if chosen is rows[0] or None in (local, own) else f"{own - local:+.2f} against the model alone"


def _row(row: Mapping[str, Any], chosen: bool) -> dict[str, str]:
    """A row of the table; the chosen one is bold, with a mark."""
    cells = {label: ON if row[name] else "" for name, label in SOURCES.items()}
    value = figure(row["perplexity"])
    return {**cells, "Perplexity": f"**▸ {value}**" if chosen else value}


def groups(trace: Trace) -> None:
    """Two charts, each under the question that it answers; the one by frequency needs a datastore."""
    for by, question in gain.QUESTIONS.items():
        if not gain.groups(trace, by):
            continue
        heading(question, gain.READINGS[by])
        said = gain.described(trace, by)
        chart(gain.by_group(trace, by), said, f"read.by.{by}", partial(gain.table, trace, by))
        st.caption(plain(said))
