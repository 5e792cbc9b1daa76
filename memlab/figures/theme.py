"""The template and palette of all figures.

Colors have the same meaning everywhere: blue is the model, orange its memory, slate the mixture of both (green would
read as "right", red as "wrong"). As fills they keep 4.5:1 contrast to white (the white page, and white text on them)
and 3:1 to the dark page, and stay apart for the common forms of color blindness. Text in a color is mixed with the
theme's own text color (`ink`), which keeps 4.5:1 in both themes.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go

MODEL = "#2F6FC9"
MEMORY = "#C45312"
MIXTURE = "#5B6675"
CLASS = "#8A4FC4"  # the guesses of a class
RIGHT = "#1B7A4B"
WRONG = "#B3261E"
INK = 0.5  # share of the color in text of that color
GRID = "rgba(128, 136, 150, 0.30)"

TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"size": 16},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=[MODEL, MEMORY, MIXTURE],
        margin={"l": 8, "r": 8, "t": 34, "b": 44},
        showlegend=False,
        xaxis={"gridcolor": GRID, "zerolinecolor": GRID, "title": {"font": {"size": 15}}, "tickfont": {"size": 14}},
        yaxis={"gridcolor": GRID, "zerolinecolor": GRID, "title": {"font": {"size": 15}}, "tickfont": {"size": 16}},
        hoverlabel={"font": {"size": 15}},
    )
)


def tint(color: str, alpha: float) -> str:
    """A "#rrggbb" color with transparency, to lay over either theme's background."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def ink(color: str) -> str:
    """CSS of a color for text: mixed with the text color around it, so that it is readable in either theme."""
    return f"color-mix(in srgb, {color} {INK:.0%}, currentcolor)"


_BLANKS = str.maketrans({"Ġ": "␣", "▁": "␣", " ": "␣", "\u00a0": "␣", "Ċ": "⏎", "\n": "⏎", "č": "⏎", "\r": "⏎", "ĉ": "⇥", "\t": "⇥"})  # fmt: skip


def visible(token: str) -> str:
    """A token of only spaces or line ends as visible signs; any other token unchanged.

    Byte-level tokenizers write a space as "Ġ" and a line end as "Ċ", others a space as "▁".
    """
    signs = token.translate(_BLANKS)
    return signs if signs and not signs.strip("␣⏎⇥") else token or "␣"


def literal(text: str) -> str:
    """`text` escaped so that plotly shows it literally: no tags, entities or LaTeX between dollar signs; spaces as
    signs."""
    return html.escape(visible(text), quote=False).replace("$", "&#36;")


def share(p: float) -> str:
    """A probability as bars and formulas print it: two decimals, small ones marked as such."""
    if 0 < p < 0.005:
        return "<0.01"
    return f"{p:.2f}"


def shares(values: Sequence[float]) -> list[str]:
    """Probabilities for a column: with a third decimal where two different ones would print the same."""
    texts = [share(value) for value in values]
    same = {
        text for text in texts if len({value for value, other in zip(values, texts, strict=True) if other == text}) > 1
    }
    return [
        f"{value:.3f}" if text in same and value >= 0.005 else text for value, text in zip(values, texts, strict=True)
    ]
