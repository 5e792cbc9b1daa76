"""The address of a view: which controls it sets and which it clears, and the answer that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from memlab.errors import MemlabError, NotFound

if TYPE_CHECKING:
    from memlab import Lab
    from memlab.results import Prediction

AUTOMATIC = "automatic"
SOURCE = "source"
SHOWN = ".address.shown"  # after the key of a control: what it was drawn with
DIGITS = 18  # of a number in an address: more would not fit into 64 bits


def follow(lab: Lab, page: str) -> None:
    """Sets the controls on arrival at a page.

    A link with a prompt of its own alone decides the view: settings that it does not name are cleared, or those of the
    last question would stay. Coming back to Ask without such a link restores the last view.
    """
    arrived = st.session_state.get("app.page") != page
    st.session_state["app.page"] = page
    if not arrived:
        return
    if "prompt" not in st.query_params:
        if page == "ask":
            _restore()
        return
    settings = {field.name for method in lab.methods().values() for field in method.fields()}
    for name in {"method", "datastore", "preset", "as_of", "expected", *settings} - set(st.query_params):
        st.session_state.pop(name, None)
    if "model" not in st.query_params and "model" in st.session_state:
        st.session_state["model"] = AUTOMATIC


def _restore() -> None:
    """Restores the controls that follow the address to what they were last drawn with, as if just chosen."""
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
    """The value of a control: what a person chose since the page was last drawn, else what the address says.

    So the browser's Back and links take effect, and a choice is put into the address. `shown` records what was drawn.
    """
    state = st.session_state
    chosen = state.get(key)
    value = chosen if chosen is not None and chosen != state.get(f"{key}{SHOWN}") else in_address
    state[key] = value
    return value


def shown(key: str, value: Any) -> None:
    """Records the value with which the control `key` is drawn."""
    st.session_state[f"{key}{SHOWN}"] = value


def link(prompt: str, method: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The query parameters of a question."""
    return {"prompt": prompt, "method": method, **{name: str(value) for name, value in settings.items()}}


def unknown_name(what: str, available: Iterable[str], called: str | None = None) -> list[MemlabError]:
    """The error to show where the address names something that does not exist; the control itself falls back.

    Args:
        what: the parameter of the address.
        called: the user's word for it, where that differs.
    """
    names = list(available)
    name = st.query_params.get(what, AUTOMATIC)
    return [] if name in (AUTOMATIC, *names) else [NotFound.named(called or what, name, names)]


def named(choice: str | None) -> str | None:
    """The choice as the engine takes it: None for automatic."""
    return None if choice in (None, AUTOMATIC) else choice


def whole_number(text: str) -> int | None:
    """The number in a part of an address; None where it is not a number, or has more than `DIGITS` digits."""
    return int(text) if text.isdecimal() and len(text) <= DIGITS else None


def opened_source() -> int | None:
    """The entry whose article the address asks for; None without one, or where it is not a number."""
    return whole_number(st.query_params.get(SOURCE, ""))


def open_source(entry: int | None) -> None:
    """Put the entry into the address, or take it out."""
    if entry is not None:
        st.query_params[SOURCE] = str(entry)
    elif SOURCE in st.query_params:
        del st.query_params[SOURCE]


def asked(lab: Lab, parameters: Mapping[str, str]) -> Prediction:
    """Asks the question in the query parameters of the Ask page. Raises MemlabError where it cannot be asked."""
    from memlab.lab.view_address import arguments_of

    return lab.ask(parameters.get("prompt", ""), **arguments_of("ask", parameters))
