"""Compare on the page Modify weights: one fact corrected in the datastore, in the weights and in the fact memory."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from memlab import Lab
from memlab.ui.as_table import chart
from memlab.ui.downloads import download
from memlab.ui.jobs import begin_job, show_job
from memlab.ui.plain import plain
from memlab.ui.systems.constrained_ft import settings_form

PAGE = "modify.compare"
NAMES = {"memory": "datastore"}  # the other ways keep their own names
SCORES = ("efficacy", "paraphrase", "neighborhood")


def compare_view(lab: Lab) -> None:
    """The fact and the settings, then a job; its three ways side by side. Nothing is recorded."""
    st.markdown(
        "The same fact corrected in the datastore, in the weights and in the fact memory of Facts as Experts. All three "
        "are only tried; nothing is recorded."
    )
    known = {(k.fact.subject, k.fact.relation): k.fact for k in lab.modifying.known("atlas-mlm")}
    names = sorted(f"{s} · {r}" for s, r in known)
    first = names.index("France · capital") if "France · capital" in names else 0
    chosen = st.selectbox("Fact", names, index=first, key=f"{PAGE}.fact")
    subject, _, relation = chosen.partition(" · ")
    fact = known[subject, relation]
    options = sorted({f.object for f in lab.facts(relation=relation)} - {fact.object})
    new = st.selectbox(plain(f"New object in place of {fact.object}"), options, key=f"{PAGE}.new.{chosen}")
    settings = settings_form(f"{PAGE}.set")
    asked = (chosen, new, str(settings))
    if st.button("Compare", type="primary", key=f"{PAGE}.go", icon=":material/compare:"):
        order = {"fact": [subject, relation, fact.object], "new": new, "settings": settings}
        begin_job(lab, PAGE, asked, "three-ways", f"{relation} of {subject} corrected in three ways", order)
    kept = st.session_state.get(f"{PAGE}.job")
    if kept is None:
        return
    if kept[0] != asked:
        st.caption("The fact or the settings have changed since; press Compare for new results.")
    if show_job(lab, kept[1]).state == "done":
        outcome = lab.work.outcome(kept[1])
        _result(outcome if isinstance(outcome, dict) else outcome.to_dict())


def _result(result: dict[str, Any]) -> None:
    """Bars of the three scores for each way, then everything that was measured."""
    fact, ways = result["fact"], result["results"]
    st.subheader(
        plain(f"{fact['relation']} of {fact['subject']}: {result['new']} in place of {fact['object']}"), anchor=False
    )
    for way in ways:
        if way["failed"]:
            st.warning(plain(f"Not in the {_name(way)}: {way['failed']}"), icon=":material/block:")
    done = [way for way in ways if not way["failed"]]
    chart(_bars(done), "Efficacy, paraphrase and neighborhood of each way; numbers in the table.", f"{PAGE}.chart")
    st.dataframe([_row(way) for way in done], hide_index=True, width="stretch", key=f"{PAGE}.table")
    for note in result["notes"]:
        st.caption(plain(note))
    download("JSON", lambda: json.dumps(result, ensure_ascii=False, indent=1), "three-ways.json", f"{PAGE}.json")


def _name(way: dict[str, Any]) -> str:
    return NAMES.get(way["method"], way["method"])


def _bars(ways: list[dict[str, Any]]) -> go.Figure:
    figure = go.Figure(
        [
            go.Bar(
                name=_name(way),
                x=[name.capitalize() for name in SCORES],
                y=[way[name] for name in SCORES],
                text=["" if way[name] is None else f"{way[name]:.2f}" for name in SCORES],
            )
            for way in ways
        ]
    )
    return figure.update_layout(
        height=280, yaxis_range=[0, 1.05], margin={"t": 10, "b": 10}, legend={"orientation": "h"}
    )


def _row(way: dict[str, Any]) -> dict[str, Any]:
    return {
        "corrected in": _name(way),
        **{name: way[name] for name in (*SCORES, "harmonic")},
        "neighbors moved": _of(way["moved"], way["asked"]),
        "unrelated moved": _of(way["unrelated_moved"], way["unrelated_asked"]),
        "seconds": way["seconds"],
        "bytes": way["bytes"],
        "undo": way["undo"],
    }


def _of(moved: int | None, asked: int | None) -> str:
    return "not asked" if asked is None else f"{moved} of {asked}"
