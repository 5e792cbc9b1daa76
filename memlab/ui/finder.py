"""Ctrl-K: one field that finds pages, recent questions, questions about facts, and articles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.errors import StreamlitAPIException

from memlab import Lab
from memlab.bundle import bundle
from memlab.errors import MemlabError
from memlab.ui.recent import recent
from memlab.ui.session import show_error
from memlab.ui.sharing import here

KEYS = "Ctrl+K"
_FOUND = "finder.found"


@dataclass(frozen=True)
class Place:
    """Where a line of the list leads: the file of a page, and the parameters of its address."""

    page: str
    parameters: Mapping[str, str]


def finder(lab: Lab) -> None:
    """The button of the control bar, which Ctrl-K presses: it opens the dialog."""
    if st.button(
        "Find", key="finder.open", icon=":material/search:", shortcut=KEYS, help="Pages, questions, facts, articles"
    ):
        _dialog(lab)


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
        placeholder="Type a part of it, then Enter",
        label_visibility="collapsed",
    )
    st.caption("The arrow keys move in the list, Enter opens, Escape closes.")
    if chosen is not None:
        _go(there[chosen])


def places(lab: Lab) -> dict[str, Place]:
    """Line of the list -> where it leads, in the order in which they are offered."""
    from memlab.ui.navigation import GROUPS

    found = {f"Page: {title}": Place(file, {}) for pages in GROUPS.values() for file, title, _, _ in pages}
    found |= {f"Asked: {asked.label}": Place("ask", asked.view) for asked in recent()}
    found |= {f"Story: {story.title}": Place("ask", {"prompt": story.prompt, "method": story.method}) for story in lab.inventory.stories()}  # fmt: skip
    for fact in lab.facts():
        found.setdefault(
            f"Fact: {fact.subject} · {fact.relation} · {fact.object}", Place("ask", {"prompt": lab.question(fact)})
        )
    for article in lab.articles():
        found.setdefault(f"Article: {article.title}", Place("read", {"passage": "Article", "article": article.title}))
    return found


def _go(place: Place) -> None:
    """Opens the page as a link to it does."""
    try:
        st.switch_page(bundle() / "pages" / f"{place.page}.py", query_params={**here(), **place.parameters})
    except StreamlitAPIException:  # a page that runs without the app's navigation
        st.error("This page runs alone; open memlab by its own address to go elsewhere.", icon=":material/error:")
