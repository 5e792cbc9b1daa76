"""Index recipes as recall against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from memlab.figures.theme import TEMPLATE

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")


def recall_against_time(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Recall over milliseconds per question (logarithmic), a line for each recipe over the number of lists that are
    read; the large point is its default. `rows`: those of `IndexComparison.to_dict`."""
    fig = go.Figure(layout={"template": TEMPLATE})
    for number, recipe in enumerate(dict.fromkeys(row["recipe"] for row in rows)):
        of = [row for row in rows if row["recipe"] == recipe]
        fig.add_scatter(
            x=[row["p50_ms"] for row in of],
            y=[row["recall"] for row in of],
            name=recipe + (" (in use)" if of[0]["in_use"] else ""),
            mode="lines+markers",
            marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": [13 if row["usual"] else 8 for row in of]},
            hovertext=["" if row["lists"] is None else f"{row['lists']} lists read" for row in of],
        )
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.3}, height=340, margin={"t": 10})
    fig.update_xaxes(title="milliseconds per question (median)", type="log")
    fig.update_yaxes(title="recall@10")
    return fig
