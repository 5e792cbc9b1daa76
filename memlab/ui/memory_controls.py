"""Method, datastore, settings and gate: the controls that the pages Read and Generate share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from memlab import Lab
from memlab.declare import ABILITIES, Field, Method, checked, checked_value
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab import PRESETS
from memlab.lab.view_address import bare_names, known, method_in
from memlab.memory.leave_out import LEAVE_OUT
from memlab.ui import fields
from memlab.ui.app.address import AUTOMATIC, into_address, named
from memlab.ui.app.bar import memory_place, model_changed
from memlab.ui.app.carried import Choice, bring, brought_to, carry
from memlab.ui.fields import PRESET_HELP
from memlab.ui.jobs import begin_job, kept_job
from memlab.ui.method_control import method_control
from memlab.ui.offered import model_info, offer, stores_for

SETTINGS = ("k", "temperature", "lam", "key")


@dataclass(frozen=True)
class MemoryControls:
    """Controls whose keys begin with the name of a page, such as "read.method"; they are kept in the address.

    Args:
        other_names: settings with another name on this page: the method's name -> name here.
        problems: an error for each invalid parameter of the address is added here.
    """

    lab: Lab
    page: str
    other_names: Mapping[str, str] = field(default_factory=dict)
    problems: list[MemlabError] = field(default_factory=list)

    def key(self, name: str) -> str:
        """The name of a control in the address."""
        return f"{self.page}.{name}"

    def arrive(self) -> Choice | None:
        """What was chosen on the previous page; None where the address decides, or the page is not newly opened."""
        here = f"{self.page}."
        self._take_bare_names()
        return brought_to(self.page, any(name.startswith(here) for name in st.query_params))

    def _take_bare_names(self) -> None:
        """Takes what the address names as Ask's does (`method`, `k`) as if the page's name stood before it, and writes it so.

        Only once for each such address: where a control of another page is bound to a name, it cannot be taken out.
        """
        address, mark = st.query_params.to_dict(), f"{self.page}.bare"
        bare = bare_names(self.page, address)
        if bare == st.session_state.get(mark, {}):
            return
        st.session_state[mark] = bare
        for name, text in bare.items():
            if self.key(name) not in address and text != AUTOMATIC:
                self._take(name, text, address)
            with suppress(StreamlitAPIException):
                del st.query_params[name]

    def _take(self, name: str, text: str, address: Mapping[str, str]) -> None:
        """Sets one control as the address names it; adds an error where it cannot be set so."""
        if name == "method":
            into_address(self.key(name), text)  # checked where the method is chosen
            return
        try:
            there = known(self.page, method_in(self.page, address))
        except MemlabError:
            return  # of the method, which is said where it is chosen
        try:
            if name in there:
                bring(self.key(name), checked_value(there[name], text))
        except InputError as error:
            self.problems.append(error)

    def method(self, ability: str, what: str, brought: Choice | None = None) -> Method:
        """The method, of those with the ability that the page needs, with a line on what it is."""
        model = named(st.session_state.get("model"))
        offered = offer(self.lab, ability, model)
        if not offered.able:
            raise InputError(
                f"No method can {ABILITIES[ability]} with {model}. {next(iter(offered.others.values()), '')}"
            )
        asked = st.query_params.get(self.key("method"))
        if asked in offered.others:
            self.problems.append(InputError(offered.others[str(asked)]))
        else:
            self.check("method", what, list(offered.able))
        usual = offered.default(None, None if model is None else model_info(self.lab, model))
        return method_control(self.key("method"), offered, usual, self._defaults_again, (True,), brought is not None)

    def datastore(self, method: Method, help: str = "", brought: Choice | None = None) -> str | None:
        """The datastore, chosen in the control bar; None: the one that belongs to the model."""
        model = named(st.session_state.get("model"))
        stores = stores_for(self.lab, method, None if model is None else model_info(self.lab, model))
        self.check("datastore", "causal datastore", stores)
        if brought is not None and brought.datastore in stores:
            bring(self.key("datastore"), brought.datastore)
        with memory_place():
            store = st.selectbox(
                "Memory",
                [AUTOMATIC, *stores],
                key=self.key("datastore"),
                bind="query-params",
                on_change=self._defaults_again,
                help=f"The datastore that is searched. Automatic: the one that belongs to the model. {help}".strip(),
            )
        if model_changed(self.page):
            self._defaults_again()
        return named(store)

    def settings(
        self, method: Method, model: str | None, store: str | None, brought: Choice | None = None
    ) -> dict[str, Any]:
        """The method's settings, by their names here, each with a control.

        Raises:
            MemlabError: method, model and datastore do not fit together.
        """
        preset = self._preset(brought)
        defaults = self.lab.reading.settings(method.name, model, store, preset)
        taken = {} if brought is None else brought.for_method(method.name)
        chosen, other = {}, {}
        for setting, default in defaults:
            here = self.other_names.get(setting.name, setting.name)
            label = setting.label if here == setting.name else f"{setting.label} of the memory"
            if setting.name in taken:
                bring(self.key(here), taken[setting.name])
            value = self.widget(replace(setting, name=here, label=label), default, method.settings, setting.name)
            chosen[here] = value
            if value != default:
                other[setting.name] = value
        carry(self.page, Choice(store, preset, method.name, other))
        return chosen

    def _preset(self, brought: Choice | None) -> str:
        """Where defaults come from: calibrated for this memory, or the paper's."""
        self.check("preset", "preset", PRESETS)
        if brought is not None:
            bring(self.key("preset"), brought.preset, PRESETS[0])
        chosen = st.segmented_control(
            "Settings",
            PRESETS,
            default=PRESETS[0],
            required=True,
            key=self.key("preset"),
            bind="query-params",
            on_change=self._defaults_again,
            help=PRESET_HELP,
        )
        return str(chosen)

    def widget(self, setting: Field, default: Any, settings: type, checked_as: str | None = None) -> Any:
        """The control of one setting, after a check of its value in the address."""
        key = self.key(setting.name)
        if key in st.query_params:
            try:
                checked(settings, {checked_as or setting.name: st.query_params[key]})
            except InputError as error:
                self.problems.append(error)
        return fields.widget(replace(setting, name=key), default)

    def gate(self, method: Method) -> str:
        """The gate, of those that the method declares."""
        self.check("gate", "gate", method.gates)
        return st.selectbox(
            "Gate",
            method.gates,
            key=self.key("gate"),
            bind="query-params",
            help="What computes the memory's weight. A gate that must be trained first offers that when it is chosen.",
        )

    def leave_out(self) -> str:
        """Which entries of the memory a passage does not find."""
        self.check("leave_out", "way to leave out", LEAVE_OUT)
        return st.selectbox(
            "Left out of the memory",
            LEAVE_OUT,
            key=self.key("leave_out"),
            bind="query-params",
            help="self: the passage itself, where it is remembered. near: near-duplicates as well. nothing: it may find itself.",
        )

    def number(
        self, name: str, label: str, least: int, most: int, usual: int, draw: Callable[..., Any], **how: Any
    ) -> int:
        """A whole number; `draw` is a Streamlit number widget, called with label, bounds, default and `how`."""
        asked = st.query_params.get(self.key(name), str(usual))
        if not (asked.isdecimal() and least <= int(asked) <= most):
            off = " (off)" if least == 0 else ""
            self.problems.append(
                InputError(f"{label} is {asked[:20]!r}; allowed is a whole number from {least}{off} to {most}.")
            )
        return int(draw(label, least, most, usual, key=self.key(name), bind="query-params", **how) or 0)

    def check(self, name: str, what: str, there: Sequence[str]) -> None:
        """Adds an error for a name in the address that does not exist; the control itself falls back."""
        given = st.query_params.get(self.key(name), AUTOMATIC)
        if given not in (AUTOMATIC, *there):
            self.problems.append(NotFound.named(what, given[:60], there))

    def _defaults_again(self, other_method: bool = False) -> None:
        """After a change of method, datastore or preset: resets every setting to its default."""
        state = st.session_state
        if other_method:
            state[self.key("datastore")] = AUTOMATIC
        method, store = state[self.key("method")], named(state.get(self.key("datastore")))
        try:
            preset = state.get(self.key("preset"), PRESETS[0])
            settings = self.lab.reading.settings(method, named(state.get("model")), store, preset)
        except MemlabError:
            return  # the page shows it when it asks for the same settings
        for setting, default in settings:
            if (key := self.key(self.other_names.get(setting.name, setting.name))) in state:
                state[key] = default
        gates = self.lab.methods()[method].gates
        if gates and self.key("gate") in state:
            state[self.key("gate")] = gates[0]


