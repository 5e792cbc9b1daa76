"""The look that every figure shares: one template and the three colors.

The colors keep at least 3:1 contrast on white and on the dark page, and stay apart for the common
forms of color blindness. They mean the same everywhere: blue is the model, orange its memory, green
the mixture of both.
"""

from __future__ import annotations

import html

import plotly.graph_objects as go

MODEL = "#3B7DD8"
MEMORY = "#D9601A"
MIXTURE = "#17946A"
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


_BLANKS = str.maketrans({"Ġ": "␣", "▁": "␣", " ": "␣", "\u00a0": "␣", "Ċ": "⏎", "\n": "⏎", "č": "⏎", "\r": "⏎", "ĉ": "⇥", "\t": "⇥"})  # fmt: skip


def visible(token: str) -> str:
    """A token that is nothing but blanks or line ends, as signs that can be seen; any other as it is.

    Byte-level tokenizers write a blank "Ġ" and a line end "Ċ", others write a blank "▁".
    """
    signs = token.translate(_BLANKS)
    return signs if signs and not signs.strip("␣⏎⇥") else token or "␣"


def literal(text: str) -> str:
    """`text` so that plotly shows it as it is: no tags, no entities, no LaTeX between dollar signs, blanks as signs."""
    return html.escape(visible(text), quote=False).replace("$", "&#36;")


def share(p: float) -> str:
    """A probability as bars and formulas print it: two decimals, small ones marked as such."""
    if 0 < p < 0.005:
        return "<0.01"
    return f"{p:.2f}"
