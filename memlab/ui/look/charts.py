"""The chart of the view that is open, for a report."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from memlab import Lab
from memlab.figures import health, keymap, layers, occlusion, sweep
from memlab.figures.report import Chart
from memlab.results import Prediction
from memlab.ui.look.sweep import SWEPT


def opened_charts(lab: Lab, p: Prediction) -> list[Chart]:
    """The chart of the view that the address names; nothing where none is open or it has no chart of its own."""
    charts: dict[str, Callable[[], Chart]] = {
        "Why retrieved": lambda: _chart(occlusion, occlusion.occlusion, lab.occlusion(p)),
        "Layers": lambda: _chart(layers, layers.layers, lab.layers(p)),
        "Map": lambda: _chart(keymap, keymap.keymap, lab.map(p)),
        "Sweep": lambda: _chart(sweep, sweep.sweep, lab.sweep(p, SWEPT.get(st.query_params.get("over", ""), "lam"))),
        "Key health": lambda: _chart(health, health.health, lab.health(p)),
    }
    opened = charts.get(st.session_state.get("panel") or "")
    return [opened()] if opened else []


def _chart(module: object, draw: Callable, result: object) -> Chart:
    return Chart(module.QUESTION, module.described(result), draw(result))  # type: ignore[attr-defined]
