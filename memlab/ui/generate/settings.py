"""How a prompt is continued: method, datastore, decoding, the method's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.generating import GENERATING_METHODS
from memlab.lab.passages import KNN_GATES
from memlab.methods.declare import Field, checked
from memlab.methods.sampling import Decoding
from memlab.ui import fields
from memlab.ui.address import AUTOMATIC, named
from memlab.ui.as_of import as_of_slider
from memlab.ui.read.settings import SAYS, SETTINGS

METHOD, DATASTORE, GATE, TOKENS = (f"generate.{name}" for name in ("method", "datastore", "gate", "tokens"))
FIRST = "knn-lm"
MOST, USUAL = 100, 20  # tokens at once


@dataclass(frozen=True)
class How:
    """The arguments of `lab.grow` besides prompt and moves, tokens at once, what the address cannot have."""

    arguments: dict[str, Any]
    tokens: int
    problems: tuple[MemlabError, ...]

    @property
    def of_a_reading(self) -> dict[str, Any]:
        """The same under the names of `lab.read`, where the temperature is that of the memory."""
        return {**self.arguments, "temperature": self.arguments.get("knn_temperature")}


def choose_how(lab: Lab) -> How:
    """Draw the controls. Raises MemlabError where model, datastore and method do not belong together."""
    model = named(st.session_state.get("model"))
    problems = _unknown(METHOD, "method of generating", GENERATING_METHODS)
    method = st.segmented_control(
        "Method",
        GENERATING_METHODS,
        default=FIRST,
        required=True,
        key=METHOD,
        bind="query-params",
        on_change=_defaults_again,
        args=(lab, True),
        wrap=True,
    )
    st.caption(SAYS[method])
    tokens = _tokens(problems)
    arguments: dict[str, Any] = {"method": method, "model": model}
    arguments |= {field.name: _widget(field, field.default, Decoding, problems) for field in lab.decoding_settings()}
    if method != "base":
        stores = lab.causal_datastores()
        problems += _unknown(DATASTORE, "causal datastore", stores)
        store = st.selectbox(
            "Datastore",
            [AUTOMATIC, *stores],
            key=DATASTORE,
            bind="query-params",
            on_change=_defaults_again,
            args=(lab,),
            help="What is remembered. Automatic takes the one that belongs to the model.",
        )
        arguments["datastore"] = named(store)
        for field, default in lab.reading_settings(method, model, named(store)):
            argument = _argument(field)
            label = field.label if argument == field.name else f"{field.label} of the memory"
            named_here = replace(field, name=argument, label=label)
            arguments[argument] = _widget(named_here, default, SETTINGS[method], problems, field.name)
    if method == "knn-lm":
        problems += _unknown(GATE, "gate", KNN_GATES)
        arguments["gate"] = st.selectbox(
            "Gate",
            KNN_GATES,
            key=GATE,
            bind="query-params",
            help="Constant: λ everywhere. Learned: λ from the model's and memory's certainty. Skip: also spares searches.",
        )
    as_of, unknown = as_of_slider(lab)
    return How({**arguments, "as_of": as_of}, tokens, (*problems, *unknown))


def _tokens(problems: list[MemlabError]) -> int:
    asked = st.query_params.get(TOKENS, str(USUAL))
    if not (asked.isdecimal() and 1 <= int(asked) <= MOST):
        problems.append(InputError(f"Tokens at once is {asked[:20]!r}; allowed is a whole number from 1 to {MOST}."))
    help = "How many tokens Generate and Go on say."
    return int(st.slider("Tokens at once", 1, MOST, USUAL, key=TOKENS, bind="query-params", help=help))


def _argument(field: Field) -> str:
    """The temperature of the memory has a name of its own beside that of decoding."""
    return "knn_temperature" if field.name == "temperature" else field.name


def _widget(
    field: Field, default: Any, settings: type, problems: list[MemlabError], checked_as: str | None = None
) -> Any:
    """The control of one setting under a name of this page; notes what the address cannot have."""
    key = f"generate.{field.name}"
    if key in st.query_params:
        try:
            checked(settings, {checked_as or field.name: st.query_params[key]})
        except InputError as error:
            problems.append(error)
    if field.name == "seed":  # a slider over a million numbers hits none
        seed = st.number_input("Seed", 0, int(field.high or 0), 0, 1, key=key, bind="query-params", help=field.help)
        return int(seed or 0)
    return fields.widget(replace(field, name=key), default)


def _unknown(key: str, what: str, there: Sequence[str]) -> list[MemlabError]:
    """What to say where the address names something that is not there; the control falls back by itself."""
    name = st.query_params.get(key, AUTOMATIC)
    return [] if name in (AUTOMATIC, *there) else [NotFound.named(what, name[:60], there)]


def _defaults_again(lab: Lab, other_method: bool = False) -> None:
    """Another method or datastore: its settings start from their defaults there; decoding stays."""
    state = st.session_state
    if other_method:
        state[DATASTORE] = AUTOMATIC
    method = state[METHOD]
    try:
        settings = lab.reading_settings(method, named(state.get("model")), named(state.get(DATASTORE)))
    except MemlabError:
        return  # the page shows it when it asks for the same settings
    for field, default in settings:
        if (key := f"generate.{_argument(field)}") in state:
            state[key] = default
    if method == "knn-lm" and GATE in state:
        state[GATE] = KNN_GATES[0]
