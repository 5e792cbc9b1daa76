"""The address of a view: what a link says, what it makes the session forget, and the answer that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from memlab.errors import InputError, MemlabError, NotFound
from memlab.ui.as_of import NOW

if TYPE_CHECKING:
    from memlab import Lab
    from memlab.results import Prediction

AUTOMATIC = "automatic"
SOURCE = "source"
SHOWN = ".address.shown"  # after the key of a control: what it was drawn with
DIGITS = 18  # of a number in an address: more would not fit into 64 bits


def follow(lab: Lab, page: str) -> None:
    """On arrival by a link with a prompt of its own, only the link decides the view; settings of the last question would
    else stay where the link does not name them. On coming back to Ask without one, the last view is there again.
    """
    arrived = st.session_state.get("app.page") != page
    st.session_state["app.page"] = page
    if not arrived:
        return
    if "prompt" not in st.query_params:
        if page == "ask":
            _as_left()
        return
    settings = {field.name for method in lab.methods().values() for field in method.fields()}
    for name in {"method", "datastore", "preset", "as_of", "expected", *settings} - set(st.query_params):
        st.session_state.pop(name, None)
    if "model" not in st.query_params and "model" in st.session_state:
        st.session_state["model"] = AUTOMATIC


def _as_left() -> None:
    """Controls that follow the address hold again what they were drawn with, as if it had been chosen now."""
    state = st.session_state
    for mark in [key for key in state if str(key).endswith(SHOWN)]:
        state[str(mark).removesuffix(SHOWN)] = state.pop(mark)


def into_address(name: str, value: str | None) -> None:
    """Puts a parameter into the address, or takes it out; each change is a step of the browser's Back."""
    if value and st.query_params.get(name) != value:
        st.query_params[name] = value
    elif not value and name in st.query_params:
        del st.query_params[name]


def chosen_or_in_address(key: str, in_address: Any) -> Any:
    """What a control of the page holds: what a person chose since the page was last drawn, else what the address says.

    So the browser's Back and a link decide, and a choice is put into the address. `shown` says what was drawn.
    """
    state = st.session_state
    chosen = state.get(key)
    value = chosen if chosen is not None and chosen != state.get(f"{key}{SHOWN}") else in_address
    state[key] = value
    return value


def shown(key: str, value: Any) -> None:
    """The value of the control `key` with which the page is drawn."""
    st.session_state[f"{key}{SHOWN}"] = value


def link(prompt: str, method: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The query parameters of a question."""
    return {"prompt": prompt, "method": method, **{name: str(value) for name, value in settings.items()}}


def unknown_name(what: str, available: Iterable[str], called: str | None = None) -> list[MemlabError]:
    """What to say where the address names something that is not there; the control falls back by itself.

    Args:
        what: the parameter of the address.
        called: what a person calls it, where that is another word.
    """
    names = list(available)
    name = st.query_params.get(what, AUTOMATIC)
    return [] if name in (AUTOMATIC, *names) else [NotFound.named(called or what, name, names)]


def named(choice: str | None) -> str | None:
    """What the engine takes for a choice: None where it decides."""
    return None if choice in (None, AUTOMATIC) else choice


def whole_number(text: str) -> int | None:
    """The number that a part of an address says; None where it is none, or longer than any number here."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else None


def opened_source() -> int | None:
    """The entry whose article the address asks for; None without one, or where it is no number."""
    return whole_number(st.query_params.get(SOURCE, ""))


def open_source(entry: int | None) -> None:
    """Put the entry into the address, or take it out."""
    if entry is not None:
        st.query_params[SOURCE] = str(entry)
    elif SOURCE in st.query_params:
        del st.query_params[SOURCE]


def asked(lab: Lab, parameters: Mapping[str, str]) -> Prediction:
    """Asks what the query parameters of the Ask page say. Raises MemlabError for what cannot be had."""
    methods = lab.methods()
    prompt, name = parameters.get("prompt", ""), parameters.get("method")
    fields = methods[name].fields() if name in methods else [f for m in methods.values() for f in m.fields()]
    known = {field.name for field in fields}
    moment = parameters.get("as_of", NOW)
    edit = whole_number(moment)
    if moment != NOW and edit is None:
        raise InputError(f"as_of is {moment!r}; allowed are {NOW} and the number of an edit.")
    settings: dict[str, Any] = {key: value for key, value in parameters.items() if key in known}
    return lab.ask(
        prompt,
        method=name,
        model=named(parameters.get("model")),
        datastore=named(parameters.get("datastore")),
        as_of=edit,
        preset=parameters.get("preset", "calibrated"),
        **settings,
    )
