"""Views of the page Beliefs: the solver with its sliders, what to check first, and scores over time."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from memlab.systems.beliefbank.bank import MEASURES
from memlab.systems.beliefbank.chapter import DEFAULTS
from memlab.systems.beliefbank.figures import belief_graph, over_edits
from memlab.systems.beliefbank.phrasing import rule, statement
from memlab.systems.beliefbank.solver import Solution, Weights
from memlab.ui.as_table import chart
from memlab.ui.plain import plain
from memlab.ui.systems.beliefbank_desk import Desk, edit, nothing, signed
from memlab.ui.systems.beliefbank_graph import belief_rows

STEPS = [0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0]


def _weights() -> dict[str, Any]:
    """The solver's settings as sliders; tuned ones are the defaults."""
    left, middle, right = st.columns(3)
    return {
        "lam": left.select_slider("λ of beliefs", STEPS, value=1.0, key="beliefs.lam", help="What flipping costs. Larger: fewer flips."),
        "forward": middle.select_slider("Implications and exclusions", STEPS, value=DEFAULTS["forward"], key="beliefs.forward", help="What violating one costs."),
        "back": right.select_slider("Backward rules", STEPS, value=DEFAULTS["back"], key="beliefs.back", help="What violating a rule 'needs one of' costs."),
        "measure": left.segmented_control("Weight of a belief", MEASURES, default="p", required=True, key="beliefs.measure", help="The confidence p, or log-odds."),
    }  # fmt: skip


def solve_view(desk: Desk) -> None:
    """Before and after; moving a slider solves again at once, and nothing is recorded until Keep is pressed."""
    if nothing(desk):
        return
    given = _weights()
    weights: Weights = desk.lab.beliefs.weights(**given)
    found = desk.lab.beliefs.solution(desk.entity.name, weights, desk.name, desk.as_of)
    _before_and_after(desk, found)
    if found.proven:
        st.caption(plain(found.note or "Proven: no other labels cost less."))
    else:
        st.warning(plain(found.note), icon=":material/timer_off:")
    rules = {c.id: rule(c) for c in desk.graph.constraints}
    rows = [
        {
            "flip": statement(desk.entity, f.property, f.label),
            "would cost": f.weight,
            "because": "; ".join(rules.get(id, id) for id in f.because[:3]),
        }
        for f in found.flips
    ]
    if rows:
        st.dataframe(rows, hide_index=True)
    if st.button(
        "Keep these labels",
        key="beliefs.keep",
        type="primary",
        icon=":material/check:",
        disabled=desk.locked,
        help="One edit of the ledger, with its cost and what forced each flip.",
    ):
        edit(desk, lambda: desk.lab.solve(desk.entity.name, graph=desk.name, **given, author=signed()))
    if st.toggle("Show the graph after solving", key="beliefs.after"):
        after = {name: b.relabeled(found.labels[name]) for name, b in desk.beliefs.items()}
        said = f"The beliefs about {desk.entity.name} after solving: {len(found.flips)} flips."
        drawn = belief_graph(desk.entity, after, desk.graph.constraints)
        chart(drawn, said, "beliefs.after_chart", lambda: belief_rows(desk.entity, after))


def _before_and_after(desk: Desk, found: Solution) -> None:
    before, after = desk.lab.beliefs.effect(found, desk.name, desk.as_of)
    with st.container(horizontal=True):
        st.metric(
            "Violated",
            f"{len(found.before)} → {len(found.violated)}",
            help="Rules violated by what was asserted, and by the solver's labels.",
        )
        st.metric("Consistency", f"{before.consistency:.3f} → {after.consistency:.3f}")
        st.metric(
            "F1", f"{before.f1:.3f} → {after.f1:.3f}", help="On the label True, against what is true in the graph."
        )
        st.metric("Flips", len(found.flips))
        st.metric("Cost", f"{found.objective:.2f}", help=f"Bound: no labels cost less than {found.bound:.2f}.")
        st.metric("Solved in", f"{found.seconds * 1000:.0f} ms")


def check_view(desk: Desk) -> None:
    """What a person should check first."""
    if nothing(desk):
        return
    st.markdown("Beliefs whose check helps most: likely to be wrong, and many others depend on them.")
    with st.spinner("Solving with each label flipped"):
        found = desk.lab.beliefs.propose(desk.entity.name, 6, desk.name, desk.as_of)
    if not found:
        st.info("No rule involves a belief that is not pinned; nothing depends on a check.", icon=":material/check:")
    for p in found:
        text, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        others = f"{p.moves} other label{'' if p.moves == 1 else 's'}"
        text.markdown(
            plain(
                f"{statement(desk.entity, p.belief.property, True)} Doubt {p.doubt:.2f}; if the label is wrong, {others} change."
            )
        )
        for column, label, word in ((yes, True, "True"), (no, False, "False")):
            if column.button(word, key=f"beliefs.check.{p.belief.property}.{word}", disabled=desk.locked):
                edit(
                    desk,
                    partial(
                        desk.lab.beliefs.pin, desk.entity.name, p.belief.property, label, desk.name, author=signed()
                    ),
                )


def time_view(desk: Desk) -> None:
    """Consistency and F1 after each edit, of this thing or of the whole bank."""
    one = f"Only {desk.entity.name}"
    whole = st.segmented_control(
        "Of", [one, "Whole bank"], default=one, required=True, key="beliefs.time.of", label_visibility="collapsed"
    )
    entity = desk.entity.name if whole == one else None
    steps = desk.lab.beliefs.over_time(desk.name, entity)
    if not steps:
        st.info("No beliefs are recorded yet.", icon=":material/timeline:")
        return
    said = f"Consistency after {len(steps)} edits: {steps[0][1].consistency:.2f} at first, {steps[-1][1].consistency:.2f} now."
    chart(over_edits(steps), said, "beliefs.time")
    bank = desk.lab.beliefs.scores(desk.name)
    st.caption(
        f"The whole bank now: {bank.beliefs:,} beliefs, consistency {bank.consistency:.3f} ({bank.consistency_all:.3f} where the consequent need not be believed), F1 {bank.f1:.3f}."
    )
