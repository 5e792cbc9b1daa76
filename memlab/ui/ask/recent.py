"""The questions that this window asked last, with their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from memlab.results import Prediction
from memlab.ui.app.links import link_to
from memlab.ui.app.session import WORKSPACE
from memlab.ui.ask.compare import view
from memlab.ui.plain import plain

MOST = 12  # questions that are kept
_RECENT = "ask.recent"


@dataclass(frozen=True)
class Asked:
    """A question as it was asked, and its answer then. `view`: the address that asks it again, with all settings."""

    prompt: str
    method: str
    answer: str
    p: float
    view: Mapping[str, str]

    @property
    def label(self) -> str:
        """One line: prompt, answer, probability."""
        return f"{self.prompt} → {self.answer} ({self.p:.2f})"


def note(p: Prediction, expected: tuple[str, ...]) -> None:
    """Puts a question first; the same prompt with the same method is kept once, with its last answer."""
    address = {name: value for name, value in view(p).items() if name not in ("as_of", WORKSPACE)}
    if expected:
        address["expected"] = " | ".join(expected)
    asked = Asked(p.prompt, p.method, p.answer, p.mixture[0].p, address)
    others = [other for other in recent() if (other.prompt, other.method) != (asked.prompt, asked.method)]
    st.session_state[_RECENT] = (asked, *others)[:MOST]


def recent() -> tuple[Asked, ...]:
    """The questions asked last, newest first."""
    kept = st.session_state.get(_RECENT, ())
    return kept if isinstance(kept, tuple) else ()


def recent_menu() -> None:
    """A button that opens the list."""
    box = st.popover(
        "Recent",
        icon=":material/history:",
        key="ask.recent.open",
        on_change="rerun",
        width="stretch",
        disabled=not recent(),
    )
    if box.open:
        with box:
            recent_questions()


def recent_questions() -> None:
    """A link to each of them; nothing before the first question."""
    if not recent():
        return
    st.markdown("**Asked here before**")
    for asked in recent():
        link_to("ask", plain(asked.label), asked.view, "history")
