"""Layers: what the output head predicts from each layer's state."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.figures.layers import QUESTION, READING, described
from memlab.figures.layers import layers as drawn
from memlab.results import LayerLens, Prediction
from memlab.ui.explanations.chart import chart, data, heading
from memlab.ui.plain import plain

SHOWN = 3  # first words of a layer in the table; the file has all


def layers(lab: Lab, p: Prediction) -> None:
    """Right kind and right answer by layer, and each layer's first words."""
    heading(QUESTION, READING)
    with st.spinner("Reading every layer"):
        result = lab.explain.layers(p)
    figure, table = st.columns([3, 2], gap="medium")
    with figure:
        chart(drawn(result), described(result), "layers")
    with table:
        st.dataframe(
            [
                {"layer": r.layer, "first words": ", ".join(f"{w.token} {w.p:.2f}" for w in r.top[:SHOWN])}
                for r in result.layers
            ],
            hide_index=True,
            width="stretch",
        )
        st.caption(plain(known(result)))
    data(result.csv, "layers")


def known(result: LayerLens) -> str:
    """Where the right answer and its kind come from."""
    answer = " or ".join(result.right)
    norm = "its final norm and output head" if result.norm else "its output head"
    if result.right_from == "fact":
        said = f"The prompt asks for a fact of the bundled world: {answer} (kind: {result.kind})."
    elif result.kind is not None:
        said = (
            f"No fact of the bundled world is asked for; the mixture's answer {answer} and its kind ({result.kind}) "
            "are used instead."
        )
    else:
        said = f"No fact of the bundled world is asked for, and {answer} is not a name in it: there is no kind to show."
    return f"{said} Every layer is read through {norm}, although only the last was trained for it."
