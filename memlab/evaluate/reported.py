"""Perplexities that the papers report, at their full scale: never in one table with what is measured here."""

from __future__ import annotations

from typing import Any

_LECTURE = "as printed in the source lectures"
_ROWS = (
    (
        "WikiText-103",
        "perplexity",
        {"base": "21.8", "short-term": "19.1", "knn-lm": "18.0", "spalm": "17.6*"},
        _LECTURE,
    ),
    ("WMT", "perplexity", {"base": "16.5", "short-term": "15.5", "knn-lm": "15.2", "spalm": "14.1"}, _LECTURE),
    (
        "enwik8",
        "bits per character",
        {"base": "1.05", "short-term": "1.01", "knn-lm": "1.02", "spalm": "1.00"},
        _LECTURE,
    ),
    (
        "WikiText-103",
        "perplexity",
        {"base": "18.65", "knn-lm": "16.12", "knn-lm+cache": "15.79"},
        "Khandelwal et al., ICLR 2020",
    ),
)
ASTERISK = "* The lecture does not explain the asterisk; probably SPALM together with kNN-LM."


def reported() -> list[dict[str, Any]]:
    """One row for each table: data, score, source, and method -> figure as printed."""
    return [
        {"data": data, "score": score, "source": source, "figures": dict(figures)}
        for data, score, figures, source in _ROWS
    ]
