"""Panels of Facts as Experts: a question with its retrieved facts and the null fact, and the table of the fact memory."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Fact, Lab
from memlab.declare import System
from memlab.errors import MemlabError
from memlab.results import Edit, Prediction
from memlab.systems.facts_as_experts.chapter import FactPreview
from memlab.systems.facts_as_experts.figures import retrieved
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit
from memlab.ui.as_table import chart
from memlab.ui.author import author, author_field
from memlab.ui.plain import plain

SHOWN = 200  # rows of the table; a search finds the others
MOVED = 50  # moved answers that are shown
_PREVIEW, _DONE = "facts.preview", "facts.done"
ACTIONS = ("replace", "remove", "add")


def panels(lab: Lab, system: System) -> None:
    """The system's own panels; where its model is missing, how to train it."""
    if all(m.method != "facts-as-experts" for m in lab.models()):
        st.info("The model atlas-fae is missing. `memlab train atlas-fae` trains it.", icon=":material/model_training:")
        return
    st.header("Ask, with the facts and the gate", anchor=False)
    question_view(lab)
    st.header("The fact memory", anchor=False)
    memory_view(lab)


def question_view(lab: Lab) -> None:
    """One prompt: the answer, the shares of the retrieved facts and of the null fact, and the gate forced to its ends."""
    prompt = st.text_input(
        "A sentence with [MASK]", "The capital of France is [MASK].", key="facts.prompt", bind="query-params"
    )
    try:
        p = lab.ask(prompt, method="facts-as-experts")
    except MemlabError as error:
        show_error(error)
        return
    answer_view(p)
    link_to("ask", "Open in Ask", {"prompt": prompt, "method": "facts-as-experts"}, "forum")


def answer_view(p: Prediction) -> None:
    """What facts and context say, and how they were weighted."""
    gate = p.gate.value
    columns = st.columns(4)
    columns[0].metric("Answer", p.answer)
    columns[1].metric(
        "λ, the null fact", f"{gate:.3f}", help="Near 0 the retrieved facts decide, near 1 the context alone."
    )
    columns[2].metric("Facts alone (λ = 0)", p.knn[0].token if p.neighbors else "none")
    columns[3].metric("Context alone (λ = 1)", p.lm[0].token)
    facts = [{"fact": f"{n.left}{n.value}{n.right}", "weight": n.weight} for n in p.neighbors[:6]]
    first = f", the first fact {(1 - gate) * p.neighbors[0].weight:.2f}" if p.neighbors else ""
    said = f"The null fact has {gate:.2f}{first}."
    chart(retrieved(facts, gate), said, "facts.retrieved")
    for notice in p.notices:
        st.caption(plain(notice))


