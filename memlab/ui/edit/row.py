"""One edit in the timeline."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Edit
from memlab.systems.registry import registry
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.contents import contents
from memlab.ui.edit.effect import effect, scores_line, scores_row
from memlab.ui.edit.timeline import KINDS, MARKS, cloze, question_of
from memlab.ui.edit.undo import undo_or_redo
from memlab.ui.parameters import parameters_table
from memlab.ui.plain import plain


def edit_row(lab: Lab, edit: Edit, active: bool) -> None:
    """Number, time, kind, summary, author and state; what can be done with it; its details once they are opened."""
    if edit.damaged:
        _damaged_row(lab, edit, active)
        return
    with st.container(border=True, key=f"history.edit.{edit.seq}"):
        said, ways = st.columns([3, 2], vertical_alignment="center")
        with said:
            st.markdown(f"**{edit.seq} · {edit.kind}** · {plain(edit.summary)}{_badge(edit, active)}")
            st.caption(plain(f"{when(edit)} · {edit.author}"))
            if line := scores_line(edit.scores):
                st.caption(plain(line))
        with ways, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            link_to("ask", "Ask as of this edit", _question(edit), "history")
            if edit.kind not in MARKS:
                undo_or_redo(lab, edit, active)
        if edit.kind in MARKS:
            return
        details = st.expander("Details", key=f"history.details.{edit.seq}", on_change="rerun")
        if details.open:
            with details:
                try:
                    _details(lab, edit)
                except MemlabError as error:
                    show_error(error)


def _damaged_row(lab: Lab, edit: Edit, active: bool) -> None:
    """What is wrong with an edit that cannot be shown; it can be left out."""
    with st.container(border=True, key=f"history.edit.{edit.seq}"):
        st.error(plain(f"Edit {edit.seq or '?'} is {edit.summary}. Verify says more."), icon=":material/error:")
        if edit.seq and edit.kind not in MARKS:
            undo_or_redo(lab, edit, active)


def _details(lab: Lab, edit: Edit) -> None:
    """What it forgot and taught, the difference it made when it was made, and what else moved then."""
    own = _details_of_system(edit.kind)
    if own is not None:
        own(lab, edit)
        link_to("history", "A link to this edit", {"edit": str(edit.seq)}, "link")
        return
    if edit.kind not in KINDS:  # no edit of the datastore: its side effects there say nothing
        parameters_table(edit)
        link_to("history", "A link to this edit", {"edit": str(edit.seq)}, "link")
        return
    contents(lab, edit)
    with st.spinner("Asking before and after this edit"):
        moved = lab.side_effects.of(edit.seq)
    scores_row(moved, f"history.{edit.seq}")
    effect(lab, edit, moved, (), moved.datastore, f"history.{edit.seq}")
    link_to("history", "A link to this edit", {"edit": str(edit.seq)}, "link")


def _details_of_system(kind: str) -> Callable[[Lab, Edit], None] | None:
    """`edit_details` of the page of the system that declares a kind of edit; None where it has none."""
    system = next((s for s in registry().systems.values() if any(k.name == kind for k in s.edits)), None)
    if system is None or find_spec(f"memlab.ui.systems.{system.name}") is None:
        return None
    found: Callable[[Lab, Edit], None] | None = getattr(
        import_module(f"memlab.ui.systems.{system.name}"), "edit_details", None
    )
    return found


def when(edit: Edit) -> str:
    """The time to the second, in UTC."""
    return f"{(edit.time or '')[:19].replace('T', ' ')} UTC"


def _badge(edit: Edit, active: bool) -> str:
    if edit.kind in MARKS:
        return ""
    wrong = f" :red-badge[:material/error: weights {edit.weights}]" if edit.weights else ""
    return f" :green-badge[active]{wrong}" if active else f" :gray-badge[undone]{wrong}"


def _question(edit: Edit) -> dict[str, str]:
    """A question about what the edit taught, or the last one asked, at this place of the history."""
    taught = next((text for text in edit.remembers if " " in text), "")
    prompt = cloze(taught) if taught else st.session_state.get("prompt", "")
    return {**question_of(prompt), "as_of": str(edit.seq)}
