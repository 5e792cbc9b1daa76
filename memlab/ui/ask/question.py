"""The controls of the Ask page, and what they add up to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.declare import Field, Method
from memlab.errors import InputError, MemlabError
from memlab.lab import PRESETS
from memlab.results import Prediction
from memlab.ui import fields
from memlab.ui.app.address import AUTOMATIC, SHOWN, named, unknown_name
from memlab.ui.app.bar import memory_place, model_changed
from memlab.ui.app.carried import Choice, bring, brought_to, by_hand, carry
from memlab.ui.as_of import as_of_slider
from memlab.ui.explanations.dropped import drop_only
from memlab.ui.method_control import method_control
from memlab.ui.offered import Offer, asked_kind, model_info, offer, stores_for

LAMBDA = "lam"
TYPED = "ask.prompt.typed"  # False where the prompt came with the address: a link, or the browser's Back
_CHOSEN = "ask.method"  # the method that was chosen by hand last


@dataclass(frozen=True)
class Question:
    """Everything that decides the answer except lambda, which has its own slider.

    `settings` holds the method's other settings, `mixing` the field of lambda with its default here (None for a method
    that does not mix two distributions), `as_of` the last edit that counts (None: all), `problems` an error for each
    invalid parameter of the address, `offered` the methods that the chosen model can answer with, `expected` the right
    answers as typed.
    """

    prompt: str
    method: Method
    model: str | None
    datastore: str | None
    preset: str
    settings: dict[str, Any]
    mixing: Field | None
    as_of: int | None
    problems: tuple[MemlabError, ...]
    offered: Offer
    expected: tuple[str, ...] = ()

    def ask(self, lab: Lab, lam: float | None) -> Prediction:
        """The engine's answer."""
        settings = self.settings if lam is None else {**self.settings, LAMBDA: lam}
        return lab.ask(
            self.prompt,
            method=self.method.name,
            model=self.model,
            datastore=self.datastore,
            as_of=self.as_of,
            preset=self.preset,
            **settings,
        )


def choose(lab: Lab, prompt: str, method_place: AbstractContextManager | None = None) -> Question:
    """Draws the controls: method, memory, preset and the method's settings. Raises MemlabError.

    Args:
        method_place: container for the method's control (default: right here). The memory is chosen in the control bar.
    """
    model, page = named(st.session_state.get("model")), str(st.session_state.get("app.page", "ask"))
    offered = offer(lab, "ask", model)
    if not offered.able:
        raise InputError(f"No method can answer with {model}. {' '.join(offered.others.values())}")
    brought = brought_to(page, bool({"prompt", "method", "datastore", "preset"} & set(st.query_params)))
    with method_place or nullcontext():
        method, problems = _method(lab, prompt, model, offered, brought is not None)
    datastore = None
    if method.remembers:
        with memory_place():
            datastore, unknown = _datastore(lab, method, model, brought)
        problems += unknown
    if model_changed(page):
        _defaults_again(lab)
    preset = PRESETS[0]
    if method.fields():
        preset, unknown = _preset(lab, brought)
        problems += unknown
    default = lab.ask_defaults(method.name, model, datastore, preset)
    problems += fields.address_problems(method, default)
    if brought is not None:
        _take_over(brought.for_method(method.name), method)
    chosen, mixing = {}, None
    for field in method.fields():
        value = getattr(default, field.name)
        if field.name == LAMBDA and method.knn is not None:
            mixing = dataclasses.replace(field, default=value)
        else:
            chosen[field.name] = fields.widget(field, value)
    as_of, unknown = as_of_slider(lab)
    problems += unknown
    other = {name: value for name, value in chosen.items() if value != getattr(default, name)}
    carry(page, Choice(datastore, preset, method.name, other))
    return Question(prompt, method, model, datastore, preset, chosen, mixing, as_of, tuple(problems), offered)


