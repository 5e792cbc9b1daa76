"""An answer with and without some neighbors."""

from __future__ import annotations

import plotly.graph_objects as go

from memlab.figures.theme import GRID, MIXTURE, TEMPLATE, literal, share
from memlab.figures.words import QUIET
from memlab.results import Prediction, WordProbability

QUESTION = "What if some of them were forgotten?"
READING = (
    "Untick a passage: the next ones move up. Hollow is the mixture with all neighbors, solid without the unticked."
)
ROWS = 6
HEIGHT = 300
DOT, LABEL = 0.08, 0.24  # of the axis, left of 0: room for half a dot, and for a number left of a dot


def moved(
    before: Prediction, after: Prediction, names: tuple[str, str] = ("all neighbors", "without the unticked")
) -> go.Figure:
    """The mixture's first words before (hollow) and after (solid), joined by a line; `names` of both for hovering."""
    both = {w.token: w for p in (after, before) for w in p.mixture.top(ROWS)}
    found = sorted(both.values(), key=lambda word: -_of(before, word) - _of(after, word))[:ROWS]
    words, old, new = [w.token for w in found], [_of(before, w) for w in found], [_of(after, w) for w in found]
    rows = list(range(len(words)))
    figure = go.Figure()
    for row, a, b in zip(rows, old, new, strict=True):
        figure.add_trace(
            go.Scatter(x=[a, b], y=[row, row], mode="lines", line={"color": QUIET, "width": 2}, hoverinfo="skip")
        )
    hollow = {"size": 15, "color": "rgba(0,0,0,0)", "line": {"color": QUIET, "width": 2.5}}
    figure.add_trace(_dots(old, rows, words, hollow, names[0]))
    figure.add_trace(_dots(new, rows, words, {"size": 15, "color": MIXTURE}, names[1]))
    rises = [b >= a for a, b in zip(old, new, strict=True)]
    figure.data[-1].update(
        mode="markers+text",
        text=[literal(share(p)) for p in new],
        textposition=["middle right" if up else "middle left" for up in rises],
        textfont={"size": 15, "weight": 600},
    )
    ticks = {"tickvals": rows, "ticktext": [f"{literal(w)}  " for w in words]}
    figure.update_yaxes(range=[ROWS - 0.5, -0.5], zeroline=False, gridcolor=GRID, fixedrange=True, **ticks)
    room = LABEL if any(not up and b < LABEL for up, b in zip(rises, new, strict=True)) else DOT
    figure.update_xaxes(range=[-room, 1.12], title="probability in the mixture", fixedrange=True, zeroline=False)
    figure.update_xaxes(tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure.update_layout(template=TEMPLATE, height=HEIGHT, margin={"t": 8})


def described(before: Prediction, after: Prediction) -> str:
    """One sentence: the answer with all neighbors and without."""
    a, b = before.mixture[0], after.mixture[0]
    return f"With all neighbors {a.token} ({share(a.p)}), without the unticked {b.token} ({share(b.p)})."


def _of(p: Prediction, word: WordProbability) -> float:
    """Probability of a word, by its text if forgetting a taught word has renumbered words beyond the vocabulary."""
    words = p.mixture.words
    if word.id < len(words) and words[word.id] == word.token:
        return p.mixture.of(word.id)
    return p.mixture.of(words.index(word.token)) if word.token in words else 0.0


def _dots(x: list[float], y: list[int], words: list[str], marker: dict, name: str) -> go.Scatter:
    text = [literal(word) for word in words]
    hover = "%{customdata}: %{x:.4f}<extra>" + name + "</extra>"
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, name=name, customdata=text, hovertemplate=hover)
