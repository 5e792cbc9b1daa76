"""The result behind the view that is open, for a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from memlab import Lab
from memlab.results import Prediction
from memlab.ui.look.dropped import dropped
from memlab.ui.look.sweep import SWEPT

if TYPE_CHECKING:
    from memlab.figures.report import View


def opened_views(lab: Lab, p: Prediction) -> list[View]:
    """What the view that the address names shows; nothing where none is open."""
    views: dict[str, Callable[[], View]] = {
        "Drop neighbors": lambda: lab.compare(p, lab.again(p, without=dropped())),
        "Why retrieved": lambda: lab.occlusion(p),
        "Layers": lambda: lab.layers(p),
        "Map": lambda: lab.map(p, st.session_state.get("others") is True),
        "Sweep": lambda: lab.sweep(p, SWEPT.get(st.session_state.get("over") or "", "lam")),
        "Key health": lambda: lab.health(p),
    }
    opened = st.session_state.get("panel") or ""
    if opened not in views or (opened == "Drop neighbors" and not dropped()):
        return []
    return [views[opened]()]
