"""Which words of the prompt a neighbor was retrieved for."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from memlab.figures.theme import TEMPLATE, literal
from memlab.figures.words import listed
from memlab.results import Occlusion

QUESTION = "For which words of the prompt were these neighbors retrieved?"
READING = (
    "Each row hides one word of the prompt. Orange and above 0: without the word the neighbor is farther, so the word "
    "attracts it. Purple and below 0: the word keeps it away."
)
WAYS = {
    "mask": "Hidden means replaced by the model's mask token, so that the other words keep their positions.",
    "removal": "Hidden means left out: a next-word model has no token for an unknown word.",
}
COLUMNS = 8
ROW = 34
SCALE = [(0.0, "#B396E6"), (0.5, "#E6E9EE"), (1.0, "#F09A64")]  # light tones of purple and of the memory's orange
FONT = {"size": 15, "weight": 600, "color": "#16202E"}  # dark numbers are legible on all of them, in both themes


def occlusion(result: Occlusion) -> go.Figure:
    """Words by neighbors: the change of distance as color and number; the first column is the weighted mean."""
    shown = result.neighbors[:COLUMNS]
    mean = np.array([[word.mean_change] for word in result.words])
    z = np.concatenate([mean, result.change[:, : len(shown)]], axis=1)
    limit = float(np.abs(z).max()) or 1.0
    x = [0.0, *(i + 1.3 for i in range(len(shown)))]
    figure = go.Figure(
        go.Heatmap(
            z=z,
            x=x,
            y=list(range(len(result.words))),
            zmin=-limit,
            zmax=limit,
            colorscale=SCALE,
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="%{z:+.3f}<extra></extra>",
        )
    )
    for row, values in enumerate(z):
        for column, value in zip(x, values, strict=True):
            figure.add_annotation(x=column, y=row, text=number(float(value)), showarrow=False, font=FONT)
    names = ["<b>all</b>", *(f"{n.rank}<br>{literal(_short(n.value))}" for n in shown)]
    figure.update_xaxes(tickvals=x, ticktext=names, side="top", showgrid=False, zeroline=False, fixedrange=True)
    figure.update_xaxes(tickfont={"size": 13}, tickangle=0)
    words = [f"{literal(word.text)}  " for word in result.words]
    figure.update_yaxes(tickvals=list(range(len(words))), ticktext=words, autorange="reversed", fixedrange=True)
    figure.update_yaxes(showgrid=False, zeroline=False)
    height = max(300, 70 + ROW * len(words))
    return figure.update_layout(template=TEMPLATE, height=height, margin={"t": 56, "b": 8})


def described(result: Occlusion) -> str:
    """One sentence: the words that matter most."""
    order = sorted(result.words, key=lambda word: -word.mean_change)
    brought = [f"{word.text} (by {word.mean_change:.2f})" for word in order[:2] if word.mean_change > 0]
    if not brought:
        return "Without any single word the neighbors are nearer, on weighted average."
    return f"The neighbors' distances grow most, on weighted average, without {listed(brought)}."


def number(value: float) -> str:
    """A signed change in few characters."""
    return (f"{value:+.0f}" if abs(value) >= 100 else f"{value:+.1f}").replace("-", "−")


def _short(word: str) -> str:
    return word if len(word) <= 11 else word[:10] + "…"
