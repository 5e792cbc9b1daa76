"""How a passage is read: method, datastore, the method's settings, short-term memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.passages import KNN_GATES
from memlab.lab.posing import READING_METHODS
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import checked
from memlab.ui import fields
from memlab.ui.address import AUTOMATIC, named
from memlab.ui.as_of import as_of_slider

METHOD, DATASTORE, SHORT_TERM, CACHE, GATE = (
    "read.method", "read.datastore", "read.short_term", "read.cache", "read.gate"
)  # fmt: skip
FIRST = "knn-lm"
SETTINGS = {"knn-lm": knn_lm.Settings, "spalm": spalm.Settings, "spalm+knn-lm": spalm.Settings}
SAYS = {
    "base": "The model alone, with its local context.",
    "knn-lm": "kNN-LM, Khandelwal et al., ICLR 2020: mixes two distributions.",
    "spalm": "SPALM, Yogatama et al., TACL 2021: mixes vectors, with a gate that it learned.",
    "spalm+knn-lm": "SPALM, with the distribution of kNN-LM mixed in after it.",
}


@dataclass(frozen=True)
class How:
    """The arguments of `lab.read` besides the text, and what the address asks for and cannot have."""

    arguments: dict[str, Any]
    problems: tuple[MemlabError, ...]


def choose_how(lab: Lab) -> How:
    """Draw the controls. Raises MemlabError where model, datastore and method do not belong together."""
    model = named(st.session_state.get("model"))
    problems = _unknown(METHOD, "method of reading", READING_METHODS)
    method = st.segmented_control(
        "Method",
        READING_METHODS,
        default=FIRST,
        required=True,
        key=METHOD,
        bind="query-params",
        on_change=_defaults_again,
        args=(lab, True),
        wrap=True,
    )
    st.caption(SAYS[method])
    arguments: dict[str, Any] = {"method": method, "model": model}
    if method != "base":
        stores = _stores(lab)
        problems += _unknown(DATASTORE, "causal datastore", stores)
        store = st.selectbox(
            "Datastore",
            [AUTOMATIC, *stores],
            key=DATASTORE,
            bind="query-params",
            on_change=_defaults_again,
            args=(lab,),
            help="What is remembered. Automatic takes the one that belongs to the model. A passage never finds itself.",
        )
        arguments["datastore"] = named(store)
        arguments |= _settings(lab, method, model, named(store), problems)
    if method == "knn-lm":
        problems += _unknown(GATE, "gate", KNN_GATES)
        arguments["gate"] = st.selectbox(
            "Gate",
            KNN_GATES,
            key=GATE,
            bind="query-params",
            help="Constant: λ everywhere. Learned: λ from the model's and memory's certainty. Skip: also spares searches.",
        )
    arguments |= _short_term(method, problems)
    as_of, unknown = as_of_slider(lab)
    problems += unknown
    return How({**arguments, "as_of": as_of}, tuple(problems))


def _settings(
    lab: Lab, method: str, model: str | None, store: str | None, problems: list[MemlabError]
) -> dict[str, Any]:
    """Widgets from what the method declares, under names of this page."""
    chosen = {}
    for field, default in lab.reading_settings(method, model, store):
        key = f"read.{field.name}"
        if key in st.query_params:
            try:
                checked(SETTINGS[method], {field.name: st.query_params[key]})
            except InputError as error:
                problems.append(error)
        chosen[field.name] = fields.widget(replace(field, name=key), default)
    return chosen


def _short_term(method: str, problems: list[MemlabError]) -> dict[str, int]:
    """M and the size of the cache; the cache mixes distributions, which SPALM does not."""
    chosen = {"short_term": _size(SHORT_TERM, "Short-term memory M", 512, _M, problems)}
    if not method.startswith("spalm"):
        chosen["cache"] = _size(CACHE, "Continuous cache", 4000, _C, problems)
    return chosen


_M = "Tokens whose states are carried across the borders of segments (the key-value cache, in place of Transformer-XL's). 0 is off."
_C = "Grave et al. 2017: so many earlier words of this passage are remembered with their states and mixed in. 0 is off."


def _size(key: str, label: str, most: int, help: str, problems: list[MemlabError]) -> int:
    asked = st.query_params.get(key, "0")
    if not (asked.isdecimal() and int(asked) <= most):
        problems.append(InputError(f"{label} is {asked[:20]!r}; allowed is a whole number from 0 (off) to {most}."))
    return int(st.number_input(label, 0, most, 0, 16, key=key, bind="query-params", help=help) or 0)


def _unknown(key: str, what: str, there: Sequence[str]) -> list[MemlabError]:
    """What to say where the address names something that is not there; the control falls back by itself."""
    name = st.query_params.get(key, AUTOMATIC)
    return [] if name in (AUTOMATIC, *there) else [NotFound.named(what, name[:60], there)]


def _stores(lab: Lab) -> list[str]:
    kinds = {info.name: info.kind for info in lab.models()}
    return [store.name for store in lab.datastores() if kinds.get(store.model) == "causal"]


def _defaults_again(lab: Lab, other_method: bool = False) -> None:
    """Another method or datastore: every setting starts from its default there."""
    state = st.session_state
    if other_method:
        state[DATASTORE] = AUTOMATIC
    method = state[METHOD]
    try:
        settings = lab.reading_settings(method, named(state.get("model")), named(state.get(DATASTORE)))
    except MemlabError:
        return  # the page shows it when it asks for the same settings
    for field, default in settings:
        if f"read.{field.name}" in state:
            state[f"read.{field.name}"] = default
    if method == "knn-lm" and GATE in state:
        state[GATE] = KNN_GATES[0]
