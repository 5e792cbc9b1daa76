"""The answer itself: the completed prompt, the lambda slider, a chart for each side, the formula."""

from __future__ import annotations

from html import escape

import streamlit as st

from memlab.declare import Field, Method
from memlab.figures import three_answers
from memlab.figures.mixing import in_words, tipping
from memlab.figures.sides import said
from memlab.figures.theme import MIXTURE
from memlab.results import Prediction
from memlab.ui import fields
from memlab.ui.formula import formula
from memlab.ui.highlight import chip
from memlab.ui.plain import plain

MASK = "[MASK]"
LEFT, RIGHT = 90, 45  # characters of a long prompt shown around the gap


def lambda_slider(mixing: Field | None, method: Method) -> float | None:
    """The weight of the memory; None where the method has no such setting."""
    if mixing is None:
        return None
    label = "λ, the weight of the memory" if method.knn is not None else None
    return fields.widget(mixing, mixing.default, label)


def completed(p: Prediction) -> str:
    """HTML of the prompt with the mixture's first word in the gap, or behind it; long prompts cut around it."""
    left, _, right = p.prompt.partition(MASK) if p.kind == "masked" else (p.prompt.rstrip() + " ", "", "")
    left = left if len(left) <= LEFT else "… " + left[-LEFT:]
    right = right if len(right) <= RIGHT else right[:RIGHT] + " …"
    word = f"<b>{chip(p.answer, MIXTURE)}</b>"
    return (
        "<div style='display:grid;align-content:center;min-height:4.2rem'>"  # two lines: a longer answer moves nothing
        f"<div style='font-size:1.55rem;line-height:1.35;overflow-wrap:anywhere'>{escape(left)}{word}{escape(right)}"
        f"<span style='font-size:1rem;opacity:0.8;white-space:nowrap'>&emsp;p = {p.mixture[0].p:.2f}</span></div></div>"
    )


def charts(p: Prediction) -> None:
    """The sides of the answer side by side: model, memory and mixture, or what the method has instead."""
    st.plotly_chart(three_answers(p), config={"displayModeBar": False}, alt=said(p))


def why(p: Prediction) -> None:
    """The formula beside the tipping point, then what the engine wants noticed."""
    if p.gate.info.mixes == "nothing":
        st.caption(plain(in_words(p)))
    else:
        numbers, words = st.columns([2, 1], vertical_alignment="center")
        numbers.html(formula(p))
        words.text(tipping(p))
    if p.gate.info.mixes == "vectors":
        st.caption(plain(in_words(p)))
    for notice in p.notices:
        st.info(plain(notice), icon=":material/info:")
