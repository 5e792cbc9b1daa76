"""Choices carried from one page that asks to the next: method, memory, settings that are not the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from memlab.ui.app.address import into_address

_CHOICE, _METHOD = "carried.choice", "carried.method"
_ON = "carried.page"  # the page that drew its controls last


@dataclass(frozen=True)
class Choice:
    """What a person chose besides the method; None or empty for the page's defaults.

    Args:
        datastore: its name. of: the method that `settings` belong to.
        settings: by their names in the method's declaration, only those that differ from the defaults.
    """

    datastore: str | None = None
    preset: str = "calibrated"
    of: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def for_method(self, method: str) -> Mapping[str, Any]:
        """The settings if they belong to this method; else none."""
        return self.settings if self.of == method else {}


def carry(page: str, choice: Choice) -> None:
    """Keeps a choice for the next page."""
    st.session_state[_CHOICE] = choice
    st.session_state[_ON] = page


def brought_to(page: str, named: bool) -> Choice | None:
    """The choice of another page, once, on arrival at `page`; None where the address names choices itself."""
    came_from = st.session_state.get(_ON)
    st.session_state[_ON] = page
    if named or came_from in (None, page):
        return None
    choice = st.session_state.get(_CHOICE)
    return choice if isinstance(choice, Choice) else None


def bring(key: str, value: Any, usual: Any = None) -> None:
    """Sets a control before it is drawn, and the address with it; `usual` is left out of the address."""
    st.session_state[key] = value
    if value != usual:
        with suppress(StreamlitAPIException):  # a control of the previous page is bound to this parameter
            into_address(key, f"{value:g}" if isinstance(value, float) else str(value))


def carry_setting(name: str, value: Any) -> None:
    """Updates a setting that was changed after `carry`; None for its default."""
    choice = st.session_state.get(_CHOICE)
    if isinstance(choice, Choice):
        kept = {key: other for key, other in choice.settings.items() if key != name}
        st.session_state[_CHOICE] = replace(choice, settings=kept if value is None else {**kept, name: value})


def chosen_by_hand(method: str | None) -> None:
    """Records the method that was chosen by hand on a page that asks."""
    st.session_state[_METHOD] = method


def by_hand() -> str | None:
    """The method that was last chosen by hand; None where none was."""
    chosen = st.session_state.get(_METHOD)
    return None if chosen is None else str(chosen)
