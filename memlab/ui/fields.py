"""Widgets bound to the address: made from the settings that a method declares, and choices of a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from memlab.declare import Field, Method, checked
from memlab.errors import InputError, MemlabError
from memlab.ui.app.address import unknown_name
from memlab.ui.app.session import show_error
from memlab.ui.plain import plain

PRESET_HELP = "Calibrated: tuned on held-out facts or words when the datastore was built. Paper: the authors' values."


def one_of(label: str, options: Iterable[str], key: str) -> str:
    """Buttons of which one is chosen, at first the first; bound to the address. An error where that names no option."""
    names = list(options)
    for problem in unknown_name(key, names):
        show_error(problem)
    return st.segmented_control(
        label, names, default=names[0], required=True, key=key, bind="query-params", label_visibility="collapsed"
    )


def widget(field: Field, default: Any, label: str | None = None) -> Any:
    """The control for one setting, bound to the address under the setting's name. Returns its value."""
    common: dict[str, Any] = {"key": field.name, "help": plain(field.help), "bind": "query-params"}
    label = plain(label or field.label[:1].upper() + field.label[1:])
    low, high = field.low, field.high
    if field.choices:
        return st.selectbox(label, field.choices, index=field.choices.index(default), **common)
    if field.type is bool:
        return st.checkbox(label, default, **common)
    if field.type is str:
        return st.text_input(label, default, autocomplete="off", **common)
    if low is None or high is None:
        return st.number_input(label, value=default, step=field.step, **common)
    if field.log:
        there = (default, st.session_state.get(field.name), _from_address(field.name, low, high))
        options = [field.type(value) for value in _log_steps(low, high, there)]
        return st.select_slider(label, options, value=default, format_func=_number, **common)
    step = field.step or (1 if field.type is int else (high - low) / 100)
    return st.slider(label, field.type(low), field.type(high), default, step=field.type(step), **common)


def address_problems(method: Method, default: Any) -> list[MemlabError]:
    """The engine's error for each setting in the address that it does not accept."""
    problems: list[MemlabError] = []
    for field in method.fields():
        if field.name in st.query_params:
            try:
                checked(method.settings, {field.name: st.query_params[field.name]}, default)
            except InputError as error:
                problems.append(error)
    return problems


def _from_address(name: str, low: float, high: float) -> float | None:
    """The number in the address, or None where it is not a number in range."""
    try:
        value = float(st.query_params[name])
    except (KeyError, ValueError):
        return None
    return value if low <= value <= high else None


def _log_steps(low: float, high: float, also: Iterable[float | None]) -> list[float]:
    """1, 2, 5, 10, 20 ... from `low` to `high`, with both ends and the values in `also`, sorted."""
    values = {low, high, *(value for value in also if value is not None)}
    power = 1e-6
    while power <= high:
        values.update(float(f"{digit * power:.3g}") for digit in (1, 2, 5))
        power *= 10
    return sorted(value for value in values if low <= value <= high)


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
