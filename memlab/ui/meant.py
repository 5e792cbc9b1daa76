"""Reads a prompt as it was evidently meant and says so, or offers one suggestion to click."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.meant import for_kind, respelt, suggestion, with_gap
from memlab.corpus.world import atlas
from memlab.results import Prediction
from memlab.ui.offered import asked_kind, model_info
from memlab.ui.plain import plain
from memlab.ui.prompt import fill
from memlab.ui.question import Question

_EXACT = "ask.exact"  # the prompt that is to be asked as it was typed


def typed_exactly(typed: str) -> bool:
    """Whether this prompt is to be asked as it was typed."""
    return bool(st.session_state.get(_EXACT) == typed)


def first_reading(typed: str) -> str:
    """The prompt with [MASK] where a gap was written differently or a question asked; it decides which method fits."""
    return typed if typed_exactly(typed) else with_gap(typed)


def second_reading(lab: Lab, question: Question, typed: str) -> str:
    """The prompt as the chosen method can read it."""
    return typed if typed_exactly(typed) else for_kind(atlas(), question.prompt, kind_of(lab, question))


def kind_of(lab: Lab, question: Question) -> str:
    """The kind of model that answers: the chosen model's, else the method's, else the one the prompt is written for."""
    model = None if question.model is None else model_info(lab, question.model)
    if model is not None:
        return model.kind
    kinds = question.method.kinds
    return kinds[0] if len(kinds) == 1 else asked_kind(question.prompt)


def say_how_it_was_read(prompt: str, typed: str) -> None:
    """What the prompt was read as, with a way back to what was typed; nothing where they are the same."""
    if prompt == typed.strip():
        return
    said, back = st.columns([3, 1], vertical_alignment="center")
    said.markdown(f":material/edit: Read as: **{plain(prompt)}**")
    back.button("Ask as typed", key="ask.exactly", type="tertiary", on_click=_exactly, args=(typed,))


def suggest(lab: Lab, question: Question) -> None:
    """One other prompt that may be meant, to click; nothing where there is none."""
    _did_you_mean(suggestion(atlas(), question.prompt, kind_of(lab, question)), "ask.suggested")


def suggest_names(p: Prediction) -> None:
    """The prompt with names of the bundled world in place of words that the model has never met, where they are alike."""
    if _did_you_mean(respelt(atlas(), p.prompt, p.unknown_words), "ask.respelt"):
        st.rerun()  # the whole page: this is drawn in a fragment, and the prompt stands outside it


def _did_you_mean(other: str | None, key: str) -> bool:
    """A button that puts another prompt into the bar; whether it was clicked."""
    if other is None:
        return False
    label = f"Did you mean: {plain(other)}"
    return st.button(label, key=key, icon=":material/lightbulb:", on_click=fill, args=(other,))


def _exactly(typed: str) -> None:
    st.session_state[_EXACT] = typed
