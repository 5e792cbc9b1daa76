"""Views of the page Beliefs: the beliefs about a thing as a graph and as a table, reasons and conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.constraints import Entity
from memlab.systems.beliefbank.explain import Conflict
from memlab.systems.beliefbank.figures import belief_graph
from memlab.systems.beliefbank.phrasing import rule, short, statement
from memlab.ui.as_table import chart
from memlab.ui.plain import plain
from memlab.ui.systems.beliefbank_desk import Desk, edit, nothing, signed

FOCUS = "beliefs.focus"


def graph_view(desk: Desk) -> None:
    """The beliefs as a graph; a click on a belief or a conflict chooses it."""
    if nothing(desk):
        return
    st.caption(
        "Filled: believed true. Hollow: false. Diamond: flipped by the solver. Square: pinned. Red: in a conflict; click it to see what clashes. "
        "At most 60 beliefs are drawn; the table has all."
    )
    fig = belief_graph(desk.entity, desk.beliefs, desk.graph.constraints)
    held = sum(b.label for b in desk.beliefs.values())
    said = f"{len(desk.beliefs)} beliefs about {desk.entity.name}: {held} held true, {len(desk.beliefs) - held} false."
    event = chart(fig, said, "beliefs.chart", lambda: belief_rows(desk.entity, desk.beliefs), picks=True)
    picked = [p["customdata"] for p in event.selection.points if p.get("customdata")] if event else []
    clicked = picked[0] if picked else []
    if clicked and clicked[0] in desk.beliefs:
        st.session_state[FOCUS] = clicked[0]
    if len(clicked) == 2:
        _one_edge(desk, *clicked)
    _one_belief(desk)


def belief_rows(entity: Entity, beliefs: Mapping[str, Belief]) -> list[dict[str, str]]:
    """The beliefs of a graph as a table: statement, label, confidence, and whether a person or the solver set the label."""
    return [
        {
            "belief": statement(entity, name, b.label),
            "held": "true" if b.label else "false",
            "confidence": f"{b.p:.2f}",
            "set by": "a person" if b.pinned else "the solver" if b.flipped else b.origin,
        }
        for name, b in beliefs.items()
    ]


def _one_edge(desk: Desk, source: str, target: str) -> None:
    """The conflict of a red edge that was clicked, with buttons to pin; nothing once it is repaired."""
    found = [
        c
        for c in desk.lab.beliefs.conflicts(desk.entity.name, desk.name, desk.as_of)
        if {source, target} <= {b.property for b in c.beliefs}
    ]
    if found:
        with st.container(border=True):
            st.markdown("**The red edge that you clicked**")
            _one_conflict(desk, found[0])


def _one_belief(desk: Desk) -> None:
    """One belief: why it is believed, what clashes with it, pin, retract."""
    names = sorted(desk.beliefs, key=lambda n: (not desk.beliefs[n].label, short(n)))
    focus = st.session_state.get(FOCUS)
    chosen = st.selectbox(
        "Belief",
        names,
        index=names.index(focus) if focus in names else 0,
        format_func=lambda n: statement(desk.entity, n, desk.beliefs[n].label),
        help="Click one in the graph, or choose it here.",
    )
    belief = desk.beliefs[chosen]
    said = (
        f"Stated by the {belief.origin} with confidence {belief.p:.2f}." if not belief.pinned else "Pinned by a person."
    )
    if belief.flipped:
        first = "true" if belief.first else "false"
        said = f"The model said {first} with confidence {belief.p:.2f}; the solver changed the label."
    st.caption(plain(said))
    with st.container(horizontal=True):
        for label, word in ((True, "Pin as true"), (False, "Pin as false")):
            if st.button(word, key=f"beliefs.pin.{word}", icon=":material/push_pin:", disabled=desk.locked):
                edit(desk, partial(desk.lab.beliefs.pin, desk.entity.name, chosen, label, desk.name, author=signed()))
        if st.button("Retract", key="beliefs.retract", icon=":material/delete:", disabled=desk.locked):
            edit(desk, lambda: desk.lab.beliefs.retract(desk.entity.name, [chosen], desk.name, author=signed()))
    left, right = st.columns(2)
    with left:
        st.markdown("**Why is this believed?**")
        _why(desk, chosen)
    with right:
        st.markdown("**What clashes?**")
        clash(desk, desk.lab.beliefs.clash(desk.entity.name, chosen, desk.name, desk.as_of))


def _why(desk: Desk, property: str) -> None:
    steps = desk.lab.beliefs.why(desk.entity.name, property, desk.name, desk.as_of)
    if not steps:
        st.caption("No constraint supports it; it rests on the answer alone.")
    for step in steps:
        grounds = " and ".join(f"“{statement(desk.entity, p, label)}”" for p, label in step.because[:4])
        more = f" and {len(step.because) - 4} more" if len(step.because) > 4 else ""
        st.markdown(
            plain(
                f"{statement(desk.entity, step.property, step.label)} — because {grounds}{more} ({rule(step.constraint)})"
            )
        )


def clash(desk: Desk, found: Conflict | None) -> None:
    """A minimal conflict in words: the beliefs and the rules that cannot all hold."""
    if found is None:
        st.caption("Nothing clashes: all of it can be true together.")
        return
    st.markdown(
        plain("Cannot all hold: " + " ".join(f"“{statement(desk.entity, b.property, b.label)}”" for b in found.beliefs))
    )
    for c in found.constraints:
        st.markdown(f"- {plain(rule(c))}")


def table_view(desk: Desk) -> None:
    """All beliefs, and all conflicts; a click on one shows what clashes, with pins."""
    if nothing(desk):
        return
    rows = [
        {"belief": statement(desk.entity, n, b.label), "label": b.label, "confidence": b.p, "origin": b.origin, "flipped": b.flipped, "pinned": b.pinned, "true in the graph": desk.entity.facts.get(n)}
        for n, b in desk.beliefs.items()
    ]  # fmt: skip
    st.dataframe(
        rows,
        hide_index=True,
        height=420,
        column_config={"confidence": st.column_config.ProgressColumn(min_value=0.5, max_value=1.0, format="%.2f")},
    )
    found = desk.lab.beliefs.conflicts(desk.entity.name, desk.name, desk.as_of)
    st.markdown(f"**{len(found)} conflict{'' if len(found) == 1 else 's'}**")
    if not found:
        return
    table = [
        {
            "beliefs": " ".join(statement(desk.entity, b.property, b.label) for b in c.beliefs[:3]),
            "rule": rule(c.constraints[0]),
        }
        for c in found
    ]
    chosen: Any = st.dataframe(
        table,
        hide_index=True,
        key=f"beliefs.conflicts.{desk.entity.name}",
        on_select="rerun",
        selection_mode="single-row",
    )
    picked = chosen.selection.rows if chosen else []
    if not picked or picked[0] >= len(found):
        st.caption("Choose a conflict to see its beliefs, and to pin one of them.")
        return
    _one_conflict(desk, found[picked[0]])


def _one_conflict(desk: Desk, found: Conflict) -> None:
    clash(desk, found)
    for b in found.beliefs[:8]:
        text, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        text.markdown(plain(f"{statement(desk.entity, b.property, b.label)} ({b.origin}, {b.p:.2f})"))
        for column, label, word in ((yes, True, "Pin as true"), (no, False, "Pin as false")):
            if column.button(word, key=f"beliefs.conflict.{b.property}.{label}", disabled=desk.locked):
                edit(
                    desk, partial(desk.lab.beliefs.pin, desk.entity.name, b.property, label, desk.name, author=signed())
                )
