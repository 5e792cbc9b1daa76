"""Figures of beliefs: by batch, over edits, and the graph of one entity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from memlab.figures.theme import GRID, TEMPLATE, literal
from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.constraints import EXCLUDES, NEEDS, Constraint, Entity
from memlab.systems.beliefbank.phrasing import short, statement

if TYPE_CHECKING:
    from memlab.systems.beliefbank.metrics import Scores

TRUE, FALSE, CONFLICT, FLIP = "#3B7DD8", "#9AA3AF", "#C62828", "#D9601A"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
NODES = 60  # at most, in a graph; more would be unreadable
COLUMNS = 5  # beliefs in a row


def draw(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The figures of an evaluation from its document (`BeliefScores.to_dict`)."""
    rows = document["by_batch"]
    return {
        "F1 by batch": by_batch(rows, "f1", "F1"),
        "Consistency by batch": by_batch(rows, "consistency", "consistency"),
    }


def by_batch(found: Sequence[Mapping[str, Any]], name: str, label: str) -> go.Figure:
    """A score after each batch, one line for each way, with intervals over orders where there are several."""
    fig = go.Figure(layout={"template": TEMPLATE})
    for number, way in enumerate(dict.fromkeys(row["method"] for row in found)):
        rows = [row for row in found if row["method"] == way]
        spans = [row[f"{name}_interval"] for row in rows]
        bars = [span[1] - row[name] if span else 0.0 for span, row in zip(spans, rows, strict=True)]
        fig.add_scatter(
            x=[row["batch"] for row in rows],
            y=[row[name] for row in rows],
            error_y={"array": bars, "visible": any(bars)},
            name=way,
            mode="lines+markers",
            line={"dash": DASHES[number % len(DASHES)]},
        )
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.25}, margin={"t": 10}, height=380)
    fig.update_xaxes(title="batch", dtick=1)
    fig.update_yaxes(title=label)
    return fig


def over_edits(steps: Sequence[tuple[int, Scores]]) -> go.Figure:
    """Consistency and F1 after each edit."""
    fig = go.Figure(layout={"template": TEMPLATE})
    for name, color, dash in (("consistency", TRUE, "solid"), ("f1", FLIP, "dash")):
        fig.add_scatter(
            x=[n for n, _ in steps],
            y=[getattr(s, name) for _, s in steps],
            name="F1" if name == "f1" else name,
            mode="lines+markers",
            line={"color": color, "dash": dash},
        )
    fig.update_layout(showlegend=True, height=300, margin={"t": 10})
    fig.update_xaxes(title="edit")
    fig.update_yaxes(range=[0, 1.02])
    return fig