def memory_view(lab: Lab) -> None:
    """The searchable table; a chosen row can be replaced or removed, and any row added."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    typed = left.text_input(
        "Search facts", key="facts.search", bind="query-params", placeholder="France, capital, Paris ..."
    )
    changed = right.toggle("Only changed", key="facts.changed")
    found = lab.fact_memory.search(typed or "", changed=changed)
    st.caption(f"{len(found):,} facts" + (f", the first {SHOWN} shown." if len(found) > SHOWN else "."))
    rows = [
        {
            "subject": f.subject,
            "relation": f.relation,
            "object": f.object,
            "from": f.source,
            "in training texts": f.exposure or "no",
        }
        for f in found[:SHOWN]
    ]
    event = st.dataframe(
        rows, hide_index=True, width="stretch", height=280, key=f"facts.table.{typed}.{changed}.{lab.context.ledger.head()}",
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    chosen = [found[i] for i in event.selection.rows if i < len(found)]
    fact = Fact(chosen[0].subject, chosen[0].relation, chosen[0].object) if chosen else None
    change_view(lab, fact)


def change_view(lab: Lab, fact: Fact | None) -> None:
    """The form, the preview of what it would do, and Commit."""
    action = st.segmented_control("Change", ACTIONS, default="replace", key="facts.action") or "replace"
    entities, relations = lab.fact_memory.names()
    try:
        wanted = _adding(entities, relations) if action == "add" else _changing(action, fact, entities)
        if wanted is not None and st.button("Preview", key="facts.go", icon=":material/preview:"):
            st.session_state[_PREVIEW] = _drafted(lab, action, *wanted)
            st.session_state.pop(_DONE, None)
    except MemlabError as error:
        show_error(error)
    preview: FactPreview | None = st.session_state.get(_PREVIEW)
    if preview is not None:
        _preview(lab, preview)
    done: Edit | None = st.session_state.get(_DONE)
    if done is not None:
        st.success(
            plain(f"Edit {done.seq}: {done.summary}. From now on every answer uses it."),
            icon=":material/check_circle:",
        )
        link_to("history", "Undo it in the history", {"edit": str(done.seq)}, "history")


def _changing(action: str, fact: Fact | None, entities: tuple[str, ...]) -> tuple[Fact, str] | None:
    """The chosen row, and its new object."""
    if fact is None:
        st.info("Choose a row of the table.", icon=":material/touch_app:")
        return None
    st.markdown(plain(f"{fact.relation} of {fact.subject}: {fact.object}"))
    if action == "remove":
        return fact, ""
    others = [e for e in entities if e != fact.object]
    return fact, str(st.selectbox("New object", others, key=f"facts.new.{fact.subject}.{fact.relation}"))


def _adding(entities: tuple[str, ...], relations: tuple[str, ...]) -> tuple[Fact, str]:
    """A row to add; names are chosen from lists, since each needs an embedding."""
    one, two, three = st.columns(3)
    subject = one.selectbox("Subject", entities, key="facts.add.subject")
    relation = two.selectbox("Relation", relations, key="facts.add.relation")
    return Fact(subject, relation, three.selectbox("Object", entities, key="facts.add.object")), ""


def _drafted(lab: Lab, action: str, fact: Fact, new: str) -> FactPreview:
    """The edit as a dry run, with everything that it would move."""
    how: dict[str, Any] = {"dry_run": True, **author()}
    memory = lab.fact_memory
    if action == "replace":
        draft = memory.replace([(fact, new)], **how)
    else:
        draft = memory.remove([fact], **how) if action == "remove" else memory.add([fact], **how)
    with st.spinner("Asking about every fact before and after"):
        return memory.effect(draft)


def _preview(lab: Lab, preview: FactPreview) -> None:
    with st.container(border=True, key="facts.preview.box"):
        st.subheader("Preview", anchor=False)
        st.markdown(plain(preview.edit.summary))
        for m in preview.own:
            st.markdown(
                plain(
                    f"{m.prompt}  {m.before} ({m.p_before:.2f}) → {m.after} ({m.p_after:.2f}), λ {m.gate_before:.2f} → {m.gate_after:.2f}"
                )
            )
        st.dataframe([g.to_dict() for g in preview.groups], hide_index=True, width="stretch", key="facts.groups")
        others = [m for m in preview.moved if m.group != "edited"]
        if others:
            st.markdown(f"**Other answers that move: {len(others)}**")
            st.dataframe([m.to_dict() for m in others[:MOVED]], hide_index=True, width="stretch", key="facts.moved")
        else:
            st.caption("No other answer moves.")
        author_field()
        if st.button("Commit", key="facts.commit", type="primary", icon=":material/check:"):
            _commit(lab, preview.edit)
        st.caption("Nothing has changed yet. No training is needed.")


def _commit(lab: Lab, draft: Edit) -> None:
    try:
        check_may_edit(lab)
        st.session_state[_DONE] = lab.fact_memory.commit(draft, **author())
    except MemlabError as error:
        show_error(error)
        return
    st.session_state.pop(_PREVIEW, None)
    st.rerun()
