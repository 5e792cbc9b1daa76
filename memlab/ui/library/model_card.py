"""One model: kind, size, license, what it can do with which method, its card, a first question, Remove."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import ABILITIES, PROMPTED
from memlab.lm.catalogue import ModelInfo
from memlab.lm.known import KNOWN
from memlab.ui.app.links import link_to
from memlab.ui.library.models import remove_model
from memlab.ui.offered import offer, stores_for
from memlab.ui.plain import plain

SHOWN = ("ask", "read", "generate", "translate")  # abilities that need a model of a certain kind


def model_card(lab: Lab, model: ModelInfo) -> None:
    """A frame with everything that is known about a model."""
    with st.container(border=True):
        st.subheader(plain(model.path.name), anchor=False)
        made_for = f" · made for {lab.methods()[model.method].title}" if model.method in lab.methods() else ""
        st.caption(plain(f"{model.kind} · {_measures(model)}{made_for} · license {model.license} · {model.source}"))
        if model.note:
            st.caption(plain(model.note))
        for ability in SHOWN:
            _ability(lab, model, ability)
        _first_question(lab, model)
        _cannot(lab, model)
        remove_model(lab, model)
        if model.card:
            with st.expander("Model card", icon=":material/description:"):
                st.text(model.card)


def _measures(model: ModelInfo) -> str:
    """Size, width and vocabulary, as far as they are known."""
    parts = [f"{model.size_mb:.1f} MB"]
    parts += [f"width {model.width:,}"] if model.width else []
    parts += [f"{model.vocabulary:,} words"] if model.vocabulary else []
    parts += [f"type {model.dtype}"]
    return " · ".join([model.architecture, *parts] if model.architecture else parts)


def _ability(lab: Lab, model: ModelInfo, ability: str) -> None:
    able = [method.title for method in offer(lab, ability, model.name).able.values()]
    if able:
        st.markdown(f"**{ability.capitalize()}** with {plain(', '.join(able))}")
    elif any(method.can(ability) for method in lab.methods().values()):
        st.caption(f"No method can {ABILITIES[ability]} with this model.")


def _first_question(lab: Lab, model: ModelInfo) -> None:
    """A link to a first answer, with the method that fits the model best: one with a memory if it made a datastore."""
    offered = offer(lab, "ask", model.name)
    if not offered.able:
        return
    method = offered.able[offered.default("", model)]
    if method.remembers and not stores_for(lab, method, model):
        method = next((other for other in offered.able.values() if not other.remembers), method)
    view = {"model": model.name, "method": method.name, **_prompt(lab, model)}
    label = f"Try it: {plain(view['prompt'])}" if "prompt" in view else "Ask it"
    link_to("ask", label, view, "play_circle")


def _prompt(lab: Lab, model: ModelInfo) -> dict[str, str]:
    """The first prompt to try; nothing for kinds of model without a known question."""
    if model.path.name in KNOWN and not model.bundled:
        return {"prompt": KNOWN[model.path.name].first}
    if model.kind in PROMPTED:
        return {"prompt": lab.question(lab.inventory.stories()[0].fact, kind=model.kind)}
    return {}


def _cannot(lab: Lab, model: ModelInfo) -> None:
    """Methods that do not fit this model, each with the reason."""
    others = offer(lab, "ask", model.name).others
    if others:
        with st.expander(f"Methods that cannot answer with it: {len(others)}", icon=":material/block:"):
            for reason in others.values():
                st.caption(plain(reason))