def gate_is_ready(lab: Lab, how: dict[str, Any]) -> bool:
    """Whether a passage can be read with this gate; offers to train it where it cannot. Raises MemlabError."""
    gate = how.get("gate", "constant")
    method = lab.methods()[how["method"]]
    if method.knn is None or gate == method.gates[0]:
        return True
    settings = {name: how[name] for name in SETTINGS}
    if lab.gates.is_trained(gate, how["model"], how["datastore"], **settings):
        return True
    st.info(
        f"The gate *{gate}* learns from text when to trust the memory. Not trained yet for this datastore, "
        "k and temperature.",
        icon=":material/school:",
    )
    order = {"gate": gate, "model": how["model"], "datastore": how["datastore"], **settings}
    asked = (lab.workspace, order)
    job = kept_job(lab, "gate", asked)
    if job is not None and not job.over:
        return False
    if st.button("Train it on held-out articles", key="gate.train", type="primary", icon=":material/school:"):
        begin_job(lab, "gate", asked, "train a gate", f"Training the gate {gate}", order)
    st.caption(
        "Articles of the bundled world that no memory holds; it takes less than a minute. For a datastore of your own texts, "
        "held-out text of the same kind is better: `memlab evaluate perplexity TEXT --validation OTHER_TEXT --gate "
        f"{gate}`."
    )
    return False
