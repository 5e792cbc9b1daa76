"""The result behind the view that is open, for a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from memlab import Lab
from memlab.results import Prediction
from memlab.ui.explanations.available import why_not
from memlab.ui.explanations.dropped import dropped
from memlab.ui.explanations.sweep import swept

if TYPE_CHECKING:
    from memlab.figures.report import View

_OPENED = "look.opened"


@dataclass
class Opened:
    """What the views show now. A report is written after the script has ended, where the session cannot be read."""

    panel: str | None = None
    without: tuple[int, ...] = ()
    others: bool = False
    over: str = ""


def opened() -> Opened:
    """The session's own object, the same in every run."""
    now: Opened = st.session_state.setdefault(_OPENED, Opened())
    return now


def note_opened() -> None:
    """Records what is shown; called whenever the views are drawn."""
    now, state = opened(), st.session_state
    now.panel, now.without, now.others = state.get("panel"), dropped(), state.get("others") is True
    now.over = state.get("over") or ""


def opened_views(lab: Lab, p: Prediction, now: Opened) -> list[View]:
    """What the open view shows; nothing where none is open, or no neighbor is dropped."""
    method = lab.methods()[p.method]
    settings = swept(method, p.gate.kind)
    if now.panel is None or why_not(method, now.panel) is not None:
        return []
    views: dict[str, Callable[[], View]] = {
        "Why retrieved": lambda: lab.explain.occlusion(p),
        "Layers": lambda: lab.explain.layers(p),
        "Map": lambda: lab.explain.map(p, now.others),
        "Sweep": lambda: lab.explain.sweep(p, settings.get(now.over, next(iter(settings.values())))),
        "Key health": lambda: lab.explain.health(p),
    }
    if now.without:
        views["Drop neighbors"] = lambda: lab.compare(p, lab.again(p, without=now.without))
    return [views[now.panel]()] if now.panel in views else []
