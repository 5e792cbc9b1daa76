"""View of the page Beliefs: the rules of the constraint graph, and adding, changing and removing them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab.errors import MemlabError
from memlab.systems.beliefbank.constraints import KINDS, NEEDS, Constraint
from memlab.systems.beliefbank.phrasing import rule, short
from memlab.systems.beliefbank.state import ADD, CHANGE, REMOVE
from memlab.ui.app.session import show_error
from memlab.ui.plain import plain
from memlab.ui.systems.beliefbank_desk import Desk, edit, signed


def rules_view(desk: Desk) -> None:
    """The rules about one property (or all); one can be changed or removed, another added."""
    st.markdown(
        "Rules hold for every thing of this graph. A changed rule is an edit of this workspace and can be undone."
    )
    properties = list(desk.graph.properties)
    about = st.selectbox(
        "Property",
        [None, *properties],
        format_func=lambda n: "All properties" if n is None else short(n),
        key=f"beliefs.rules.about.{desk.name}",
    )
    shown = list(desk.graph.touching.get(about, ())) if about else list(desk.graph.constraints)
    rows = [{"rule": rule(c), "kind": c.kind, "weight": c.weight} for c in shown]
    chosen: Any = st.dataframe(
        rows,
        hide_index=True,
        height=280,
        key=f"beliefs.rules.{desk.name}.{about}",
        on_select="rerun",
        selection_mode="single-row",
    )
    picked = chosen.selection.rows if chosen else []
    if picked and picked[0] < len(shown):
        _one_rule(desk, shown[picked[0]])
    else:
        st.caption(f"{len(shown):,} rules. Choose one to change its weight or to remove it.")
    _new_rule(desk, properties)


def _one_rule(desk: Desk, chosen: Constraint) -> None:
    st.markdown(f"**{plain(rule(chosen))}**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        weight = st.number_input(
            "Weight", 0.01, 100.0, float(chosen.weight), 0.1, key=f"beliefs.rule.weight.{chosen.id}",
            help="Relative to the other rules of its kind; the sliders of “Solve” scale each kind.",
        )  # fmt: skip
        if st.button("Change the weight", key="beliefs.rule.change", disabled=desk.locked or weight == chosen.weight):
            changed = Constraint(chosen.kind, chosen.source, chosen.targets, weight)
            edit(desk, lambda: desk.lab.beliefs.constrain(changed, CHANGE, desk.name, author=signed()))
        if st.button("Remove", key="beliefs.rule.remove", icon=":material/delete:", disabled=desk.locked):
            edit(desk, lambda: desk.lab.beliefs.constrain(chosen, REMOVE, desk.name, author=signed()))


def _new_rule(desk: Desk, properties: list[str]) -> None:
    with st.form(f"beliefs.rule.new.{desk.name}", border=True):
        st.markdown("**Add a rule**")
        left, middle, right = st.columns([2, 1, 2])
        source = left.selectbox("What has", properties, format_func=short, key=f"beliefs.rule.source.{desk.name}")
        kind = middle.selectbox(
            "relation", list(KINDS), key="beliefs.rule.kind", help="; ".join(f"{k}: {v}" for k, v in KINDS.items())
        )
        targets = right.multiselect(
            "properties", properties, format_func=short, key=f"beliefs.rule.targets.{desk.name}",
            help=f"One; for {NEEDS!r} one or more, of which at least one must hold.",
        )  # fmt: skip
        weight = st.number_input("Weight of the new rule", 0.01, 100.0, 1.0, 0.1, key="beliefs.rule.new_weight")
        wanted = st.form_submit_button("Add the rule", icon=":material/add:", disabled=desk.locked)
    if not wanted:
        return
    try:
        made = Constraint(kind, source, tuple(targets), weight)
    except MemlabError as error:
        show_error(error)
        return
    edit(desk, lambda: desk.lab.beliefs.constrain(made, ADD, desk.name, author=signed()))
