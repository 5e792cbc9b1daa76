"""The subject of the page Beliefs: one thing of one constraint graph, with the beliefs now or after an edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError
from memlab.record.ledger import ANONYMOUS
from memlab.results import Edit
from memlab.systems.beliefbank.asking import DEFAULT_MODEL
from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.chapter import Asking
from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.ui.app.address import AUTOMATIC, named
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit, may_edit
from memlab.ui.as_of import as_of_slider
from memlab.ui.author import author
from memlab.ui.plain import plain

DONE = "beliefs.done"


def prompt_key(model: str) -> str:
    """Where the session keeps the prompt that was chosen for a model."""
    return f"beliefs.prompt.{model}"


@dataclass(frozen=True)
class Desk:
    """One thing of one constraint graph. `as_of`: the last edit that counts; None: all. Only then can it be edited."""

    lab: Lab
    name: str
    graph: ConstraintGraph
    entity: Entity
    beliefs: Mapping[str, Belief]
    model: str
    as_of: int | None = None

    @property
    def asking(self) -> Asking:
        """How questions are asked: with the chosen model and prompt, without feedback."""
        return Asking(self.model, st.session_state.get(prompt_key(self.model)))

    @property
    def locked(self) -> bool:
        """Whether nothing can be edited: an earlier state is shown, or somebody else's workspace."""
        return self.as_of is not None or not may_edit(self.lab)


def choose(lab: Lab) -> Desk:
    """Controls for graph, thing and edit, and the thing's figures; the model is chosen in the control bar."""
    names = lab.beliefs.graphs()
    left, right = st.columns([1, 2])
    name = left.selectbox(
        "Constraint graph", names, key="belief_graph", bind="query-params", help="Bundled, or your own."
    )
    as_of, problems = as_of_slider(lab)
    for problem in problems:
        show_error(problem)
    graph = lab.beliefs.graph(name, as_of)
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
    about = lab.beliefs.bank(name, as_of).about(entity)
    model = named(st.session_state.get("model", AUTOMATIC)) or DEFAULT_MODEL
    desk = Desk(lab, name, graph, graph.entity(entity), about, model, as_of)
    _figures(desk)
    return desk


def model_names(lab: Lab) -> list[str]:
    """The models that can be asked, the default first; those in the home folder by their names there."""
    own = lab.home / "models"
    names = [m.path.name if m.path.parent in (own, own.resolve()) else m.name for m in lab.models() if not m.method]
    return list(dict.fromkeys([DEFAULT_MODEL, *names]))


def _figures(desk: Desk) -> None:
    """Counts of beliefs, conflicts and flips; consistency and F1; buttons to ask everything and to undo."""
    with st.container(horizontal=True):
        st.metric("Beliefs", len(desk.beliefs))
        if desk.beliefs:
            found = desk.lab.beliefs.scores(desk.name, desk.as_of, desk.entity.name)
            st.metric("Conflicts", len(desk.lab.beliefs.conflicts(desk.entity.name, desk.name, desk.as_of)))
            st.metric("Flipped", sum(b.flipped for b in desk.beliefs.values()))
            st.metric("Pinned", sum(b.pinned for b in desk.beliefs.values()))
            st.metric(
                "Consistency",
                f"{found.consistency:.3f}",
                help="1 - violated / applicable; the consequent must be believed too.",
            )
            st.metric("F1", f"{found.f1:.3f}", help="On the label True, against what is true in the graph.")
    if desk.as_of is not None:
        st.caption(f"The state after edit {desk.as_of}; beliefs can be changed only in the current state.")
    last = desk.lab.beliefs.last_edit()
    with st.container(horizontal=True):
        if st.button(
            "Ask everything",
            key="beliefs.ask_all",
            icon=":material/forum:",
            disabled=desk.locked,
            help=plain(
                f"Asks {desk.model} (choose another at the top) about every property of this thing, "
                "and keeps the answers as one edit."
            ),
        ):
            edit(desk, lambda: desk.lab.beliefs.ask_all(desk.entity.name, desk.name, desk.asking, author=signed()))
        if st.button(
            "Undo the last edit",
            key="beliefs.undo",
            icon=":material/undo:",
            disabled=desk.locked or last is None,
            help=plain(f"Takes back edit {last.sequence}: {last.summary}" if last else "No edit of beliefs to undo."),
        ):
            assert last is not None
            edit(desk, lambda: desk.lab.undo(last.sequence, author=signed()))


def edit(desk: Desk, make: Callable[[], Edit]) -> None:
    """Makes an edit and reruns the page; shows the error where it cannot be made."""
    try:
        check_may_edit(desk.lab)
        with st.spinner("Working"):
            st.session_state[DONE] = make().summary
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()


def signed() -> str:
    """The editor's name, or the one for anonymous edits."""
    return author().get("author", ANONYMOUS)


def nothing(desk: Desk) -> bool:
    """Whether the thing has no beliefs; then says what to do."""
    if desk.beliefs:
        return False
    st.info(
        plain(f"Nothing is believed about {desk.entity.name} yet. Press “Ask everything”, or ask one question."),
        icon=":material/forum:",
    )
    return True
