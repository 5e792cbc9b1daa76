"""Question and neighbors in two dimensions."""

from __future__ import annotations

from collections import defaultdict

import plotly.graph_objects as go

from memlab.figures.theme import MEMORY, MODEL, TEMPLATE, literal
from memlab.figures.words import MARKS, QUIET, colors
from memlab.results import KeyMap, MapPoint, Neighbor

QUESTION = "Where is the question among its neighbors?"
READING = "Each dot is a remembered passage: color and shape show its word, size its weight. Point at one to read it."
HEIGHT = 400
NAMED = 5  # words with a color of their own
SMALL, LARGE = 8, 34  # pixels
REST = "other words"


def key_map(result: KeyMap) -> go.Figure:
    """Principal components of the keys: the question as a cross, neighbors by value and weight, others hollow."""
    groups = _by_word(result)
    heaviest = max((p.neighbor.weight for p in result.points if p.neighbor), default=1.0) or 1.0
    shades = dict(zip([g for g in groups if g != REST], colors(MEMORY, NAMED), strict=False))
    marks = dict(zip(shades, MARKS, strict=False))
    figure = go.Figure()
    for word in sorted(groups, key=lambda g: g != REST):
        points = groups[word]
        figure.add_trace(_dots(points, word, shades.get(word, QUIET), marks.get(word, "circle"), heaviest))
    others = [p for p in result.points if p.role == "other"]
    if others:
        figure.add_trace(_dots(others, "not a neighbor", QUIET, "circle-open", heaviest))
    question = result.points[0]
    figure.add_trace(
        go.Scatter(
            x=[question.x],
            y=[question.y],
            mode="markers",
            name="the question",
            marker={"symbol": "x", "size": 16, "color": MODEL, "line": {"width": 1.5, "color": "#FFFFFF"}},
            showlegend=False,
            hoverinfo="skip",
        )
    )
    right = 2 * question.x > min(p.x for p in result.points) + max(p.x for p in result.points)
    above = 2 * question.y > min(p.y for p in result.points) + max(p.y for p in result.points)
    away = {"ax": 90 if right else -90, "ay": -30 if above else 30}  # where there are fewer dots
    figure.add_annotation(x=question.x, y=question.y, text="question", arrowwidth=1.5, standoff=9, **away)
    figure.layout.annotations[-1].update(arrowcolor=MODEL, font={"size": 16, "weight": 700})
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, fixedrange=True, scaleanchor="x")
    legend = {"orientation": "h", "y": -0.02, "yanchor": "top", "font": {"size": 14}, "itemsizing": "constant"}
    return figure.update_layout(
        template=TEMPLATE, height=HEIGHT, showlegend=True, legend=legend, margin={"t": 8, "b": 8}
    )


def described(result: KeyMap) -> str:
    """The caption: what the plane preserves of the keys."""
    order = "" if result.agreement is None else f" {_order(result.agreement)}"
    more = f" {result.left_out} lighter neighbors are not drawn." if result.left_out else ""
    kept = f"The plane keeps {result.kept:.0%} of the variance of these keys; points that are near in the plane may be far apart."
    return f"{kept}{order}{more}"


def _order(agreement: float) -> str:
    how = "well" if agreement >= 0.8 else "roughly" if agreement >= 0.5 else "badly"
    return f"It keeps the order of distances to the question {how} (rank correlation {agreement:.2f})."


def _by_word(result: KeyMap) -> dict[str, list[MapPoint]]:
    """Neighbors by value, heaviest first; values beyond the first NAMED are one group."""
    groups: dict[str, list[MapPoint]] = defaultdict(list)
    for point in result.points:
        if point.role == "neighbor" and point.neighbor:
            groups[point.neighbor.token].append(point)
    heavy = sorted(groups, key=lambda w: -sum(p.neighbor.weight for p in groups[w] if p.neighbor))
    out = {word: groups[word] for word in heavy[:NAMED]}
    rest = [p for word in heavy[NAMED:] for p in groups[word]]
    return {**out, REST: rest} if rest else out


def _dots(points: list[MapPoint], name: str, color: str, symbol: str, heaviest: float) -> go.Scatter:
    shown = [p.neighbor for p in points if p.neighbor]
    return go.Scatter(
        x=[p.x for p in points],
        y=[p.y for p in points],
        mode="markers",
        name=literal(name),
        marker={
            "symbol": symbol,
            "color": color,
            "size": [SMALL + (LARGE - SMALL) * (n.weight / heaviest) ** 0.5 for n in shown],
            "opacity": 0.85,
            "line": {"width": 1.5 if symbol.endswith("open") else 0},
        },
        customdata=[_hover(n) for n in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _hover(n: Neighbor) -> str:
    left, right = literal(n.left[-45:]), literal(n.right[:35])
    return f"…{left}<b>{literal(n.value)}</b>{right}…<br>weight {n.weight:.3f}, distance {n.distance:.2f}"
