"""Charts of the fact memory: what moved, held-out facts, and the retrieved facts beside the null fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from memlab.figures.theme import MEMORY, MIXTURE, MODEL, TEMPLATE, literal


def draw_bleed(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """Accuracy of each group before and after, and how many answers a single replacement moves."""
    groups = document["results"]
    names = [f"{g['group']} ({g['asked']})" for g in groups]
    both = go.Figure(
        [
            go.Bar(x=names, y=[g["right_before"] for g in groups], name="before", marker_color=MODEL),
            go.Bar(x=names, y=[g["right_after"] for g in groups], name="after", marker_color=MEMORY),
        ]
    )
    both.update_layout(yaxis={"title": "answered as the memory says", "range": [0, 1.02]}, barmode="group")
    out = {"Right answers before and after": _styled(both)}
    if document["alone"]:
        others = [g for g in document["alone"][0] if g in {x["group"] for x in groups} - {"edited"}]
        alone = go.Figure(
            [
                go.Bar(
                    x=[literal(f"{row['relation']} of {row['subject']}") for row in document["alone"]],
                    y=[row[name] for row in document["alone"]],
                    name=name,
                )
                for name in others
            ]
        )
        alone.update_layout(yaxis={"title": "other answers moved"}, barmode="stack")
        out["Moved by one replacement alone"] = _styled(alone)
    return out


def draw_held_out(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """P@1 by exposure with the rows, without them, and by the context alone."""
    rows = document["results"]
    sides = (
        ("with_rows", "with its row", MIXTURE),
        ("memory_alone", "facts alone", MEMORY),
        ("without_rows", "without its row", MODEL),
    )
    figure = go.Figure(
        [
            go.Bar(x=[r["exposure"] for r in rows], y=[r[key] for r in rows], name=name, marker_color=color)
            for key, name, color in sides
        ]
    )
    figure.update_layout(yaxis={"title": "P@1", "range": [0, 1.02]}, barmode="group")
    return {"Facts with and without their rows": _styled(figure)}


def retrieved(facts: Sequence[Mapping[str, Any]], gate: float) -> go.Figure:
    """Shares of the retrieved facts and of the null fact, which add up to 1. facts: {"fact", "weight"}."""
    names = ["null fact (context alone)", *(literal(f["fact"]) for f in facts)]
    shares = [gate, *((1 - gate) * f["weight"] for f in facts)]
    figure = go.Figure(
        go.Bar(
            x=shares[::-1],
            y=names[::-1],
            orientation="h",
            marker_color=[MEMORY] * len(facts) + [MODEL],
            text=[f"{s:.3f}" for s in shares[::-1]],
        )
    )
    figure.update_layout(xaxis={"title": "share", "range": [0, 1.05]}, showlegend=False)
    return _styled(figure)


def _styled(figure: go.Figure) -> go.Figure:
    """The template and a legend above the chart."""
    figure.update_layout(template=TEMPLATE, legend={"orientation": "h", "y": 1.14, "yanchor": "bottom", "x": 0})
    figure.update_layout(showlegend=len(figure.data) > 1)
    return figure
