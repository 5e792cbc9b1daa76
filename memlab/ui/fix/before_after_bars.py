"""Bars that move from before a change to after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from memlab.figures.before_after import both_words, probability
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, RIGHT, visible
from memlab.results import Comparison
from memlab.results.verdict import plain_word

ROWS = 5  # words drawn
_HERE = Path(__file__).parent
_COLORS = {"model": MODEL, "memory": MEMORY, "mixed": MIXTURE, "right": RIGHT}
_BARS = st.components.v2.component(
    "memlab_moving",
    html=(_HERE / "before_after_bars.html").read_text("utf-8"),
    css=".moving { "
    + " ".join(f"--{name}: {color};" for name, color in _COLORS.items())
    + " }\n"
    + (_HERE / "before_after_bars.css").read_text("utf-8"),
    js=(_HERE / "before_after_bars.js").read_text("utf-8"),
)
SIDES = (("model", "Model alone", "lm"), ("memory", "Memory", "knn"), ("mixture", "Mixture", "mixture"))


def before_after_bars(c: Comparison, expected: Sequence[str], key: str) -> None:
    """The words of both answers with a bar on each side, from `c.a` to `c.b`; right words are marked."""
    _BARS(key=key, data=content(c, expected))


def content(c: Comparison, expected: Sequence[str]) -> dict[str, Any]:
    """What the component draws, as JSON."""
    right = {plain_word(answer) for answer in expected}
    words = both_words(c, ROWS)
    also = next((w.token for p in (c.b, c.a) for w in p.mixture.top(50) if plain_word(w.token) in right), None)
    if also is not None and also not in words:
        words = [*words[: ROWS - 1], also]
    return {
        "caption": f"Probability of each word before and after. Before: {c.a.answer}. After: {c.b.answer}.",
        "words": [visible(word) for word in words],
        "right": [plain_word(word) in right for word in words],
        "sides": [
            {
                "kind": kind,
                "title": title,
                **{
                    when: [probability(getattr(p, side), word) for word in words]
                    for when, p in (("before", c.a), ("after", c.b))
                },
            }
            for kind, title, side in SIDES
        ],
    }