def belief_graph(entity: Entity, beliefs: Mapping[str, Belief], constraints: Sequence[Constraint]) -> go.Figure:
    """Beliefs about one entity as a graph: filled where true, hollow where false, a diamond where the solver flipped the
    label, a square where it is pinned; red edges are violated constraints. The customdata of a belief is [its
    property], that of a red edge's midpoint its two properties.

    At most `NODES` beliefs: those in conflicts, flipped or pinned ones, and what is believed true.
    """
    labels = {name: b.label for name, b in beliefs.items()}
    edges = _edges(constraints, labels)
    names = _shown(beliefs, edges)
    places = _layout(names, [(a, b) for a, b, *_ in edges if a in names and b in names])
    fig = go.Figure(layout={"template": TEMPLATE})
    for bad in (False, True):
        drawn = [e for e in edges if e[2] == bad and e[0] in places and e[1] in places]
        x, y, notes, middle = [], [], [], []
        for a, b, _, text in drawn:
            across, up = _line(places[a], places[b])
            x += [*across, None]
            y += [*up, None]
            middle.append((across[len(across) // 2], up[len(up) // 2]))
            notes.append(literal(text))
        style = {"color": CONFLICT, "width": 3.0} if bad else {"color": GRID, "width": 1.0}
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line=style,
            hoverinfo="skip",
            name="conflict" if bad else "constraint",
            showlegend=bad,
        )
        fig.add_scatter(
            x=[p[0] for p in middle], y=[p[1] for p in middle], mode="markers", marker={"size": 7, "color": style["color"], "opacity": 0.6 if bad else 0.15},
            text=notes, hoverinfo="text", showlegend=False, customdata=[[a, b] for a, b, *_ in drawn] if bad else None,
        )  # fmt: skip
    red = {name for a, b, bad, _ in edges if bad for name in (a, b)}
    fig.add_scatter(
        x=[places[n][0] for n in names],
        y=[places[n][1] for n in names],
        mode="markers+text",
        text=[literal(short(n)) for n in names],
        textposition="top center",
        textfont={"size": 13},
        customdata=[[name] for name in names],
        hovertext=[_hover(entity, beliefs[n]) for n in names],
        hoverinfo="text",
        marker={
            "size": 14,
            "symbol": [_symbol(beliefs[n]) for n in names],
            "color": [CONFLICT if n in red else TRUE if beliefs[n].label else FALSE for n in names],
            "line": {"width": 2, "color": [FLIP if beliefs[n].flipped else TRUE for n in names]},
        },
        name="beliefs",
        showlegend=False,
    )
    rows = -(-len(names) // COLUMNS)
    fig.update_layout(height=max(240, 80 + 56 * rows), margin={"t": 10, "b": 10}, showlegend=False, dragmode="pan")
    fig.update_xaxes(visible=False, range=[-0.08, 1.08])
    fig.update_yaxes(visible=False, range=[-0.75, rows - 0.4])
    return fig


def _edges(constraints: Sequence[Constraint], labels: Mapping[str, bool]) -> list[tuple[str, str, bool, str]]:
    """(source, target, violated, text) of the constraints between labeled properties; "needs" only where violated."""
    out = []
    for c in constraints:
        if c.source not in labels:
            continue
        known = [t for t in c.targets if t in labels]
        bad = bool(known) and len(known) == len(c.targets) and c.violated(labels)
        if c.kind == NEEDS and not bad:
            continue
        verb = "excludes" if c.kind == EXCLUDES else "needs" if c.kind == NEEDS else "implies"
        says = f"“{short(c.source)}” {verb} {' or '.join(f'“{short(t)}”' for t in c.targets)}" + (
            ": violated" if bad else ""
        )
        out += [(c.source, t, bad, says) for t in known]
    return out


def _shown(beliefs: Mapping[str, Belief], edges: Sequence[tuple[str, str, bool, str]]) -> list[str]:
    red = {name for a, b, bad, _ in edges if bad for name in (a, b)}

    def rank(b: Belief) -> tuple[bool, ...]:
        return (b.property not in red, not (b.pinned or b.flipped), not b.label)

    ordered = sorted(beliefs.values(), key=rank)
    return [b.property for b in ordered if not all(rank(b))][:NODES]


def _layout(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Positions by a deterministic spring layout: linked nodes attract each other, all repel, then `_in_rows`."""
    n = len(names)
    if not n:
        return {}
    at = {name: i for i, name in enumerate(names)}
    angle = np.arange(n) * 2.399963  # the golden angle spreads them evenly
    place = np.sqrt((np.arange(n) + 0.5) / n)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    pairs = np.array([(at[a], at[b]) for a, b in edges], dtype=int).reshape(-1, 2)
    k = 1.6 / math.sqrt(n)
    for step in range(120):
        delta = place[:, None] - place[None]
        distance = np.maximum(np.sqrt((delta**2).sum(-1)), 1e-3)
        move = (delta * (k * k / distance**2)[..., None]).sum(1)
        if len(pairs):
            pull = place[pairs[:, 0]] - place[pairs[:, 1]]
            pull *= np.sqrt((pull**2).sum(1, keepdims=True)) / k * 0.6
            np.add.at(move, pairs[:, 0], -pull)
            np.add.at(move, pairs[:, 1], pull)
        length = np.maximum(np.sqrt((move**2).sum(1, keepdims=True)), 1e-9)
        place = place + move / length * np.minimum(length, 0.1 * (1 - step / 120))
    return _in_rows({name: (float(place[i, 0]), float(place[i, 1])) for name, i in at.items()})


def _in_rows(places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The same order from bottom to top and from left to right, in rows far enough apart that labels do not overlap."""
    upward = sorted(places, key=lambda name: places[name][1])
    out = {}
    for row, first in enumerate(range(0, len(upward), COLUMNS)):
        across = sorted(upward[first : first + COLUMNS], key=lambda name: places[name][0])
        for column, name in enumerate(across):
            out[name] = ((column + 0.5) / len(across) + (0.04 if row % 2 else -0.04), float(row))
    return out


def _line(start: tuple[float, float], end: tuple[float, float]) -> tuple[list[float], list[float]]:
    """x and y of an edge at an odd number of points: straight, or an arc where other beliefs of the row lie between its
    ends."""
    (xa, ya), (xb, yb) = start, end
    between = ya == yb and abs(xb - xa) > 1.5 / COLUMNS
    t = np.linspace(0, 1, 13 if between else 3)
    bow = 1.4 * t * (1 - t) * (between * (0.6 + abs(xb - xa)))
    return [float(v) for v in xa + t * (xb - xa)], [float(v) for v in ya + t * (yb - ya) - bow]


def _symbol(belief: Belief) -> str:
    base = "square" if belief.pinned else "diamond" if belief.flipped else "circle"
    return base if belief.label else f"{base}-open"


def _hover(entity: Entity, belief: Belief) -> str:
    lines = [statement(entity, belief.property, belief.label)]
    if belief.pinned:
        lines.append("Pinned by a person: the solver keeps it.")
    elif belief.flipped:
        lines.append(
            f"The model said {'true' if belief.first else 'false'} with {belief.p:.2f}; the solver flipped it."
        )
    else:
        lines.append(f"Said by the {belief.origin} with confidence {belief.p:.2f}.")
    return "<br>".join(literal(line) for line in lines)
