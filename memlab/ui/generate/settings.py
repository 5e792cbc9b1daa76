"""How a prompt is continued: method, datastore, decoding, the method's settings."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.declare import Field
from memlab.errors import MemlabError
from memlab.lab.view_address import MOST_TOKENS, OTHER_NAMES, USUAL_TOKENS
from memlab.reading.decoding import Decoding
from memlab.ui.app.address import named
from memlab.ui.as_of import as_of_slider
from memlab.ui.memory_controls import MemoryControls

TOKENS = "generate.tokens"


@dataclass(frozen=True)
class How:
    """The arguments of `lab.trees.replay` besides prompt and moves; tokens per click; errors in the address."""

    arguments: dict[str, Any]
    tokens: int
    problems: tuple[MemlabError, ...]

    @property
    def of_a_reading(self) -> dict[str, Any]:
        """The same under the names of `lab.read`, where the temperature is that of the memory."""
        return {**self.arguments, "temperature": self.arguments.get("knn_temperature")}


def choose_how(lab: Lab, method_place: AbstractContextManager) -> How:
    """Draws the controls. Raises MemlabError where model, datastore and method do not fit together."""
    model, controls = named(st.session_state.get("model")), MemoryControls(lab, "generate", OTHER_NAMES["generate"])
    brought = controls.arrive()
    with method_place:
        method = controls.method("generate", "method of generating", brought)
    tokens = controls.number(
        "tokens",
        "Tokens at once",
        1,
        MOST_TOKENS,
        USUAL_TOKENS,
        st.slider,
        help="How many tokens Generate and Go on add.",
    )
    arguments: dict[str, Any] = {"method": method.name, "model": model}
    arguments |= {setting.name: _decoding(controls, setting) for setting in lab.generation.decoding_settings()}
    if method.remembers:
        store = controls.datastore(method, brought=brought)
        arguments |= {"datastore": store, **controls.settings(method, model, store, brought)}
    if method.gates and "gate" not in arguments:
        arguments["gate"] = controls.gate(method)
    as_of, unknown = as_of_slider(lab)
    return How({**arguments, "as_of": as_of}, tokens, (*controls.problems, *unknown))


def _decoding(controls: MemoryControls, setting: Field) -> Any:
    if setting.name != "seed":
        return controls.widget(setting, setting.default, Decoding)
    # On a slider over a million numbers no seed could be hit.
    return controls.number("seed", "Seed", 0, int(setting.high or 0), 0, st.number_input, step=1, help=setting.help)
