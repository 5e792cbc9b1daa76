"""The sides of an answer (model, memory, mixture), and bar charts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from memlab.figures.theme import MEMORY, MIXTURE, MODEL, literal
from memlab.results import Distribution, GateInfo, Prediction


@dataclass(frozen=True)
class Side:
    """One distribution of an answer: `title` for a heading, `name` for a table."""

    title: str
    name: str
    distribution: Distribution
    color: str


def sides(p: Prediction) -> tuple[Side, ...]:
    """The model's side, the memory's, and the result; for a method without memory, the model alone.

    If distributions are mixed, the first two are the mixed ones. If vectors are mixed, there are no such two
    distributions: the first two are the method's answers with its gate forced to either end.
    """
    info = p.gate.info
    if info.mixes == "nothing":
        return (Side("Model alone", "model", p.lm, MODEL),)
    if info.mixes == "vectors":
        return (
            Side(f"{sentence(info.ends[1])} ({info.symbol} = 1)", f"{info.symbol} = 1", p.lm, MODEL),
            Side(f"{sentence(info.ends[0])} ({info.symbol} = 0)", f"{info.symbol} = 0", p.knn, MEMORY),
            Side(f"As computed ({info.symbol} = {two(p.gate.value)})", "as computed", p.mixture, MIXTURE),
        )
    return (
        Side("Model alone", "model", p.lm, MODEL),
        Side("Memory", "memory", p.knn, MEMORY),
        Side("Mixture", "mixture", p.mixture, MIXTURE),
    )


def said(p: Prediction) -> str:
    """One sentence: the first word of each side."""
    return " ".join(f"{side.title}: {side.distribution[0].token}." for side in sides(p))


def end(info: GateInfo, value: str) -> str:
    """The name of the answer with the gate forced to "0" or "1": "g = 0: the memory alone"."""
    return f"{info.symbol} = {value}: {info.ends[int(value)]}"


def sentence(words: str) -> str:
    """The words with their first letter capitalized."""
    return words[:1].upper() + words[1:]


def two(value: float) -> str:
    """A weight with two decimals, or with three if two are not exact."""
    return f"{value:.2f}" if abs(round(value, 2) - value) < 5e-4 else f"{value:.3f}"


def bars(
    title: str, color: str, words: Sequence[str], values: Sequence[float], solid: Sequence[bool], **text: Any
) -> go.Bar:
    """A horizontal bar per word, from the top down; those that are not solid are drawn lighter.

    Hovering shows the word and its probability. `text`: plotly's options for the labels.
    """
    return go.Bar(
        x=list(values),
        y=list(range(len(words))),
        orientation="h",
        name=title,
        marker={"color": color, "opacity": [1.0 if full else 0.5 for full in solid]},
        cliponaxis=False,
        customdata=[literal(word) for word in words],
        hovertemplate="%{customdata}: %{x:.4f}<extra></extra>",
        **text,
    )
