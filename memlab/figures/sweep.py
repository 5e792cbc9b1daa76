"""An answer as a function of one setting."""

from __future__ import annotations

from math import log10

import plotly.graph_objects as go

from memlab.figures.theme import MIXTURE, TEMPLATE, literal
from memlab.figures.words import DASHES, QUIET, colors
from memlab.results import Sweep

QUESTION = "Where does the answer tip when a setting changes?"
READING = "Each line is a word's probability in the mixture. The highest line is the answer; dotted vertical lines are where it changes."
HEIGHT = 380
MARKED = 5  # changes of the answer that are marked by a line


def sweep(result: Sweep) -> go.Figure:
    """Probabilities of some words; the present answer in the mixture's color, vertical lines at changes and at
    "now"."""
    now = min(range(len(result.values)), key=lambda i: abs(result.values[i] - result.current))
    words = sorted(range(len(result.words)), key=lambda w: -result.mixture[now, w])
    x = result.values
    figure = go.Figure()
    for w, color, dash in zip(words, colors(MIXTURE, len(words)), DASHES, strict=False):
        figure.add_trace(
            go.Scatter(
                x=x,
                y=result.mixture[:, w],
                mode="lines",
                name=literal(result.words[w]),
                line={"color": color, "width": 4 if w == words[0] else 2.5, "dash": dash},
                hovertemplate=f"{literal(result.words[w])}: %{{y:.3f}} at %{{x:.3g}}<extra></extra>",
            )
        )
    for turn in result.turns[:MARKED]:
        figure.add_vline(x=turn.at, line={"color": QUIET, "dash": "dot", "width": 1.5})
    figure.add_vline(x=float(x[now]), line={"color": QUIET, "width": 2})
    figure.add_annotation(x=_at(result, float(x[now])), y=1.0, yref="paper", yanchor="bottom", text="now")
    figure.layout.annotations[-1].update(showarrow=False, font={"size": 14})
    figure.update_xaxes(type="log" if result.log else "linear", title=literal(result.label), fixedrange=True)
    figure.update_xaxes(showgrid=False, zeroline=False, **({"dtick": "D2"} if result.log else {}))
    figure.update_yaxes(range=[-0.02, 1.04], title="probability", fixedrange=True, zeroline=False)
    legend = {"orientation": "h", "y": 1.16, "yanchor": "bottom", "x": 0, "font": {"size": 14}}
    return figure.update_layout(template=TEMPLATE, height=HEIGHT, showlegend=True, legend=legend, margin={"t": 70})


def described(result: Sweep) -> str:
    """One sentence: the answers from left to right and where they change."""
    low, high = result.values[0], result.values[-1]
    span = f"from {result.label} = {low:.3g} to {high:.3g}"
    if not result.turns:
        return f"The answer is “{result.answers[0]}” {span}."
    turns = [f"“{turn.after}” from {turn.at:.3g}" for turn in result.turns[:MARKED]]
    more = f", and {len(result.turns) - MARKED} more changes" if len(result.turns) > MARKED else ""
    return f"The answer {span}: “{result.turns[0].before}” at first, then {', '.join(turns)}{more}."


def _at(result: Sweep, value: float) -> float:
    """The position of an annotation: on a log axis, the exponent."""
    return log10(value) if result.log else value
