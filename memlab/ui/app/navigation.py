"""The navigation: all pages in groups. Importing it imports no engine."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

from memlab.bundle import bundle
from memlab.declare import Page, System
from memlab.declare.surface import PAGE_GROUPS
from memlab.errors import LoadError
from memlab.systems.registry import registry
from memlab.ui.app.sharing import here

OWN = (  # memlab's own, in the order of the navigation
    Page("guide", "Start", "Guide", "What memlab is, five stories to click, the words, the limits.", "menu_book"),
    Page("lessons", "Start", "Lessons", "Ordered views with notes: nine are bundled, others you make.", "school"),
    Page("present", "Start", "Present", "A question or a lesson, step by step in large type.", "slideshow"),
    Page("ask", "Explore", "Ask", "One prompt: what model, memory and mixture say, with the passages behind it.", "forum"),
    Page("batch", "Explore", "Batch", "Many prompts in one table, each row a link to its answer.", "table_rows"),
    Page("read", "Explore", "Read", "A passage token by token: what memory adds to every word, and from where.", "auto_stories"),
    Page("generate", "Explore", "Generate", "A prompt continued with memory and without, step by step.", "account_tree"),
    Page("edit", "Change", "Edit memory", "Teach, correct, forget: a preview first, and every edit can be undone.", "edit_note"),
    Page("history", "Change", "History", "Every edit of the workspace: its effect, undo and redo, integrity check.", "history"),
    Page("systems", "Systems", "All systems", "The systems there are, by group, and those that cannot be used, with the reason.", "apps"),
    Page("models", "Library", "Models", "The models there are, what each can do here, and a first question for it.", "neurology"),
    Page("memories", "Library", "Memories", "The datastores there are, and building one from your own texts.", "database"),
    Page("workspaces", "Library", "Workspaces", "Make, rename, copy, delete, export and import workspaces.", "workspaces"),
)  # fmt: skip
FIRST = "guide"
GUIDE = ""  # its path: it is the page that opens first


def groups() -> dict[str, tuple[Page, ...]]:
    """Group of the navigation -> its pages, without those that are made from declarations. Pages that systems bring stand
    after the first page of their group."""
    brought = registry().pages.values()
    found: dict[str, tuple[Page, ...]] = {}
    for group in PAGE_GROUPS:
        first, *others = (page for page in OWN if page.group == group)
        found[group] = (first, *(page for page in brought if page.group == group), *others)
    return found


def all_pages() -> dict[str, list[st.Page]]:
    """Group -> its pages, as `st.navigation` takes them."""
    found = {group: [_made(page) for page in pages] for group, pages in groups().items()}
    found["Systems"] += [page_of(system) for system in registry().systems.values()]
    return found


def _made(page: Page) -> st.Page:
    drawn = bundle() / "pages" / f"{page.name}.py" if page.code is None else _drawn_by(page)
    path = None if page.name == FIRST else page.name
    return st.Page(
        drawn, title=page.title, icon=f":material/{page.icon}:", url_path=path, help=page.help, default=page.name == FIRST
    )  # fmt: skip


def _drawn_by(page: Page) -> Callable[[], None]:
    """What draws a page whose code a system names."""

    def draw() -> None:
        from memlab.ui.app.session import show_error

        try:
            registry().code(str(page.code), page, "code")()
        except LoadError as error:
            show_error(error)

    return draw


def page_of(system: System) -> st.Page:
    """The page of one system; its address is "system-" and the system's name."""
    return st.Page(
        _drawn(system), title=system.title, icon=":material/deployed_code:", url_path=address_of(system), help=system.paper
    )  # fmt: skip


def address_of(system: System) -> str:
    """The path of a system's page."""
    return f"system-{system.name.replace('_', '-')}"


def link_to_system(system: System, label: str) -> None:
    """A link to the page of a system, in the same workspace; a plain link without the app's navigation."""
    icon = ":material/arrow_forward:"
    try:
        st.page_link(page_of(system), label=label, icon=icon, query_params=here())
    except StreamlitAPIException:
        st.link_button(label, f"{address_of(system)}?{urlencode(here())}", icon=icon)


def _drawn(system: System) -> Callable[[], None]:
    def draw() -> None:
        from memlab.ui.system_page import system_page

        system_page(system)

    return draw
