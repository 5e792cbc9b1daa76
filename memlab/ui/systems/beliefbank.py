"""The views of the page Beliefs. They show what `lab.beliefs` returns, and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError
from memlab.lab.believing import Asking
from memlab.record.ledger import ANONYMOUS
from memlab.results import Edit
from memlab.systems.beliefbank.bank import MEASURES, Belief
from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.systems.beliefbank.feedback import FEEDBACK
from memlab.systems.beliefbank.figures import belief_graph, over_edits
from memlab.systems.beliefbank.phrasing import question, rule, short, statement
from memlab.systems.beliefbank.prompts import PROMPTS, Prompt, default_prompt
from memlab.systems.beliefbank.solver import Weights
from memlab.ui.address import AUTOMATIC, named
from memlab.ui.author import author
from memlab.ui.plain import plain
from memlab.ui.session import show_error
from memlab.ui.sharing import check_may_edit, may_edit
from memlab.ui.systems.beliefbank_more import batches_view, graphs_view, paper_view

DONE = "beliefs.done"


@dataclass(frozen=True)
class Desk:
    """What the page is about: one thing of one constraint graph, as the workspace believes it."""

    lab: Lab
    name: str
    graph: ConstraintGraph
    entity: Entity
    beliefs: Mapping[str, Belief]
    model: str | None

    @property
    def asking(self) -> Asking:
        """With the chosen model and prompt, without feedback."""
        return Asking(self.model, st.session_state.get("beliefs.prompt.used"))


def choose(lab: Lab) -> Desk:
    """Graph and thing; the model is the one of the sidebar. Shows what was just done."""
    names = lab.beliefs.graphs()
    left, right = st.columns([1, 2])
    name = left.selectbox(
        "Constraint graph", names, key="belief_graph", bind="query-params", help="Bundled, or your own."
    )
    graph = lab.beliefs.graph(name)
    if not graph.entities:
        raise InputError(f"The constraint graph {name!r} has no entities yet. Add them in the view “Own graphs”.")
    asked = st.query_params.get("thing")
    if asked is not None and asked not in graph.entities:
        try:
            graph.entity(asked)
        except MemlabError as error:
            show_error(error)
    entity = right.selectbox(
        "Thing", list(graph.entities), key="thing", bind="query-params", help="What the beliefs are about."
    )
    if (done := st.session_state.pop(DONE, None)) is not None:
        st.success(plain(done), icon=":material/check:")
    about = lab.beliefs.bank(name).about(entity)
    model = named(st.session_state.get("model", AUTOMATIC))
    desk = Desk(lab, name, graph, graph.entity(entity), about, model)
    _figures(desk)
    return desk


def _figures(desk: Desk) -> None:
    """How many beliefs, conflicts, flips; consistency and F1."""
    with st.container(horizontal=True):
        st.metric("Beliefs", len(desk.beliefs))
        if desk.beliefs:
            found = desk.lab.beliefs.scores(desk.name, entity=desk.entity.name)
            st.metric("Conflicts", len(desk.lab.beliefs.conflicts(desk.entity.name, desk.name)))
            st.metric("Flipped", sum(b.flipped for b in desk.beliefs.values()))
            st.metric("Pinned", sum(b.pinned for b in desk.beliefs.values()))
            st.metric(
                "Consistency",
                f"{found.consistency:.3f}",
                help="1 - violated / applicable; the consequent must be believed too.",
            )
            st.metric("F1", f"{found.f1:.3f}", help="On the label True, against what is true in the graph.")
    with st.container(horizontal=True):
        if st.button(
            "Ask everything",
            key="beliefs.ask_all",
            icon=":material/forum:",
            disabled=not may_edit(desk.lab),
            help="Asks the model every property of this thing and keeps the answers as one edit.",
        ):
            _edit(desk, lambda: desk.lab.beliefs.ask_all(desk.entity.name, desk.name, desk.asking, author=_signed()))
        if st.button("Undo the last edit", key="beliefs.undo", icon=":material/undo:", disabled=not may_edit(desk.lab)):
            _edit(desk, lambda: desk.lab.undo(author=_signed()))


def _edit(desk: Desk, make: Callable[[], Edit]) -> None:
    """Makes an edit and draws the page anew; says why where it cannot be made."""
    try:
        check_may_edit(desk.lab)
        with st.spinner("Working"):
            st.session_state[DONE] = make().summary
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()


def _signed() -> str:
    """Who edits."""
    return author().get("author", ANONYMOUS)


def _nothing(desk: Desk) -> bool:
    if desk.beliefs:
        return False
    st.info(
        plain(f"Nothing is believed of {desk.entity.name} yet. Press “Ask everything”, or ask one question."),
        icon=":material/forum:",
    )
    return True


def graph_view(desk: Desk) -> None:
    """The beliefs as a graph; a click on a belief chooses it."""
    if _nothing(desk):
        return
    st.caption(
        "Filled: believed true. Hollow: false. Diamond: flipped by the solver. Square: pinned. Red: in a conflict. At most 60 beliefs are drawn; the table has all."
    )
    fig = belief_graph(desk.entity, desk.beliefs, desk.graph.constraints, st.session_state.get("beliefs.focus"))
    held = sum(b.label for b in desk.beliefs.values())
    said = f"{len(desk.beliefs)} beliefs about {desk.entity.name}: {held} held true, {len(desk.beliefs) - held} false."
    event: Any = st.plotly_chart(fig, key="beliefs.chart", on_select="rerun", selection_mode="points", alt=said)
    picked = [p["customdata"] for p in event.selection.points if p.get("customdata")] if event else []
    first = picked[0] if picked else None
    clicked = first[0] if isinstance(first, list) else first
    if clicked in desk.beliefs:
        st.session_state["beliefs.focus"] = clicked
    _one_belief(desk)


def _one_belief(desk: Desk) -> None:
    """One belief: why it is believed, what clashes with it, pin, retract."""
    names = sorted(desk.beliefs, key=lambda n: (not desk.beliefs[n].label, short(n)))
    focus = st.session_state.get("beliefs.focus")
    at = names.index(focus) if focus in names else 0
    chosen = st.selectbox(
        "Belief",
        names,
        index=at,
        format_func=lambda n: statement(desk.entity, n, desk.beliefs[n].label),
        help="Click one in the graph, or choose it here.",
    )
    belief = desk.beliefs[chosen]
    said = (
        f"Said by the {belief.origin} with confidence {belief.p:.2f}." if not belief.pinned else "Pinned by a person."
    )
    st.caption(plain(said + (" The solver turned it round." if belief.flipped else "")))
    with st.container(horizontal=True):
        for label, word in ((True, "Pin as true"), (False, "Pin as false")):
            if st.button(word, key=f"beliefs.pin.{word}", icon=":material/push_pin:", disabled=not may_edit(desk.lab)):
                _edit(
                    desk,
                    partial(desk.lab.beliefs.pin, desk.entity.name, chosen, label, desk.name, author=_signed()),
                )
        if st.button("Retract", key="beliefs.retract", icon=":material/delete:", disabled=not may_edit(desk.lab)):
            _edit(desk, lambda: desk.lab.beliefs.retract(desk.entity.name, [chosen], desk.name, author=_signed()))
    left, right = st.columns(2)
    with left:
        st.markdown("**Why is this believed?**")
        _why(desk, chosen)
    with right:
        st.markdown("**What clashes?**")
        _clash(desk, chosen)


def _why(desk: Desk, property: str) -> None:
    steps = desk.lab.beliefs.why(desk.entity.name, property, desk.name)
    if not steps:
        st.caption("No constraint supports it; it stands on what was said.")
    for step in steps:
        grounds = " and ".join(f"“{statement(desk.entity, p, label)}”" for p, label in step.because[:4])
        more = f" and {len(step.because) - 4} more" if len(step.because) > 4 else ""
        st.markdown(
            plain(
                f"{statement(desk.entity, step.property, step.label)} — because {grounds}{more} ({step.constraint.kind})"
            )
        )


def _clash(desk: Desk, property: str | None) -> None:
    found = desk.lab.beliefs.clash(desk.entity.name, property, desk.name)
    if found is None:
        st.caption("Nothing clashes: all of it can hold together.")
        return
    st.markdown(
        plain("Cannot all hold: " + " ".join(f"“{statement(desk.entity, b.property, b.label)}”" for b in found.beliefs))
    )
    for c in found.constraints:
        st.markdown(
            plain(
                f"— {' or '.join(short(t) for t in c.targets)} {'is excluded by' if c.kind == 'excludes' else 'follows from' if c.kind == 'implies' else 'is needed by'} {short(c.source)}"
            )
        )


def table_view(desk: Desk) -> None:
    """All beliefs, and all conflicts."""
    if _nothing(desk):
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
    found = desk.lab.beliefs.conflicts(desk.entity.name, desk.name)
    st.markdown(f"**{len(found)} conflict{'' if len(found) == 1 else 's'}**")
    st.dataframe(
        [
            {
                "beliefs": " ".join(statement(desk.entity, b.property, b.label) for b in c.beliefs[:3]),
                "rule": rule(c.constraints[0]),
            }
            for c in found
        ],
        hide_index=True,
    )


def _weights() -> dict[str, Any]:
    """The solver's settings as sliders; tuned ones are the defaults."""
    left, middle, right = st.columns(3)
    steps = [0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0]
    return {
        "lam": left.select_slider("λ of beliefs", steps, value=1.0, key="beliefs.lam", help="What flipping costs. Larger: fewer flips."),
        "forward": middle.select_slider("Implications and exclusions", steps, value=10.0, key="beliefs.forward", help="What violating one costs."),
        "back": right.select_slider("Backward rules", steps, value=1.0, key="beliefs.back", help="What violating a rule 'needs one of' costs."),
        "measure": left.segmented_control("Weight of a belief", MEASURES, default="p", required=True, key="beliefs.measure", help="The confidence p, or log-odds."),
    }  # fmt: skip


