"""One question in steps, for a projector: few large bars, one idea each."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from memlab.figures.theme import TEMPLATE, literal

LARGE = 28  # pixels: legible from the last row
ROW = 60  # pixels


def large_bars(labels: Sequence[str], values: Sequence[float], color: str, axis: str) -> go.Figure:
    """Horizontal bars in the given order, the first on top, each with its number."""
    top = max(values, default=1.0) or 1.0
    figure = go.Figure(
        go.Bar(
            x=list(values),
            y=list(range(len(values))),
            orientation="h",
            marker={"color": color},
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            textfont={"size": LARGE},
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    ticks = [f"{literal(label)}  " for label in labels]
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=ticks,
        tickfont={"size": LARGE},
        autorange="reversed",
        showgrid=False,
    )
    figure.update_xaxes(
        range=[0, 1.2 * top],
        showticklabels=False,
        title={"text": axis, "font": {"size": LARGE}},  # the bars have numbers
    )
    figure.update_layout(template=TEMPLATE, height=90 + ROW * len(labels), bargap=0.3)
    return figure