def _take_over(settings: Mapping[str, Any], method: Method) -> None:
    """Takes over settings that were chosen on another page, before their controls are drawn."""
    known = {field.name for field in method.fields()}
    for name in known & set(settings):
        bring(name, settings[name])
    st.session_state.pop(f"{LAMBDA}{SHOWN}", None)


def _method(
    lab: Lab, prompt: str, model: str | None, offered: Offer, brought: bool
) -> tuple[Method, list[MemlabError]]:
    """The method: the default for the prompt until another is chosen."""
    usual = offered.default(prompt, None if model is None else model_info(lab, model))
    problems = _method_problems(offered)
    state = st.session_state
    if "method" not in st.query_params and state.get("method") not in (None, usual, state.get(_CHOSEN)):
        state["method"] = usual  # the last one was the default of another prompt, not a choice
        if state.get(TYPED, True):  # otherwise the address holds the settings that are not defaults
            _defaults_again(lab)
    if brought and by_hand() in offered.able:
        state[_CHOSEN] = by_hand()
    method = method_control("method", offered, usual, _other_method, (lab,), brought)
    return method, problems


def _method_problems(offered: Offer) -> list[MemlabError]:
    """An error where the address names a method that does not exist, or one that does not fit, with the reason."""
    asked = st.query_params.get("method")
    if asked in offered.others:
        return [InputError(offered.others[str(asked)])]
    return unknown_name("method", offered.able)


def _datastore(
    lab: Lab, method: Method, model: str | None, brought: Choice | None
) -> tuple[str | None, list[MemlabError]]:
    stores = stores_for(lab, method, None if model is None else model_info(lab, model))
    problems = unknown_name("datastore", stores)
    if brought is not None and brought.datastore in stores:
        bring("datastore", brought.datastore)
    datastore = st.selectbox(
        "Memory",
        [AUTOMATIC, *stores],
        key="datastore",
        bind="query-params",
        on_change=_defaults_again,
        args=(lab,),
        help="The datastore that is searched. Automatic: the one that belongs to the model.",
    )
    return named(datastore), problems


def _preset(lab: Lab, brought: Choice | None) -> tuple[str, list[MemlabError]]:
    problems = unknown_name("preset", PRESETS)
    if brought is not None:
        bring("preset", brought.preset, PRESETS[0])
    preset = st.segmented_control(
        "Settings",
        PRESETS,
        default=PRESETS[0],
        required=True,
        key="preset",
        bind="query-params",
        on_change=_defaults_again,
        args=(lab,),
        help=fields.PRESET_HELP,
    )
    return str(preset), problems


def offer_fitting_method(lab: Lab, question: Question) -> None:
    """A button for the method that this prompt is meant for, where the chosen one cannot read it."""
    kind = asked_kind(question.prompt)
    if kind in question.method.kinds:
        return
    for name, method in question.offered.able.items():
        if kind in method.kinds and method.remembers:
            label, arrow = f"Ask this with {method.title}", ":material/arrow_forward:"
            st.button(label, key=f"ask.with.{name}", icon=arrow, on_click=_take_method, args=(lab, name))


def _take_method(lab: Lab, name: str) -> None:
    st.session_state["method"] = name
    _other_method(lab)


def _other_method(lab: Lab) -> None:
    """After a change of method: back to its own datastore and to its default settings."""
    st.session_state[_CHOSEN] = st.session_state["method"]
    st.session_state["datastore"] = AUTOMATIC
    _defaults_again(lab)


def _defaults_again(lab: Lab) -> None:
    """After a change of method, datastore or preset: resets every setting to its default; no neighbor stays dropped."""
    drop_only(())
    state = st.session_state
    try:
        default = lab.ask_defaults(
            state["method"], named(state.get("model")), named(state.get("datastore")), state.get("preset", PRESETS[0])
        )
    except MemlabError:
        return  # the page shows it when it asks for the same settings
    for name, value in dataclasses.asdict(default).items():
        if name in state:
            state[name] = value