def solve_view(desk: Desk) -> None:
    """Before and after; moving a slider solves again at once, and nothing is kept until it is asked for."""
    if _nothing(desk):
        return
    given = _weights()
    weights: Weights = desk.lab.beliefs.weights(**given)
    found = desk.lab.beliefs.solution(desk.entity.name, weights, desk.name)
    with st.container(horizontal=True):
        st.metric("Violated before", len(found.before))
        st.metric(
            "Violated after", len(found.violated), delta=len(found.violated) - len(found.before), delta_color="inverse"
        )
        st.metric("Flips", len(found.flips))
        st.metric("Cost", f"{found.objective:.2f}", help=f"Bound: no labels cost less than {found.bound:.2f}.")
        st.metric("Solved in", f"{found.seconds * 1000:.0f} ms")
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
    st.dataframe(rows, hide_index=True)
    if st.button(
        "Keep these labels",
        key="beliefs.keep",
        type="primary",
        icon=":material/check:",
        disabled=not may_edit(desk.lab),
    ):
        _edit(desk, lambda: desk.lab.solve(desk.entity.name, graph=desk.name, **given, author=_signed()))


def _prompt(desk: Desk) -> Prompt:
    """The template, visible and editable."""
    info = {m.name: m.kind for m in desk.lab.models()}
    model = desk.model or "atlas-qa"
    usual = default_prompt(model, info.get(model, "causal"))
    with st.expander("Prompt", icon=":material/edit:"):
        names = list(PROMPTS)
        base = PROMPTS[st.selectbox("Template", names, index=names.index(usual.name), key="beliefs.template")]
        frame = st.text_area(
            "Frame",
            base.frame,
            key=f"beliefs.frame.{base.name}",
            help="{question} or {statement}, and {context} where feedback goes; [MASK] for a masked model.",
        )
        left, right = st.columns(2)
        yes = left.text_input("Word for yes", base.yes, key=f"beliefs.yes.{base.name}")
        no = right.text_input("Word for no", base.no, key=f"beliefs.no.{base.name}")
    return base if (frame, yes, no) == (base.frame, base.yes, base.no) else Prompt("own", frame, yes, no, base.examples)


