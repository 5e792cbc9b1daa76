"""Ctrl-K: one field that finds pages, recent questions, questions about facts, and articles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from memlab import Lab
from memlab.corpus.world import atlas
from memlab.errors import MemlabError
from memlab.ui.app.links import follow_to
from memlab.ui.app.session import show_error
from memlab.ui.ask.recent import recent

KEYS = "Ctrl+K"
_FOUND = "finder.found"


@dataclass(frozen=True)
class Place:
    """Where a line of the list leads: the file of a page, and the parameters of its address."""

    page: str
    parameters: Mapping[str, str]


def finder(lab: Lab) -> None:
    """The button of the control bar (shortcut Ctrl-K) that opens the dialog."""
    if st.button(
        "Find",
        key="finder.open",
        icon=":material/search:",
        shortcut=KEYS,
        help="Pages, questions, facts, articles",
        on_click=_clear,
    ):
        _dialog(lab)


def _clear() -> None:
    """Clears the last choice, which would be followed again as soon as the dialog is drawn."""
    st.session_state[_FOUND] = None


@st.dialog("Find a page, question, fact or article", icon=":material/search:")
def _dialog(lab: Lab) -> None:
    try:
        there = places(lab)
    except MemlabError as error:
        show_error(error)
        return
    chosen = st.selectbox(
        "Find",
        list(there),
        index=None,
        key=_FOUND,
        placeholder="Type part of it, then Enter",
        label_visibility="collapsed",
    )
    st.caption("The arrow keys move in the list, Enter opens, Escape closes.")
    if chosen is not None:
        follow_to(there[chosen].page, "Open it", there[chosen].parameters, "arrow_forward")


def places(lab: Lab) -> dict[str, Place]:
    """Line of the list -> where it leads, in the order in which they are offered."""
    from memlab.ui.app.navigation import groups

    found = {f"Page: {page.title}": Place(page.name, {}) for pages in groups().values() for page in pages}
    found |= {f"Asked: {asked.label}": Place("ask", asked.view) for asked in recent()}
    found |= {f"Story: {story.title}": Place("ask", {"prompt": story.prompt, "method": story.method}) for story in lab.inventory.stories()}  # fmt: skip
    relations = atlas().relations
    for fact in lab.facts():
        line = f"Fact: {fact.subject} · {relations[fact.relation].label} · {fact.object}"
        found.setdefault(line, Place("ask", {"prompt": lab.question(fact)}))
    for article in lab.articles():
        found.setdefault(f"Article: {article.title}", Place("read", {"passage": "Article", "article": article.title}))
    return found
