"""The controls of the Ask page, and what they add up to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.corpus.world import MASK
from memlab.declare import Field, Method
from memlab.errors import MemlabError
from memlab.lab import PRESETS
from memlab.results import Prediction
from memlab.ui import fields
from memlab.ui.address import AUTOMATIC, named, unknown_name
from memlab.ui.as_of import as_of_slider
from memlab.ui.look.dropped import drop_only
from memlab.ui.plain import plain

LAMBDA = "lam"


@dataclass(frozen=True)
class Question:
    """Everything that decides the answer except lambda, which has its own slider.

    `settings` holds the method's other settings, `mixing` the field of lambda with its default here
    (None for a method without one), `as_of` the last edit that counts (None: all), `problems` what the address asks for and cannot have.
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


def choose(lab: Lab, prompt: str) -> Question:
    """Draw the controls: method, datastore, preset and the method's settings."""
    model = named(st.session_state.get("model"))
    methods = _offered_methods(lab, model)
    problems = unknown_name("method", methods)
    name = st.segmented_control(
        "Method",
        list(methods),
        default=next(iter(methods)),
        required=True,
        key="method",
        bind="query-params",
        on_change=_other_method,
        args=(lab,),
    )
    method = methods[name]
    st.caption(plain(f"{method.title}, {method.paper}."), help=plain(method.help))

    stores = _offered_stores(lab, method, model)
    problems += unknown_name("datastore", stores)
    datastore = st.selectbox(
        "Datastore",
        [AUTOMATIC, *stores],
        key="datastore",
        bind="query-params",
        on_change=_defaults_again,
        args=(lab,),
        help="What is remembered. Automatic takes the one built with the model.",
    )
    problems += unknown_name("preset", PRESETS)
    preset = st.segmented_control(
        "Settings",
        PRESETS,
        default=PRESETS[0],
        required=True,
        key="preset",
        bind="query-params",
        on_change=_defaults_again,
        args=(lab,),
        help="Calibrated: tuned on validation facts when the datastore was built. Paper: the authors' values.",
    )
    default = lab.ask_defaults(method.name, model, named(datastore), preset)
    problems += fields.address_problems(method, default)
    chosen, mixing = {}, None
    for field in method.fields():
        value = getattr(default, field.name)
        if field.name == LAMBDA:
            mixing = dataclasses.replace(field, default=value)
        else:
            chosen[field.name] = fields.widget(field, value)
    as_of, unknown = as_of_slider(lab)
    problems += unknown
    return Question(prompt, method, model, named(datastore), preset, chosen, mixing, as_of, tuple(problems))


def offer_fitting_method(lab: Lab, question: Question) -> None:
    """A button for the method that this prompt is meant for, where the chosen one cannot read it."""
    kind = "masked" if MASK in question.prompt else "causal"
    if kind in question.method.kinds:
        return
    for name, method in _offered_methods(lab, question.model).items():
        if kind in method.kinds and method.remembers:
            label, arrow = f"Ask this with {method.title}", ":material/arrow_forward:"
            st.button(label, key=f"ask.with.{name}", icon=arrow, on_click=_take_method, args=(lab, name))


def _take_method(lab: Lab, name: str) -> None:
    st.session_state["method"] = name
    _other_method(lab)


def _offered_methods(lab: Lab, model: str | None) -> dict[str, Method]:
    """The methods that the chosen model can run; all of them where the method brings its own model."""
    kinds = {info.name: info.kind for info in lab.models()}
    able = {n: m for n, m in lab.methods().items() if m.can("ask")}
    return {n: m for n, m in able.items() if model is None or kinds.get(model, m.kind) in m.kinds}


def _offered_stores(lab: Lab, method: Method, model: str | None) -> list[str]:
    """The datastores whose keys come from the chosen model, or from any model of the method's kind."""
    fitting = {info.name for info in lab.models() if info.kind in method.kinds and model in (None, info.name)}
    return [store.name for store in lab.datastores() if store.model in fitting]


def _other_method(lab: Lab) -> None:
    """Another method: its own datastore, and every setting from its default there."""
    st.session_state["datastore"] = AUTOMATIC
    _defaults_again(lab)


def _defaults_again(lab: Lab) -> None:
    """Another method, datastore or preset: every setting starts from its default there, and nothing is dropped."""
    drop_only(())
    state = st.session_state
    try:
        default = lab.ask_defaults(
            state["method"], named(state.get("model")), named(state.get("datastore")), state["preset"]
        )
    except MemlabError:
        return  # the page shows it when it asks for the same settings
    for name, value in dataclasses.asdict(default).items():
        if name in state:
            state[name] = value
