"""Bars of what one side says: the model, the memory, or their mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from memlab.figures.theme import literal


def bars(
    title: str, color: str, words: Sequence[str], values: Sequence[float], solid: Sequence[bool], **text: Any
) -> go.Bar:
    """A horizontal bar a word, from the top down; those that are not solid are drawn lighter.

    Hovering says the word and its probability. `text` is what plotly takes for the labels.
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
