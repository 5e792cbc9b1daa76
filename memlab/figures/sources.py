"""One token of a passage: the prediction of each source, over the same words in the same order."""

from __future__ import annotations

import re

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from memlab.figures.sides import bars, end
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, TEMPLATE, literal, share, visible
from memlab.figures.words import COLORS
from memlab.results import Distribution, Generation, Trace, TraceStep

ROWS = 7
ROW_HEIGHT = 30
FRAME_HEIGHT = 102
LONGEST = 16  # characters of a word
SHORT_TERM = COLORS[0]


def panels(trace: Trace | Generation, step: TraceStep) -> list[tuple[str, Distribution, str]]:
    """Title, distribution and color of each source that is used, and of all together.

    Model alone, memory and mixture have the same names as for a question. Short-term memory has its own panel if it
    is a continuous cache; carried states are part of the model alone.
    """
    carried = " + short-term" if trace.settings.get("short_term") else ""
    vectors = trace.gate_info.mixes == "vectors"
    found = [(f"Model alone{carried}", step.lm, MODEL)]
    if step.cache is not None:
        found.append(("Short-term: cache", step.cache, SHORT_TERM))
    if step.knn is not None:
        found.append((f"Memory ({trace.gate_info.symbol} = 0)" if vectors else "Memory", step.knn, MEMORY))
    if len(found) > 1:
        found.append(("Mixture", step.mixture, MIXTURE))
    return found


def compared(trace: Trace | Generation, step: TraceStep, rows: int = ROWS) -> list[int]:
    """The ids of the words in all panels: the token itself, then rank by rank the first words of each source."""
    chosen = {step.token.id: None}
    for rank in range(min(rows, len(step.mixture.words))):
        for _, said, _ in panels(trace, step):
            word = said[rank]
            if word.p > 0 and len(chosen) < rows:
                chosen.setdefault(word.id)
    return sorted(chosen, key=lambda i: (i != step.token.id, -step.mixture.of(i), i))


def three_sources(trace: Trace | Generation, step: TraceStep) -> go.Figure:
    """A bar chart for each source; the first row is the actual next word."""
    words, shown = compared(trace, step), panels(trace, step)
    figure = make_subplots(
        rows=1,
        cols=len(shown),
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=[in_two_lines(title) for title, _, _ in shown],
    )
    for column, (title, said, color) in enumerate(shown, start=1):
        values = [said.of(i) for i in words]
        figure.add_trace(
            bars(
                title,
                color,
                [said.words[i] for i in words],
                values,
                [i == step.token.id for i in words],
                text=[share(value) for value in values],
                textposition="outside",
                textfont={"size": 14, "weight": 600},
            ),
            row=1,
            col=column,
        )
        figure.layout.annotations[column - 1].update(font={"size": 15, "weight": 700}, yshift=4)
    labels = [_short(step.mixture.words[i]) for i in words]
    ticks = [f"<b>▸ {literal(label)}</b>  " if n == 0 else f"{literal(label)}  " for n, label in enumerate(labels)]
    figure.update_yaxes(tickvals=list(range(len(words))), ticktext=ticks, autorange="reversed", fixedrange=True)
    figure.update_yaxes(showgrid=False, zeroline=False, tickfont={"size": 15})
    figure.update_xaxes(range=[0, 1.25], tickvals=[0, 0.25, 0.5, 0.75, 1], ticktext=["0", "", "0.5", "", "1"])
    figure.update_xaxes(fixedrange=True, title={"text": "probability", "font": {"size": 14}, "standoff": 2})
    return figure.update_layout(
        template=TEMPLATE, height=FRAME_HEIGHT + ROW_HEIGHT * len(words), bargap=0.28, margin={"t": 52}
    )


def table(trace: Trace | Generation, step: TraceStep) -> list[dict[str, str]]:
    """The numbers of the chart: a row for each word, a column for each source."""
    words, shown = compared(trace, step), panels(trace, step)
    return [
        {"word": visible(step.mixture.words[i]), **{title: share(said.of(i)) for title, said, _ in shown}}
        for i in words
    ]


def described(trace: Trace | Generation, step: TraceStep) -> str:
    """One sentence: the first word of each source, and the actual next word."""
    said = "; ".join(f"{title}: {d[0].token} ({share(d[0].p)})" for title, d, _ in panels(trace, step))
    return f"{said}. The actual next word is {step.token.text.strip()!r} ({share(step.mixture.of(step.token.id))})."


def forced(trace: Trace | Generation, step: TraceStep) -> list[dict[str, str]]:
    """The counterfactuals as rows: the gate, the first word with it, and the probability of the actual next word."""
    if not step.counterfactuals:
        return []
    info = trace.gate_info
    rows = [(end(info, gate), d) for gate, d in sorted(step.counterfactuals.items())]
    if step.token.gate is not None:
        rows.insert(1, (f"{info.symbol} = {step.token.gate:.2f}: as computed", step.mixture))
    return [
        {
            "gate": name,
            "first word": f"{d[0].token} ({share(d[0].p)})",
            f"p({step.token.text.strip()})": _fine(d.of(step.token.id)),
        }
        for name, d in rows
    ]


def in_two_lines(title: str) -> str:
    """A title for a narrow panel: broken after its first word, or its second if there are four or more; never in
    brackets."""
    words = re.split(r" (?![^(]*\))", title)
    first = 1 if len(words) < 4 else 2
    return "<br>".join(part for part in (" ".join(words[:first]), " ".join(words[first:])) if part)


def _fine(p: float) -> str:
    """A probability with three decimals."""
    return "<0.001" if 0 < p < 0.0005 else f"{p:.3f}"


def _short(word: str) -> str:
    return word if len(word) <= LONGEST else word[: LONGEST - 1] + "…"
