"""Layer lens: the output head applied to every layer."""

from __future__ import annotations

import plotly.graph_objects as go

from memlab.figures.theme import MODEL, TEMPLATE, literal, share
from memlab.figures.words import COLORS
from memlab.results import LayerLens

QUESTION = "Does the model find the category before the answer?"
READING = "The output head applied to every layer. Dashed: all words of the right kind together. Solid: the right answer alone."
HEIGHT = 340
LETTER = 8.5  # pixels of the names beside the lines
LONGEST = 18  # letters of an answer there


def layers(result: LayerLens) -> go.Figure:
    """Probability of the right kind (dashed, squares) and of the right answer (solid, circles) by layer."""
    x = [reading.layer for reading in result.layers]
    right = [reading.right for reading in result.layers]
    kind = [reading.kind or 0.0 for reading in result.layers] if result.kind is not None else None
    figure = go.Figure()
    if kind is not None:
        figure.add_trace(_line(x, kind, COLORS[0], "dash", "square", "right kind"))
    figure.add_trace(_line(x, right, MODEL, "solid", "circle", "right answer"))
    names = [(right, MODEL, _answer(result))]
    if kind is not None:
        names.append((kind, COLORS[0], f"any {literal(str(result.kind))}"))
    apart = len(names) < 2 or abs(names[0][0][-1] - names[1][0][-1]) > 0.09
    for values, color, name in names:
        shift = 0 if apart else (-11 if values is right else 11)
        sign = f"<span style='color:{color}'>■</span>"  # text in that color would be too pale to read
        text = f"{sign} <b>{name}</b> {share(values[-1])}"
        figure.add_annotation(x=x[-1], y=values[-1], text=text, font={"size": 15})
        figure.layout.annotations[-1].update(showarrow=False, xanchor="left", xshift=12, yshift=shift)
    figure.update_xaxes(tickvals=x, ticktext=["embeddings", *map(str, x[1:])], title="layer", fixedrange=True)
    figure.update_xaxes(range=[-0.3, x[-1] + 0.15], showgrid=False, zeroline=False)
    figure.update_yaxes(range=[-0.03, 1.06], title="probability", fixedrange=True)
    room = LETTER * max(len(name) + 7 for _, _, name in names) + 16
    return figure.update_layout(template=TEMPLATE, height=HEIGHT, margin={"t": 12, "r": room})


def described(result: LayerLens) -> str:
    """One sentence: from which layer on kind and answer have at least half of the probability."""
    answer = " or ".join(result.right)
    what = "the right answer" if result.right_from == "fact" else "the mixture's answer"
    parts = [_from(f"{what} “{answer}”", [r.right for r in result.layers])]
    if result.kind is not None:
        parts.insert(0, _from(f"any {result.kind}", [r.kind or 0.0 for r in result.layers]))
    text = f"{'; '.join(parts)}."
    return text[:1].upper() + text[1:]


def _from(what: str, values: list[float]) -> str:
    layer = next((i for i, p in enumerate(values) if p >= 0.5), None)
    if layer is None:
        return f"{what} never has half of the probability (at the end {share(values[-1])})"
    return f"{what} has half of the probability from {'the embeddings' if layer == 0 else f'layer {layer}'} on"


def _answer(result: LayerLens) -> str:
    name = " or ".join(result.right)
    return literal(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")


def _line(x: list[int], y: list[float], color: str, dash: str, symbol: str, name: str) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name=name,
        line={"color": color, "width": 3, "dash": dash},
        marker={"size": 10, "symbol": symbol},
        hovertemplate=f"layer %{{x}}: %{{y:.3f}}<extra>{name}</extra>",
    )
