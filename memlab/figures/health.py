"""Whether a question is near anything that is remembered."""

from __future__ import annotations

import plotly.graph_objects as go

from memlab.figures.theme import MEMORY, MODEL, TEMPLATE
from memlab.figures.words import QUIET
from memlab.results import QueryHealth

QUESTION = "Is the question near anything that is remembered?"
READING = (
    "Bars: how far stored entries are from the nearest entry of another text. "
    "A question to the right of the dotted line is farther from everything than 99% of them."
)
HEIGHT = 320
BINS = 40


def health(result: QueryHealth) -> go.Figure:
    """Histogram of the stored entries' nearest distances with the question's and the 99th percentile."""
    keys = result.keys
    end = 1.08 * max(float(keys.nearest[-1]), result.distance)
    figure = go.Figure(
        go.Histogram(
            x=keys.nearest,
            xbins={"start": 0.0, "end": end, "size": end / BINS},
            histnorm="percent",
            marker={"color": MEMORY, "opacity": 0.75},
            hovertemplate="%{y:.1f}% at distance %{x}<extra></extra>",
        )
    )
    figure.add_vline(x=keys.threshold, line={"color": QUIET, "dash": "dot", "width": 2})
    figure.add_vline(x=result.distance, line={"color": MODEL, "width": 4})
    left = result.distance > end / 2
    figure.add_annotation(
        x=result.distance, y=1.0, yref="paper", yanchor="bottom", xanchor="right" if left else "left", text="question"
    )
    figure.layout.annotations[-1].update(showarrow=False, font={"size": 15, "weight": 700})
    figure.update_xaxes(range=[0, end], title="Euclidean distance to the nearest entry", fixedrange=True)
    figure.update_yaxes(title="% of entries", fixedrange=True)
    return figure.update_layout(template=TEMPLATE, height=HEIGHT, bargap=0.05, margin={"t": 30})


def described(result: QueryHealth) -> str:
    """One sentence: how near the question is."""
    return (
        f"The nearest entry is {result.distance:.2f} from the question; {result.closer:.0%} of the sampled entries "
        f"are nearer to theirs."
    )
