"""The views of the page Beliefs. They show what `lab.beliefs` returns, and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from memlab.systems.beliefbank.chapter import Asking
from memlab.systems.beliefbank.feedback import FEEDBACK
from memlab.systems.beliefbank.phrasing import question
from memlab.systems.beliefbank.prompts import PROMPTS, Prompt, default_prompt
from memlab.ui.systems.beliefbank_desk import Desk, choose, edit, prompt_key, signed
from memlab.ui.systems.beliefbank_graph import graph_view, table_view
from memlab.ui.systems.beliefbank_more import batches_view, graphs_view, paper_view
from memlab.ui.systems.beliefbank_rules import rules_view
from memlab.ui.systems.beliefbank_solve import check_view, solve_view, time_view

__all__ = ["VIEWS", "WITHOUT_A_THING", "Desk", "choose"]


def _prompt(desk: Desk) -> Prompt:
    """The prompt template as an editable form; the prompt that it gives."""
    known = {name: m for m in desk.lab.models() for name in (m.name, m.path.name)}
    found = known.get(desk.model)
    usual = default_prompt(desk.model, found.kind, found.record) if found else default_prompt(desk.model, "causal")
    with st.expander("Prompt", icon=":material/edit:"):
        names = list(PROMPTS)
        base = PROMPTS[
            st.selectbox("Template", names, index=names.index(usual.name), key=f"beliefs.template.{desk.model}")
        ]
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
    st.session_state[prompt_key(desk.model)] = prompt
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
        f"Bias toward yes removed: before calibration the model says yes to {calibration.yes_rate:.0%} of "
        f"{calibration.questions} calibration questions, of which {calibration.true_rate:.0%} are true. "
        f"Threshold {calibration.threshold:.2f}, temperature {calibration.temperature:.2f}, AUC {calibration.auc:.2f}."
    )
    if st.button("Keep the answer without feedback", key="beliefs.keep_answer", disabled=desk.locked):
        edit(desk, lambda: desk.lab.believe(text, graph=desk.name, model=desk.model, prompt=prompt, author=signed()))


VIEWS: Mapping[str, Callable[[Desk], None]] = {
    "Graph": graph_view,
    "Table": table_view,
    "Ask": ask_view,
    "Solve": solve_view,
    "Check first": check_view,
    "Over time": time_view,
    "Rules": rules_view,
    "Batches": lambda desk: batches_view(desk.lab),
    "Own graphs": lambda desk: graphs_view(desk.lab),
    "Paper": lambda desk: paper_view(),
}
WITHOUT_A_THING = {"Batches": batches_view, "Own graphs": graphs_view}  # also shown where a graph has no entities
