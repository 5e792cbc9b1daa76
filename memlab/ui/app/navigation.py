"""The navigation: all pages in groups. Importing it imports no engine."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from memlab.bundle import bundle
from memlab.declare import System
from memlab.systems.registry import registry

# group -> (file in pages/, title, Material symbol, help)
GROUPS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Start": (
        ("guide", "Guide", "menu_book", "What memlab is, five stories to click, the words, the limits."),
        ("lessons", "Lessons", "school", "Ordered views with notes: nine are bundled, others you make."),
        ("present", "Present", "slideshow", "A question or a lesson, step by step in large type."),
    ),
    "Explore": (
        ("ask", "Ask", "forum", "One prompt: what model, memory and mixture say, with the passages behind it."),
        ("batch", "Batch", "table_rows", "Many prompts in one table, each row a link to its answer."),
        ("read", "Read", "auto_stories", "A passage token by token: what memory adds to every word, and from where."),
        ("generate", "Generate", "account_tree", "A prompt continued with memory and without, step by step."),
    ),
    "Change": (
        ("edit", "Edit memory", "edit_note", "Teach, correct, forget: a preview first, and every edit can be undone."),
        ("modify", "Modify weights", "tune", "Facts trained into the weights of a model under a constraint."),
        ("beliefs", "Beliefs", "hub", "What a model believes about a thing, contradictions, and a solver."),
        ("history", "History", "history", "Every edit of the workspace: its effect, undo and redo, integrity check."),
    ),
    "Systems": (
        ("systems", "All systems", "apps", "The systems there are, by group, and those that cannot be used, with the reason."),
    ),
    "Library": (
        ("models", "Models", "neurology", "The models there are, what each can do here, and a first question for it."),
        ("memories", "Memories", "database", "The datastores there are, and building one from your own texts."),
        ("workspaces", "Workspaces", "workspaces", "Make, rename, copy, delete, export and import workspaces."),
    ),
}  # fmt: skip
FIRST = "guide"
GUIDE = ""  # its path: it is the page that opens first


def all_pages() -> dict[str, list[st.Page]]:
    """Group -> its pages, as `st.navigation` takes them."""
    folder = bundle() / "pages"
    groups = {
        group: [
            st.Page(folder / f"{file}.py", title=title, icon=f":material/{icon}:", help=help, default=file == FIRST)
            for file, title, icon, help in pages
            if (folder / f"{file}.py").is_file()  # pages of systems that are not there are left out
        ]
        for group, pages in GROUPS.items()
    }
    groups["Systems"] += [page_of(system) for system in registry().systems.values()]
    return groups


def page_of(system: System) -> st.Page:
    """The page of one system; its address is "system-" and the system's name."""
    return st.Page(
        _drawn(system), title=system.title, icon=":material/deployed_code:", url_path=address_of(system), help=system.paper
    )  # fmt: skip


def address_of(system: System) -> str:
    """The path of a system's page."""
    return f"system-{system.name.replace('_', '-')}"


def page_at(path: str) -> st.Page | None:
    """The page of the system that has this path; None where no system has it."""
    return next((page_of(s) for s in registry().systems.values() if address_of(s) == path), None)


def _drawn(system: System) -> Callable[[], None]:
    def draw() -> None:
        from memlab.ui.system_page import system_page

        system_page(system)

    return draw
