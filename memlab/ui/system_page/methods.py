"""The methods of a system: where each can be used, its gates and its settings."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import ABILITIES, Method, System
from memlab.ui.app.links import link_to
from memlab.ui.plain import plain

PAGES = {"ask": ("Ask", "forum"), "read": ("Read", "auto_stories"), "generate": ("Generate", "account_tree")}


def methods_panel(lab: Lab, system: System) -> None:
    """A frame for each method."""
    if not system.methods:
        return
    st.header("Methods", anchor=False)
    for method in system.methods:
        with st.container(border=True):
            st.subheader(plain(method.title), anchor=False)
            st.markdown(plain(method.help))
            model = f" · default model {method.model}" if method.model else ""
            st.caption(plain(f"{method.paper} · for a {' or '.join(method.kinds)} model{model}"))
            _links(lab, method)
            _missing(method)
            _gates(method)
            _settings(method)


def address(lab: Lab, method: Method, ability: str) -> dict[str, str]:
    """The address of a page's view in which this method answers a first example, if there is one for its kind of model."""
    kind = method.prompted
    if kind is None:
        return {{"ask": "method"}.get(ability, f"{ability}.method"): method.name}
    fact = lab.inventory.stories()[0].fact
    prompt = lab.question(fact, kind=kind)
    if ability == "ask":
        return {"prompt": prompt, "method": method.name}
    if ability == "generate":
        return {"prompt": prompt, "generate.method": method.name}
    return {"text": f"{prompt} {fact.object}.", "read.method": method.name}


def _links(lab: Lab, method: Method) -> None:
    with st.container(horizontal=True):
        for ability, (label, icon) in PAGES.items():
            if method.can(ability):
                link_to(ability, f"{label} with it", address(lab, method, ability), icon)
    if method.prompted is None:
        st.caption(
            plain(f"Type a prompt of your own: memlab ships no {method.kind} model, and has no examples for one.")
        )


def _missing(method: Method) -> None:
    """What the method cannot do, each with the reason."""
    for ability in ABILITIES:
        reason = method.why_not(ability)
        if reason is not None and (ability in method.unable or ability in PAGES):
            st.caption(plain(reason))


def _gates(method: Method) -> None:
    if len(method.gates) > 1:
        others = ", ".join(method.gates[1:])
        st.caption(plain(f"Gates when reading and generating: {method.gates[0]} (the default), {others}."))


def _settings(method: Method) -> None:
    fields = method.fields()
    if not fields:
        st.caption("No settings.")
        return
    with st.expander(f"Settings: {len(fields)}", icon=":material/tune:"):
        st.table(
            [
                {
                    "setting": plain(field.label),
                    "name": plain(field.name),
                    "default": plain(str(field.default)),
                    "allowed": plain(field.allowed),
                    "what it does": plain(field.help),
                }
                for field in fields
            ],
            border="horizontal",
            hide_index=True,
        )
