"""Charts of edits of weights: scores while training, the sweep, the frontier, stacked edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from memlab.figures.theme import MEMORY, MIXTURE, MODEL, TEMPLATE

A_M, A_FS = "A_M (learned)", "A_F\\S (kept)"
_SHARES = {"range": [-0.03, 1.05], "title": "share", "fixedrange": True}
_LEGEND = {"orientation": "h", "y": 1.14, "yanchor": "bottom", "x": 0, "font": {"size": 14}}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def training(curve: Sequence[Mapping[str, Any]]) -> go.Figure:
    """A_M and A_F\\S of the watched questions at each evaluation during training."""
    figure = go.Figure()
    for name, field, color in ((A_M, "a_m", MEMORY), (A_FS, "a_fs", MODEL)):
        figure.add_trace(_line([p["step"] for p in curve], [p[field] for p in curve], name, color))
    return _shown(figure, "step")


def over_delta(points: Sequence[Mapping[str, Any]], facts: int) -> go.Figure:
    """A_M and A_F\\S over delta for each choice of blocks, at one |M|: the paper's curves."""
    own = [p for p in points if p["facts"] == facts]
    figure = go.Figure()
    for n, where in enumerate(dict.fromkeys(p["blocks"] for p in own)):
        line = sorted((p for p in own if p["blocks"] == where and p["delta"] is not None), key=lambda p: p["delta"])
        for name, field, color in ((A_M, "a_m", MEMORY), (A_FS, "a_fs", MODEL)):
            x, y = [p["delta"] for p in line], [p[field] for p in line]
            figure.add_trace(_line(x, y, f"{name}, {where}", color, _DASHES[n % len(_DASHES)]))
    figure.update_xaxes(type="log")
    return _shown(figure, "delta")


def frontier(points: Sequence[Mapping[str, Any]]) -> go.Figure:
    """A_F\\S against A_M: each point one setting; the line joins the Pareto-optimal ones (`pareto`)."""
    best = pareto(points)
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[p["a_m"] for p in points],
            y=[p["a_fs"] for p in points],
            mode="markers",
            name="a setting",
            marker={"color": MODEL, "size": 9},
            text=[_named(p) for p in points],
            hovertemplate="%{text}<br>A_M %{x:.3f}, A_F\\S %{y:.3f}<extra></extra>",
        )
    )
    figure.add_trace(_line([p["a_m"] for p in best], [p["a_fs"] for p in best], "frontier", MIXTURE))
    figure.update_yaxes(title=A_FS, range=[-0.03, 1.05])
    figure.update_xaxes(range=[-0.03, 1.05])
    return figure.update_layout(
        template=TEMPLATE, height=380, showlegend=True, legend=_LEGEND, xaxis_title=A_M, margin={"t": 60, "l": 60}
    )


def pareto(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The points that no other point beats in one of A_M and A_F\\S without losing in the other, by A_M."""
    best = [
        p for p in points
        if not any(
            q["a_m"] >= p["a_m"] and q["a_fs"] >= p["a_fs"] and (q["a_m"], q["a_fs"]) != (p["a_m"], p["a_fs"])
            for q in points
        )
    ]  # fmt: skip
    return sorted(best, key=lambda p: (p["a_m"], -p["a_fs"]))


def stacked(points: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Scores after each of several stacked edits."""
    figure = go.Figure()
    x = [p["edit"] for p in points]
    for name, field, color in (
        ("all edits so far still hold", "a_m", MEMORY), (A_FS, "a_fs", MODEL), ("this edit", "own", MIXTURE)
    ):  # fmt: skip
        figure.add_trace(_line(x, [p[field] for p in points], name, color))
    return _shown(figure, "edits")


def growth(points: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Length of the change relative to the changed tensors, and perplexity relative to before, over stacked edits."""
    figure = go.Figure()
    x = [p["edit"] for p in points]
    figure.add_trace(_line(x, [p["relative"] for p in points], "change / length of the weights", MEMORY))
    figure.add_trace(
        _line(x, [p["perplexity"] / points[0]["perplexity_base"] - 1 for p in points], "perplexity, rise", MODEL)
    )
    figure = _shown(figure, "edits")
    return figure.update_yaxes(range=None, title="share", autorange=True)


def _line(x: Sequence[Any], y: Sequence[Any], name: str, color: str, dash: str = "solid") -> go.Scatter:
    return go.Scatter(
        x=list(x), y=list(y), mode="lines+markers", name=name, line={"color": color, "width": 2.5, "dash": dash}
    )


def _shown(figure: go.Figure, x: str) -> go.Figure:
    figure.update_yaxes(**_SHARES)
    return figure.update_layout(
        template=TEMPLATE, height=340, showlegend=True, legend=_LEGEND, xaxis_title=x, margin={"t": 60, "l": 60}
    )


def _named(point: Mapping[str, Any]) -> str:
    limit = "unconstrained" if point["delta"] is None else f"delta {point['delta']:g}"
    return f"{point['blocks']}, {limit}, {point['facts']} facts"
