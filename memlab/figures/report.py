"""One answer as a self-contained HTML file, to keep, to mail or to print; opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from memlab.figures.answers import three_answers, union
from memlab.figures.theme import MEMORY, MIXTURE, MODEL
from memlab.results import Prediction

WORDS = 12  # rows of the table of words


@dataclass(frozen=True)
class Chart:
    """A figure of the report: the question that it answers, and a sentence that says what it shows."""

    title: str
    caption: str
    figure: go.Figure


def report(p: Prediction, command: str, python: str, versions: Mapping[str, str], charts: Sequence[Chart] = ()) -> str:
    """HTML text of a report.

    Args:
        command, python: what makes the answer again, in a shell and in a notebook.
        versions: of everything that the answer depends on.
        charts: further figures of the view; the three answers always come first.
    """
    first = Chart(
        "What do model, memory and mixture say?",
        f"Model alone: {p.lm[0].token}. Memory: {p.knn[0].token}. Mixture: {p.mixture[0].token}.",
        three_answers(p),
    )
    return _template().render(
        p=p,
        formula=_formula(p),
        words=[_word(p, word.id, word.token) for word in union(p, WORDS)],
        charts=[_drawn(chart, n) for n, chart in enumerate((first, *charts))],
        command=command,
        python=python,
        versions=versions,
        colors={"model": MODEL, "memory": MEMORY, "mixture": MIXTURE},
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


@cache
def _template() -> Template:
    loader = PackageLoader("memlab", "figures")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html.j2")


def _drawn(chart: Chart, n: int) -> dict[str, Any]:
    """The figure as HTML; the first brings the drawing library for all."""
    figure = go.Figure(chart.figure).update_layout(paper_bgcolor="#fff", plot_bgcolor="#fff")
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=n == 0, div_id=f"chart-{n}", config={"displayModeBar": False}
    )
    return {"title": chart.title, "caption": chart.caption, "html": Markup(drawn)}


def _word(p: Prediction, i: int, token: str) -> dict[str, Any]:
    return {"token": token, "lm": p.lm.of(i), "knn": p.knn.of(i), "mixture": p.mixture.of(i)}


def _formula(p: Prediction) -> str:
    best, lam = p.mixture[0], p.gate.knn_weight
    return f"{best.token}: {lam:.3g} × {p.knn.of(best.id):.3f} + {1 - lam:.3g} × {p.lm.of(best.id):.3f} = {best.p:.3f}"
