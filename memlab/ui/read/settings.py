"""How a passage is read: method, datastore, the method's settings, short-term memory."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.lab.view_address import leaves_out
from memlab.ui.app.address import named
from memlab.ui.as_of import as_of_slider
from memlab.ui.memory_controls import MemoryControls

_M = "Tokens whose states are carried from segment to segment (a key-value cache, instead of Transformer-XL's). 0: off."
_C = "Grave et al. 2017: how many earlier words of this passage are kept with their states and mixed in. 0: off."


@dataclass(frozen=True)
class How:
    """The arguments of `lab.read` besides the text, and errors for invalid parameters of the address."""

    arguments: dict[str, Any]
    problems: tuple[MemlabError, ...]


def choose_how(lab: Lab, method_place: AbstractContextManager) -> How:
    """Draws the controls. Raises MemlabError where model, datastore and method do not fit together."""
    model, controls = named(st.session_state.get("model")), MemoryControls(lab, "read")
    brought = controls.arrive()
    with method_place:
        method = controls.method("read", "method of reading", brought)
    arguments: dict[str, Any] = {"method": method.name, "model": model}
    if method.remembers:
        store = controls.datastore(
            method, "A passage that is a remembered text, holds one or is part of one does not find itself.", brought
        )
        arguments |= {"datastore": store, **controls.settings(method, model, store, brought)}
    elif method.fields("read"):
        arguments |= controls.settings(method, model, None)
    if method.gates and "gate" not in arguments:
        arguments["gate"] = controls.gate(method)
    if leaves_out(method):
        arguments["leave_out"] = controls.leave_out()
    arguments["short_term"] = controls.number(
        "short_term", "Short-term memory M", 0, 512, 0, st.number_input, step=16, help=_M
    )
    if method.takes_cache:
        arguments["cache"] = controls.number("cache", "Continuous cache", 0, 4000, 0, st.number_input, step=16, help=_C)
    as_of, unknown = as_of_slider(lab)
    return How({**arguments, "as_of": as_of}, (*controls.problems, *unknown))
