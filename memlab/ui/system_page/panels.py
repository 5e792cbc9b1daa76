"""Panels of a system's page: its own ones, its models, and what its paper reports."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from importlib.util import find_spec

import streamlit as st

from memlab import Lab
from memlab.declare import Recipe, ReportedTable, System, load
from memlab.errors import ChapterError, MemlabError
from memlab.ui.app.links import link_to
from memlab.ui.plain import plain

PACKAGE = "memlab.ui.systems"


def own_panels(lab: Lab, system: System) -> None:
    """Draws the system's own panels; nothing for a system without them.

    Raises:
        ChapterError: the panels that the system declares cannot be loaded or drawn; says why.
    """
    if system.panels is None:
        _found_by_name(lab, system)
        return
    try:
        _declared(system.panels)(lab, system)
    except MemlabError:
        raise
    except (Exception, SystemExit) as error:  # whatever the code of a system raises; the rest of the page stands
        logging.getLogger(__name__).exception("panels of the system %r", system.name)
        why = f"{type(error).__name__}: {error}"
        raise ChapterError(
            f"The panels of the system {system.name!r} ({system.panels}) cannot be shown: {why}. Everything else of it works."
        ) from error


def _declared(reference: str) -> Callable[[Lab, System], None]:
    found = load(reference)
    if not callable(found):
        raise TypeError(f"it is a {type(found).__name__}; expected is a function of a lab and a system")
    draw: Callable[[Lab, System], None] = found
    return draw


def _found_by_name(lab: Lab, system: System) -> None:
    """The panels of systems that ship with memlab: `memlab.ui.systems.<name>`."""
    name = f"{PACKAGE}.{system.name}"
    if find_spec(name) is None:
        return
    panels = getattr(importlib.import_module(name), "panels", None)  # a module may serve a page of its own only
    if panels is not None:
        panels(lab, system)


def models_panel(lab: Lab, system: System) -> None:
    """The recipes, and the command that trains a model of one's own with each."""
    if not system.recipes:
        return
    st.header("Models", anchor=False)
    st.table([_row(recipe) for recipe in system.recipes], border="horizontal", hide_index=True)
    for recipe in system.recipes:
        if recipe.command is not None:
            st.caption(f"{plain(recipe.title)}: `{recipe.command}`")
    link_to("models", "All models", {}, "neurology")


def _row(recipe: Recipe) -> dict[str, str]:
    return {
        "model": plain(recipe.title),
        "name": plain(recipe.name),
        "kind": plain(recipe.kind),
        "trained on": plain(recipe.data),
        "steps": f"{recipe.steps:,}",
        "minutes on two cores": f"{recipe.minutes:g}",
        "ships with memlab": "yes" if recipe.bundled else "no",
    }


def reported_panel(lab: Lab, system: System) -> None:
    """The system's tables as printed."""
    if not system.reported:
        return
    st.header("Reported by the paper", anchor=False)
    st.caption(
        "Figures as printed, with the authors' models and data. Nothing that is measured here is comparable with them."
    )
    for table in system.reported:
        reported_table(table)


def reported_table(table: ReportedTable) -> None:
    """One table as printed, with its source."""
    st.markdown(f"**{plain(table.title)}**")
    st.table([dict(row) for row in table.rows], border="horizontal", hide_index=True)
    st.caption(plain(f"Reported: {table.source}. {table.note}".strip()))


def papers_panel(lab: Lab) -> None:
    """Perplexities as printed, at the papers' own scale."""
    with st.expander("What the papers report, at their full scale", icon=":material/menu_book:"):
        st.caption(
            "Other models, other texts, other tokens: nothing above is comparable with these. "
            "`memlab evaluate perplexity` measures the same methods on a text of yours."
        )
        for table in lab.perplexity.reported():
            reported_table(table)
