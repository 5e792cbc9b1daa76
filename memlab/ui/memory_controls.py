"""Method, datastore, settings and gate: the controls that the pages Read and Generate share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.reading import KNN_GATES
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import Field, checked
from memlab.ui import fields
from memlab.ui.address import AUTOMATIC, named

FIRST = "knn-lm"
SETTINGS = {"knn-lm": knn_lm.Settings, "spalm": spalm.Settings, "spalm+knn-lm": spalm.Settings}
SAYS = {
    "base": "The model alone, with its local context.",
    "knn-lm": "kNN-LM, Khandelwal et al., ICLR 2020: mixes two distributions.",
    "spalm": "SPALM, Yogatama et al., TACL 2021: mixes vectors, with a gate that it learned.",
    "spalm+knn-lm": "SPALM, with the distribution of kNN-LM mixed in after it.",
}


@dataclass(frozen=True)
class MemoryControls:
    """Controls whose names begin with that of a page, as "read.method"; they stand in the address.

    Args:
        other_names: settings that are called otherwise on this page: name of the method's -> name here.
        problems: what the address asks for and cannot have is added here.
    """

    lab: Lab
    page: str
    other_names: Mapping[str, str] = field(default_factory=dict)
    problems: list[MemlabError] = field(default_factory=list)

    def key(self, name: str) -> str:
        """The name of a control in the address."""
        return f"{self.page}.{name}"

    def method(self, methods: Sequence[str], what: str) -> str:
        """The method, with a line on what it is."""
        self.check("method", what, methods)
        method = st.segmented_control(
            "Method",
            methods,
            default=FIRST,
            required=True,
            key=self.key("method"),
            bind="query-params",
            on_change=self._defaults_again,
            args=(True,),
            wrap=True,
        )
        st.caption(SAYS[method])
        return method

    def datastore(self, help: str = "") -> str | None:
        """The datastore; None is the one that belongs to the model."""
        stores = self.lab.inventory.causal_datastores()
        self.check("datastore", "causal datastore", stores)
        store = st.selectbox(
            "Datastore",
            [AUTOMATIC, *stores],
            key=self.key("datastore"),
            bind="query-params",
            on_change=self._defaults_again,
            help=f"What is remembered. Automatic takes the one that belongs to the model. {help}".strip(),
        )
        return named(store)

    def settings(self, method: str, model: str | None, store: str | None) -> dict[str, Any]:
        """Controls from what the method declares. Raises MemlabError where the three do not belong together."""
        chosen = {}
        for setting, default in self.lab.reading.settings(method, model, store):
            here = self.other_names.get(setting.name, setting.name)
            label = setting.label if here == setting.name else f"{setting.label} of the memory"
            chosen[here] = self.widget(
                replace(setting, name=here, label=label), default, SETTINGS[method], setting.name
            )
        return chosen

    def widget(self, setting: Field, default: Any, settings: type, checked_as: str | None = None) -> Any:
        """The control of one setting, after a check of what the address gives it."""
        key = self.key(setting.name)
        if key in st.query_params:
            try:
                checked(settings, {checked_as or setting.name: st.query_params[key]})
            except InputError as error:
                self.problems.append(error)
        return fields.widget(replace(setting, name=key), default)

    def gate(self) -> str:
        """The gate of kNN-LM."""
        self.check("gate", "gate", KNN_GATES)
        return st.selectbox(
            "Gate",
            KNN_GATES,
            key=self.key("gate"),
            bind="query-params",
            help="Constant: λ everywhere. Learned: λ from the model's and memory's certainty. Skip: also spares searches.",
        )

    def number(
        self, name: str, label: str, least: int, most: int, usual: int, draw: Callable[..., Any], **how: Any
    ) -> int:
        """A whole number, drawn by `draw` with the arguments of a Streamlit number widget and `how`."""
        asked = st.query_params.get(self.key(name), str(usual))
        if not (asked.isdecimal() and least <= int(asked) <= most):
            off = " (off)" if least == 0 else ""
            self.problems.append(
                InputError(f"{label} is {asked[:20]!r}; allowed is a whole number from {least}{off} to {most}.")
            )
        return int(draw(label, least, most, usual, key=self.key(name), bind="query-params", **how) or 0)

    def check(self, name: str, what: str, there: Sequence[str]) -> None:
        """Notes a name in the address that is not there; the control falls back by itself."""
        given = st.query_params.get(self.key(name), AUTOMATIC)
        if given not in (AUTOMATIC, *there):
            self.problems.append(NotFound.named(what, given[:60], there))

    def _defaults_again(self, other_method: bool = False) -> None:
        """Another method or datastore: every setting starts from its default there."""
        state = st.session_state
        if other_method:
            state[self.key("datastore")] = AUTOMATIC
        method, store = state[self.key("method")], named(state.get(self.key("datastore")))
        try:
            settings = self.lab.reading.settings(method, named(state.get("model")), store)
        except MemlabError:
            return  # the page shows it when it asks for the same settings
        for setting, default in settings:
            if (key := self.key(self.other_names.get(setting.name, setting.name))) in state:
                state[key] = default
        if method == "knn-lm" and self.key("gate") in state:
            state[self.key("gate")] = KNN_GATES[0]
