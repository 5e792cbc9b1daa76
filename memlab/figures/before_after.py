"""One question before and after an edit: model, memory and mixture over the same words, two bars for each."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from memlab.figures.answers import LONGEST_LABEL, union
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, TEMPLATE, literal, share
from memlab.results import Comparison, Distribution

ROW_HEIGHT = 44
FRAME_HEIGHT = 84
SIDES = ("lm", "knn", "mixture")


def both_words(c: Comparison, rows: int = 6) -> list[str]:
    """The words to compare: rank by rank from both charts, at most `rows`."""
    a, b = ([w.token for w in union(p, rows)] for p in (c.a, c.b))
    first = [c.a.mixture[0].token, c.b.mixture[0].token]
    return list(dict.fromkeys([*first, *(word for pair in zip(b, a, strict=False) for word in pair)]))[:rows]


def before_and_after(c: Comparison, rows: int = 6) -> go.Figure:
    """Three panels; in each the upper, hatched bar of a word is `c.a` (before), the lower, solid one `c.b` (after)."""
    words = both_words(c, rows)
    panels = (("Model alone", "lm", MODEL), ("Memory", "knn", MEMORY), ("Mixture", "mixture", MIXTURE))
    figure = make_subplots(
        rows=1, cols=3, shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=[title for title, _, _ in panels]
    )
    for column, (_, side, color) in enumerate(panels, start=1):
        for name, p, pattern in (("before", c.a, "/"), ("after", c.b, "")):
            values = [probability(getattr(p, side), word) for word in words]
            figure.add_trace(
                go.Bar(
                    x=values,
                    y=list(range(len(words))),
                    orientation="h",
                    name=name,
                    marker={
                        "color": color,
                        "opacity": 1.0 if name == "after" else 0.55,
                        "pattern": {"shape": pattern, "solidity": 0.35, "size": 6},
                    },
                    text=[literal(share(value)) for value in values],
                    textposition="outside",
                    textfont={"size": 14, "weight": 600 if name == "after" else 400},
                    cliponaxis=False,
                    customdata=[literal(word) for word in words],
                    hovertemplate=f"%{{customdata}} {name}: %{{x:.4f}}<extra></extra>",
                ),
                row=1,
                col=column,
            )
        figure.layout.annotations[column - 1].update(font={"size": 18, "weight": 700}, yshift=4)
    labels = [word if len(word) <= LONGEST_LABEL else word[: LONGEST_LABEL - 1] + "…" for word in words]
    ticks = {"tickvals": list(range(len(words))), "ticktext": [f"{literal(label)}  " for label in labels]}
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, fixedrange=True, **ticks)
    figure.update_yaxes(tickfont={"size": 16, "weight": 600})
    figure.update_xaxes(range=[0, 1.2], tickvals=[0, 0.25, 0.5, 0.75, 1], ticktext=["0", "", "0.5", "", "1"])
    figure.update_xaxes(tickfont={"size": 14}, fixedrange=True)
    figure.update_xaxes(title={"text": "probability", "font": {"size": 14}, "standoff": 2})
    figure.update_layout(
        template=TEMPLATE, height=FRAME_HEIGHT + ROW_HEIGHT * len(words), barmode="group", bargap=0.25, bargroupgap=0.05
    )
    return figure


def probability(distribution: Distribution, word: str) -> float:
    """Probability of a word by its text; 0 if this side does not have it."""
    return sum(distribution.of(i) for i, text in enumerate(distribution.words) if text == word)
