"""Words in the color of their source, as HTML that is readable in both themes."""

from __future__ import annotations

import re
from html import escape

from memlab.figures.theme import MEMORY, tint, visible
from memlab.memory.changes import BLACK

_BLACK = re.compile(f"{BLACK}+")
_GRAY = "color:rgba(128, 136, 150, 0.55)"
_ROUND = "border-radius:0.2em"


def forgotten(html: str) -> str:
    """Text, already HTML, with its blacked-out characters in gray: the text color would glare in the dark theme."""
    return _BLACK.sub(lambda found: f'<span style="{_GRAY}" title="forgotten">{found[0]}</span>', html)


def side_heading(text: str, color: str) -> str:
    """The name of a side (model alone, memory, mixture) with a bar of its color in front."""
    return f"<div style='font-weight:700;border-left:0.35rem solid {color};padding-left:0.5rem'>{escape(text)}</div>"


def chip(text: str, color: str) -> str:
    """A number or word on a tint of its color, underlined with it."""
    style = f"background:{tint(color, 0.2)};border-bottom:0.15em solid {color};padding:0 0.25em;{_ROUND}"
    return f'<span style="{style}">{escape(visible(text))}</span>'


def remembered(text: str, strong: bool = False) -> str:
    """The word that an entry remembers, marked in its passage; `strong` where the passage itself is tinted."""
    look = f"background:{MEMORY};color:#fff" if strong else f"background:{tint(MEMORY, 0.35)};color:inherit"
    return f'<mark style="{look};font-weight:700;padding:0 0.15em;{_ROUND}">{escape(visible(text))}</mark>'


def passage(html: str) -> str:
    """A stretch of text, already HTML, on a tint of the memory's color."""
    return f'<span style="background:{tint(MEMORY, 0.25)};{_ROUND}">{html}</span>'
