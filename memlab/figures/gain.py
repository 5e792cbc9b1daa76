"""Where memory helps and where it harms: by kind of word, and by a word's frequency in the datastore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from memlab.figures.theme import MEMORY, MODEL, TEMPLATE, literal
from memlab.figures.words import QUIET
from memlab.results import Trace

QUESTIONS = {"kind": "For which kinds of words does memory help?", "frequency": "Does memory help with rare words?"}
READINGS = {
    "kind": "Orange, to the right: nats per token that memory saves on average. Blue, hatched: nats that it costs.",
    "frequency": "Rows: number of entries of the datastore with the word. Orange: memory saves. Blue, hatched: it costs.",
}
ROW_HEIGHT = 34
FRAME_HEIGHT = 102


def groups(trace: Trace, by: str) -> list[Mapping[str, Any]]:
    """The groups that have tokens. `by` is "kind" or "frequency"."""
    return [row for row in trace.summary[f"by_{by}"] if row["tokens"]]


def table(trace: Trace, by: str) -> list[dict[str, str]]:
    """The numbers of the chart, a row for each group."""
    return [
        {
            by: str(row[by]),
            "tokens": f"{row['tokens']:,}",
            "mean gain (nats)": f"{row['gain']:+.2f}".replace("-", "−"),
            "made less likely": f"{row['worsened']:.0%}",
        }
        for row in groups(trace, by)
    ]


def by_group(trace: Trace, by: str) -> go.Figure:
    """Mean gain, share of tokens that memory makes less likely, and, if the gate varies, its mean in each group."""
    rows = groups(trace, by)
    gated = trace.gate_kind not in ("none", "constant")
    local = trace.gate_info.mixes == "vectors"
    titles = ["mean gain<br>(nats)", "tokens made<br>less likely", *(["mean weight<br>of memory"] if gated else [])]
    figure = make_subplots(
        rows=1, cols=len(titles), shared_yaxes=True, horizontal_spacing=0.07, subplot_titles=titles
    )  # fmt: skip
    gains = [row["gain"] for row in rows]
    up = [gain >= 0 for gain in gains]
    marker = {
        "color": [MEMORY if good else MODEL for good in up],
        "pattern": {"shape": ["" if good else "/" for good in up], "solidity": 0.4, "size": 6},
    }
    figure.add_trace(_bars(gains, [f"{g:+.2f}".replace("-", "−") for g in gains], marker), row=1, col=1)
    worse = [row["worsened"] for row in rows]
    figure.add_trace(_bars(worse, [f"{w:.0%}" for w in worse], {"color": QUIET}), row=1, col=2)
    if gated:
        gates = [(1 - row["gate"]) if local else row["gate"] for row in rows]
        figure.add_trace(_bars(gates, [f"{g:.2f}" for g in gates], {"color": MEMORY, "opacity": 0.6}), row=1, col=3)
    names = [f"{literal(str(row[by]))} ({row['tokens']:,})  " for row in rows]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=names, autorange="reversed", fixedrange=True)
    figure.update_yaxes(showgrid=False, zeroline=False, tickfont={"size": 15})
    low, high = min(0.0, *gains), max(0.0, *gains)
    room = 0.7 * (high - low or 1.0)
    figure.update_xaxes(fixedrange=True, nticks=3, tickangle=0)
    figure.update_xaxes(range=[low - room * (low < 0), high + room], zeroline=True, zerolinewidth=2, row=1, col=1)
    figure.update_xaxes(range=[0, 1.6], tickvals=[0, 1], tickformat=".0%", row=1, col=2)
    if gated:
        figure.update_xaxes(range=[0, 1.6], tickvals=[0, 1], row=1, col=3)
    for title in figure.layout.annotations:
        title.update(font={"size": 14}, yshift=4)
    return figure.update_layout(
        template=TEMPLATE, height=FRAME_HEIGHT + ROW_HEIGHT * len(rows), bargap=0.3, margin={"t": 52}
    )


def described(trace: Trace, by: str) -> str:
    """One sentence: the groups that memory helps most and least, and the share that it worsens there."""
    rows = sorted(groups(trace, by), key=lambda row: -row["gain"])
    most, least = rows[0], rows[-1]
    if len(rows) == 1:
        return f"{_name(most, by)}: {_said(most)}."
    return f"Best for {_name(most, by)}: {_said(most)}. Least for {_name(least, by)}: {_said(least)}."


def _said(row: Mapping[str, Any]) -> str:
    return f"mean gain {row['gain']:+.2f} nats, {row['worsened']:.0%} made less likely".replace("-", "−")


def _name(row: Mapping[str, Any], by: str) -> str:
    return (
        f"{row[by]} ({row['tokens']:,} token{'s' * (row['tokens'] != 1)})"
        if by == "kind"
        else f"words with {row[by]} entries"
    )


def _bars(values: list[float], text: list[str], marker: dict[str, Any]) -> go.Bar:
    return go.Bar(
        x=values,
        y=list(range(len(values))),
        orientation="h",
        marker=marker,
        text=text,
        textposition="outside",
        textfont={"size": 14},
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )
