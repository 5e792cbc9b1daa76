"""The mixture as a formula with live numbers, and the tipping point in words."""

from __future__ import annotations

from html import escape

from memlab.figures.theme import MEMORY, MIXTURE, MODEL, share
from memlab.results import Prediction, TippingPoint, WordProbability
from memlab.ui.highlight import chip


def formula(p: Prediction) -> str:
    """HTML of `lambda x memory + (1 - lambda) x model = mixture`, each term in the color of its bars.

    One line for the mixture's first word, and one for the first word of the side that it overrules: as many
    lines at every lambda, so that nothing below moves with the slider.
    """
    best = p.mixture[0]
    other = next((side[0] for side in (p.lm, p.knn) if side[0].id != best.id), None)
    words = [best] if other is None else [best, other]
    head = (
        f"<div style='font-size:0.95rem;opacity:0.85'>λ × {chip('memory', MEMORY)} + "
        f"(1 − λ) × {chip('model', MODEL)} = {chip('mixture', MIXTURE)}</div>"
    )
    return head + "".join(_line(p, word) for word in words)


def _line(p: Prediction, word: WordProbability) -> str:
    lam = p.gate.knn_weight
    return (
        "<div style='font-size:1.3rem;line-height:1.75;font-variant-numeric:tabular-nums'>"
        f"<b>{escape(word.token)}</b>&ensp;{weight(lam)} × {chip(share(p.knn.of(word.id)), MEMORY)} + "
        f"{weight(1 - lam)} × {chip(share(p.lm.of(word.id)), MODEL)} = "
        f"<b>{chip(share(p.mixture.of(word.id)), MIXTURE)}</b></div>"
    )


def weight(lam: float) -> str:
    """Lambda with two decimals, or three where two would not say it."""
    return f"{lam:.2f}" if abs(round(lam, 2) - lam) < 5e-4 else f"{lam:.3f}"


def tipping(point: TippingPoint, lam: float) -> str:
    """Plain sentences: from which lambda on memory's answer wins, and where this question stands."""
    model, memory = point.model_answer, point.memory_answer
    if point.lam is None:
        return f"Model and memory agree on {memory}: no λ changes the answer."
    if point.lam >= 1:
        text = f"Memory ({memory}) cannot win below λ = 1: the model's {model} stays ahead."
    elif point.others:
        text = f"Memory's {memory} passes the model's {model} at λ = {point.lam:.2f}."
    else:
        side = "memory decides" if lam >= point.lam else "the model decides"
        text = f"Memory wins from λ = {point.lam:.2f}: {memory} instead of {model}. At λ = {weight(lam)} {side}."
    between = [f"{word} from λ = {low:.2f} to {high:.2f}" for word, low, high in point.others]
    return f"{text} In between another word wins: {', '.join(between)}." if between else text
