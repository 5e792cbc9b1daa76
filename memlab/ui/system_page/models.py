"""The models that a system trains or ships."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import Recipe, System
from memlab.ui.links import link_to
from memlab.ui.plain import plain


def models_panel(lab: Lab, system: System) -> None:
    """The recipes, and how a model of one's own is trained with them."""
    if not system.recipes:
        return
    st.header("Models", anchor=False)
    st.table([_row(recipe) for recipe in system.recipes], border="horizontal", hide_index=True)
    for recipe in system.recipes:
        if not recipe.bundled:
            st.caption(f"{plain(recipe.title)}: `memlab train NAME --kind {recipe.name}`")
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