def ask_view(desk: Desk) -> None:
    """One new question, without and with feedback, side by side."""
    usual = question(desk.entity, desk.graph.properties[0])
    with st.form("beliefs.ask", border=False):
        text = st.text_input(
            "Question",
            usual,
            key=f"beliefs.question.{desk.entity.name}",
            help="In the words of the graph: is a swallow a bird? can it fly?",
        )
        feedback = st.segmented_control(
            "Feedback",
            [k for k in FEEDBACK if k != "none"],
            default="relevant",
            required=True,
            key="beliefs.feedback",
            help="; ".join(f"{k}: {v}" for k, v in FEEDBACK.items()),
        )
        st.form_submit_button("Ask", type="primary", icon=":material/play_arrow:")
    prompt = _prompt(desk)
    st.session_state["beliefs.prompt.used"] = prompt
    columns = st.columns(2)
    for column, kind in zip(columns, ("none", str(feedback)), strict=True):
        with column, st.spinner("Asking"):
            answer = desk.lab.beliefs.ask(text, desk.name, Asking(desk.model, prompt, kind))
            st.metric(
                "Alone" if kind == "none" else f"With {kind} feedback",
                f"{'yes' if answer.label else 'no'} ({answer.p:.2f})",
            )
            st.code(answer.prompt, language=None, wrap_lines=True)
    calibration = desk.lab.beliefs.answerer(desk.name, Asking(desk.model, prompt)).calibration
    st.caption(
        f"Yes-prior taken out: before calibration the model says yes to {calibration.yes_rate:.0%} of {calibration.questions} calibration questions, {calibration.true_rate:.0%} are true. "
        f"Threshold {calibration.threshold:.2f}, temperature {calibration.temperature:.2f}, AUC {calibration.auc:.2f}."
    )
    if st.button("Keep the answer without feedback", key="beliefs.keep_answer", disabled=not may_edit(desk.lab)):
        _edit(desk, lambda: desk.lab.believe(text, graph=desk.name, model=desk.model, prompt=prompt, author=_signed()))


