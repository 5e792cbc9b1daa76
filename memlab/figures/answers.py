"""The sides of an answer as aligned bar charts: model, memory and mixture, or what a method has instead."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from memlab.figures.sides import bars, sides
from memlab.figures.theme import TEMPLATE, literal, shares
from memlab.results import Prediction, WordProbability

ROW_HEIGHT = 31
FRAME_HEIGHT = 84
SECOND_LINE = 22  # pixels of titles in two lines
LONG = 0.55  # probability above which a bar's number is inside it, to fit on a phone
LONGEST_LABEL = 24  # characters


def union(p: Prediction, rows: int = 8) -> list[WordProbability]:
    """The words that the charts compare: the union of the three top lists, at most `rows` words.

    Taken rank by rank from the mixture, the model and the memory, so that the first words of each are
    included. Sorted by the unweighted mean of model and memory, so that the order does not change with
    lambda. `p` of each word is that mean. Words with probability 0 are left out.
    """
    chosen: dict[int, WordProbability] = {}
    for same_rank in zip(p.mixture.top(rows), p.lm.top(rows), p.knn.top(rows), strict=True):
        for word in same_rank:
            if word.p > 0 and word.id not in chosen and len(chosen) < rows:
                mean = (p.lm.of(word.id) + p.knn.of(word.id)) / 2
                chosen[word.id] = WordProbability(word.id, word.token, mean)
    return sorted(chosen.values(), key=lambda word: (-word.p, word.id))


def three_answers(p: Prediction, rows: int = 8) -> go.Figure:
    """A horizontal bar chart for each side (one for a method without memory) over the same words in the same order.

    Each chart's first word is drawn solid, the others lighter.
    """
    words, panels = union(p, rows), sides(p)
    titles = [side.title.replace(" (", "<br>(") for side in panels]
    two_lines = any("<br>" in title for title in titles)
    figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=titles)
    for column, side in enumerate(panels, start=1):
        title, distribution, color = side.title, side.distribution, side.color
        values = [distribution.of(word.id) for word in words]
        first = distribution[0].id
        figure.add_trace(
            bars(
                title,
                color,
                [word.token for word in words],
                values,
                [word.id == first for word in words],
                text=[literal(text) for text in shares(values)],
                textposition=[
                    "inside" if value > LONG and word.id == first else "outside"
                    for word, value in zip(words, values, strict=True)
                ],
                textangle=0,
                outsidetextfont={"size": 16, "weight": 600},
                insidetextfont={"size": 16, "color": "#fff", "weight": 600},
                constraintext="none",
            ),
            row=1,
            col=column,
        )
        figure.layout.annotations[column - 1].update(font={"size": 15 if two_lines else 17, "weight": 700}, yshift=4)
    ticks = {"tickvals": list(range(len(words))), "ticktext": [f"{literal(_short(word.token))}  " for word in words]}
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, fixedrange=True, **ticks)
    figure.update_yaxes(tickfont={"size": 17, "weight": 600})
    figure.update_xaxes(range=[0, 1.2], tickvals=[0, 0.25, 0.5, 0.75, 1], ticktext=["0", "", "0.5", "", "1"])
    figure.update_xaxes(tickfont={"size": 14}, fixedrange=True)
    figure.update_xaxes(title={"text": "probability", "font": {"size": 14}, "standoff": 2})
    more = SECOND_LINE if two_lines else 0
    figure.update_layout(template=TEMPLATE, height=FRAME_HEIGHT + more + ROW_HEIGHT * len(words), bargap=0.28)
    return figure.update_layout(margin={"t": 34 + more}) if more else figure


def _short(word: str) -> str:
    return word if len(word) <= LONGEST_LABEL else word[: LONGEST_LABEL - 1] + "…"
