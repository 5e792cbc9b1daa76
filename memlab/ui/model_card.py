"""One model: kind, size, what it can do with which method, its card, a first question."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import ABILITIES
from memlab.lm.catalogue import ModelInfo
from memlab.ui.links import link_to
from memlab.ui.offered import offer
from memlab.ui.plain import plain

SHOWN = ("ask", "read", "generate", "translate")  # abilities that need a model of a certain kind


def model_card(lab: Lab, model: ModelInfo) -> None:
    """A frame with everything that is known of a model."""
    with st.container(border=True):
        st.subheader(plain(model.path.name), anchor=False)
        made_for = f" · made for {lab.methods()[model.method].title}" if model.method in lab.methods() else ""
        where = "ships with memlab" if model.bundled else str(model.path)
        st.caption(plain(f"{model.kind} · {model.size_mb:.1f} MB{made_for} · {where}"))
        for ability in SHOWN:
            _ability(lab, model, ability)
        _first_question(lab, model)
        _cannot(lab, model)
        if model.card:
            with st.expander("Model card", icon=":material/description:"):
                st.text(model.card)


def _ability(lab: Lab, model: ModelInfo, ability: str) -> None:
    able = [method.title for method in offer(lab, ability, model.name).able.values()]
    if able:
        st.markdown(f"**{ability.capitalize()}** with {plain(', '.join(able))}")
    elif any(method.can(ability) for method in lab.methods().values()):
        st.caption(f"No method can {ABILITIES[ability]} with this model.")


def _first_question(lab: Lab, model: ModelInfo) -> None:
    """A link to an answer of this model, with the method that fits it best."""
    offered = offer(lab, "ask", model.name)
    if not offered.able:
        return
    method = offered.able[offered.default("", model)]
    view = {"model": model.name, "method": method.name}
    if model.bundled and model.kind in ("masked", "causal"):
        view["prompt"] = lab.question(lab.inventory.stories()[0].fact, kind=model.kind)
    label = f"Try it: {plain(view['prompt'])}" if "prompt" in view else "Ask it"
    link_to("ask", label, view, "play_circle")


def _cannot(lab: Lab, model: ModelInfo) -> None:
    """Methods that do not fit this model, each with the reason."""
    others = offer(lab, "ask", model.name).others
    if others:
        with st.expander(f"Methods that cannot answer with it: {len(others)}", icon=":material/block:"):
            for reason in others.values():
                st.caption(plain(reason))