def check_view(desk: Desk) -> None:
    """What a person should check first."""
    if _nothing(desk):
        return
    st.markdown("Beliefs whose check helps most: likely to be wrong, and many others hang on them.")
    with st.spinner("Solving with each one turned round"):
        found = desk.lab.beliefs.propose(desk.entity.name, 6, desk.name)
    for p in found:
        text, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        text.markdown(
            plain(
                f"{statement(desk.entity, p.belief.property, True)} The model's doubt is {p.doubt:.2f}; {p.moves} other labels hang on it."
            )
        )
        for column, label, word in ((yes, True, "True"), (no, False, "False")):
            if column.button(word, key=f"beliefs.check.{p.belief.property}.{word}", disabled=not may_edit(desk.lab)):
                _edit(
                    desk,
                    partial(
                        desk.lab.beliefs.pin, desk.entity.name, p.belief.property, label, desk.name, author=_signed()
                    ),
                )


def time_view(desk: Desk) -> None:
    """Consistency and F1 after each edit, of this thing and of the whole bank."""
    steps = desk.lab.beliefs.over_time(desk.name, desk.entity.name)
    if not steps:
        st.info("No belief was recorded yet.", icon=":material/timeline:")
        return
    said = f"Consistency after {len(steps)} edits: {steps[0][1].consistency:.2f} at first, {steps[-1][1].consistency:.2f} now."
    st.plotly_chart(over_edits(steps), key="beliefs.time", alt=said)
    whole = desk.lab.beliefs.scores(desk.name)
    st.caption(
        f"The whole bank: {whole.beliefs:,} beliefs, consistency {whole.consistency:.3f} ({whole.consistency_all:.3f} where the consequent need not be believed), F1 {whole.f1:.3f}."
    )


VIEWS: Mapping[str, Callable[[Desk], None]] = {
    "Graph": graph_view,
    "Table": table_view,
    "Ask": ask_view,
    "Solve": solve_view,
    "Check first": check_view,
    "Over time": time_view,
    "Batches": lambda desk: batches_view(desk.lab),
    "Own graphs": lambda desk: graphs_view(desk.lab),
    "Paper": lambda desk: paper_view(),
}
