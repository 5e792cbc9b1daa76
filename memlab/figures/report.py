"""One answer as a self-contained HTML file, to keep, mail or print; it opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from memlab.figures import dropping, health, key_map, layers, occlusion, sweep
from memlab.figures.answers import three_answers, union
from memlab.figures.mixing import in_numbers, in_words, weight_name
from memlab.figures.sides import said, sides
from memlab.figures.theme import MEMORY, MIXTURE, MODEL
from memlab.results import Comparison, KeyMap, LayerLens, Occlusion, Prediction, QueryHealth, Sweep

View = Comparison | KeyMap | LayerLens | Occlusion | QueryHealth | Sweep

WORDS = 12  # rows of the table of words


@dataclass(frozen=True)
class Chart:
    """A figure of the report: the question that it answers, and a sentence that says what it shows."""

    title: str
    caption: str
    figure: go.Figure


def report(p: Prediction, command: str, python: str, versions: Mapping[str, str], views: Sequence[View] = ()) -> str:
    """HTML text of a report.

    Args:
        command, python: code that reproduces the answer, in a shell and in a notebook.
        versions: of everything that the answer depends on.
        views: explanations of the answer, a chart each; the three answers always come first.
    """
    first = Chart(
        "What does the model say?" if len(sides(p)) == 1 else "What do model, memory and mixture say?",
        said(p),
        three_answers(p),
    )
    return _template().render(
        p=p,
        formula=f"{p.answer}: {in_numbers(p)}",
        gate=in_words(p),
        weight=weight_name(p),
        sides=[side.name for side in sides(p)],
        words=[_word(p, word.id, word.token) for word in union(p, WORDS)],
        charts=[_drawn(chart, n) for n, chart in enumerate((first, *map(_chart, views)))],
        command=command,
        python=python,
        versions=versions,
        colors={"model": MODEL, "memory": MEMORY, "mixture": MIXTURE},
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _chart(view: View) -> Chart:
    """The chart that the page shows for the same result."""
    match view:
        case Occlusion():
            return Chart(occlusion.QUESTION, occlusion.described(view), occlusion.occlusion(view))
        case LayerLens():
            return Chart(layers.QUESTION, layers.described(view), layers.layers(view))
        case KeyMap():
            return Chart(key_map.QUESTION, key_map.described(view), key_map.key_map(view))
        case Sweep():
            return Chart(sweep.QUESTION, sweep.described(view), sweep.sweep(view))
        case QueryHealth():
            return Chart(health.QUESTION, health.described(view), health.health(view))
        case Comparison(a=a, b=b) if a.without != b.without:
            return Chart(dropping.QUESTION, dropping.described(a, b), dropping.moved(a, b))
        case Comparison(a=a, b=b):
            return Chart("What differs between A and B?", _differences(view), dropping.moved(a, b, ("A", "B")))


def _differences(c: Comparison) -> str:
    """One sentence: what differs between the two questions, and both answers."""
    asked = ", ".join(f"{d.name} {d.a} → {d.b}" for d in c.asked) or "the same question"
    answers = [f"{p.answer} ({p.mixture[0].p:.2f})" for p in (c.a, c.b)]
    return f"{asked}. A (hollow) answers {answers[0]}, B (solid) {answers[1]}."


@cache
def _template() -> Template:
    loader = PackageLoader("memlab", "figures")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html.j2")


def _drawn(chart: Chart, n: int) -> dict[str, Any]:
    """The figure as HTML; the first includes plotly for all."""
    figure = go.Figure(chart.figure).update_layout(paper_bgcolor="#fff", plot_bgcolor="#fff")
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=n == 0, div_id=f"chart-{n}", config={"displayModeBar": False}
    )
    return {"title": chart.title, "caption": chart.caption, "html": Markup(drawn)}


def _word(p: Prediction, i: int, token: str) -> dict[str, Any]:
    return {"token": token, "p": [side.distribution.of(i) for side in sides(p)]}
