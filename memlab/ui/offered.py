"""Which methods a page offers, and why it does not offer the others; all of it from what the methods declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from memlab import Lab
from memlab.corpus.model_kinds import kind_of_prompt
from memlab.declare import Method
from memlab.lm.catalogue import ModelInfo
from memlab.systems.registry import registry
from memlab.ui.plain import plain

CAUSAL_ONLY = ("read", "generate")  # abilities that need a model that continues a text


@dataclass(frozen=True)
class Offer:
    """The methods that can do something with the chosen model, and a sentence for each that cannot."""

    able: Mapping[str, Method]
    others: Mapping[str, str]

    def show_others(self) -> None:
        """The methods that are not offered, each with the reason, on demand."""
        if self.others:
            with st.expander(f"Not offered here: {len(self.others)}", icon=":material/block:"):
                for reason in self.others.values():
                    st.caption(plain(reason))

    def default(self, prompt: str | None, model: ModelInfo | None) -> str:
        """The method used where none is chosen: the one that the model was made for, else one with a memory.

        Args:
            prompt: decides the kind of model where no model is chosen; None for a page that only continues texts.
        """
        made_for = model.method if model is not None else None
        if made_for in self.able:
            return str(made_for)
        kind = model.kind if model is not None else _kind_of(prompt)
        fitting = [name for name, method in self.able.items() if kind in method.kinds]
        with_memory = [name for name in fitting if self.able[name].remembers]
        return next(iter([*with_memory, *fitting, *self.able]))


def offer(lab: Lab, ability: str, model: str | None) -> Offer:
    """What is offered for an ability and a model (None: each method has a default)."""
    made = None if model is None else model_info(lab, model)
    able, others = {}, {}
    for name, method in lab.methods().items():
        reason = why_not(lab, method, ability, made)
        if reason is None:
            able[name] = method
        else:
            others[name] = reason
    return Offer(able, others)


def why_not(lab: Lab, method: Method, ability: str, model: ModelInfo | None) -> str | None:
    """One sentence on why a method cannot do something with a model; None where it can."""
    if model is None:
        return method.why_not(ability)
    kind = "causal" if ability in CAUSAL_ONLY and "causal" in method.kinds else model.kind
    if ability in CAUSAL_ONLY and model.kind != kind:
        return f"{method.title} needs a {kind} model for this; {model.name} is a {model.kind} model."
    return method.why_not(ability, model.kind) or _made_for_another(lab, method, model)


def _made_for_another(lab: Lab, method: Method, model: ModelInfo) -> str | None:
    """A method with a model of its own needs one that was trained for it; other methods need one that made a datastore."""
    own = model.method is not None and lab.systems().system_of(model.method) == lab.systems().system_of(method.name)
    if method.model is not None and not own:
        return f"{method.title} needs a model trained for it, for example {method.model}."
    if model.method is not None and method.remembers and not own:
        return f"{method.title} needs a model that made a datastore; {model.name} was trained for another method."
    return None


def model_info(lab: Lab, name: str) -> ModelInfo | None:
    """What is known about a model; None where it does not exist (the engine says so when asked)."""
    return next((model for model in lab.models() if model.name == name), None)


def _kind_of(prompt: str | None) -> str:
    """The kind of model that a prompt needs; masked for an empty one, since the first examples have a gap."""
    if prompt is None:
        return "causal"
    return asked_kind(prompt) if prompt.strip() else "masked"


def asked_kind(prompt: str) -> str:
    """The kind of model that a prompt is written for."""
    return kind_of_prompt(prompt).name


def stores_for(lab: Lab, method: Method, model: ModelInfo | None) -> list[str]:
    """The datastores that a method can search: those of the chosen model, or of any model of the method's kind.

    A model that was trained for a method searches with the keys of another one; then all datastores of the kind are listed.
    """
    if method.memory is not None:
        return list(registry().code(method.memory, method, "memory")().names(lab.context))
    own = model if model is not None and model.method is None else None
    fitting = {known.name for known in lab.models() if known.kind in method.kinds and own in (None, known)}
    return [store.name for store in lab.datastores() if store.model in fitting]
