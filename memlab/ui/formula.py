"""The mixture as a formula with live numbers."""

from __future__ import annotations

from html import escape

from memlab.figures.sides import two
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, share, visible
from memlab.results import Prediction, WordProbability
from memlab.ui.highlight import chip


def formula(p: Prediction) -> str:
    """HTML of how the answer comes about, each term in the color of its bars; empty for a method without memory.

    Where distributions are mixed: `lambda x memory + (1 - lambda) x model = mixture`, in numbers. Where vectors are mixed
    the probabilities do not add up, so the numbers are those with the gate at its ends and as computed.
    One line for the mixture's first word, and one for the first word of the side that it overrules: as many lines at
    every lambda, so that nothing below moves with the slider.
    """
    mixes = p.gate.info.mixes
    if mixes == "nothing":
        return ""
    best = p.mixture[0]
    other = next((side[0] for side in (p.lm, p.knn) if side[0].id != best.id), None)
    words = [best] if other is None else [best, other]
    line = _of_vectors if mixes == "vectors" else _of_distributions
    head = f"<div style='font-size:0.95rem;opacity:0.85'>{_head(p)}</div>"
    return head + "".join(line(p, word) for word in words)


def _head(p: Prediction) -> str:
    info = p.gate.info
    symbol = escape(info.symbol)
    if info.mixes == "vectors":
        also = f", then {two(p.gate.knn_weight)} × neighbors" if p.gate.knn_weight else ""
        return (
            f"softmax of (1 − {symbol}) × {chip('retrieved tokens', MEMORY)} + {symbol} × {chip('state', MODEL)} "
            f"= {chip('answer', MIXTURE)}{also}; {symbol} = {two(p.gate.value)} is the weight of {escape(info.weighs)}"
        )
    return f"{symbol} × {chip('memory', MEMORY)} + (1 − {symbol}) × {chip('model', MODEL)} = {chip('mixture', MIXTURE)}"


def _of_distributions(p: Prediction, word: WordProbability) -> str:
    lam = p.gate.value
    return _line(
        f"<b>{escape(visible(word.token))}</b>&ensp;{two(lam)} × {chip(share(p.knn.of(word.id)), MEMORY)} + "
        f"{two(1 - lam)} × {chip(share(p.lm.of(word.id)), MODEL)} = "
        f"<b>{chip(share(p.mixture.of(word.id)), MIXTURE)}</b>"
    )


def _of_vectors(p: Prediction, word: WordProbability) -> str:
    symbol = escape(p.gate.info.symbol)
    return _line(
        f"<b>{escape(visible(word.token))}</b>&ensp;{_at(symbol, '0', share(p.knn.of(word.id)), MEMORY)} "
        f"<b>{_at(symbol, two(p.gate.value), share(p.mixture.of(word.id)), MIXTURE)}</b> "
        f"{_at(symbol, '1', share(p.lm.of(word.id)), MODEL)}"
    )


def _at(symbol: str, value: str, said: str, color: str) -> str:
    """The probability with the gate at one value, kept on one line."""
    return (
        "<span style='white-space:nowrap;margin-right:0.8rem'>"
        f"<span style='font-size:1rem'>{symbol} = {value}:</span> {chip(said, color)}</span>"
    )


def _line(html: str) -> str:
    return f"<div style='font-size:1.3rem;line-height:1.75;font-variant-numeric:tabular-nums'>{html}</div>"
