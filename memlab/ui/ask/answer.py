"""The answer itself: the mixture panel, which follows its slider, and the engine's notices."""

from __future__ import annotations

import streamlit as st

from memlab.declare import Field
from memlab.figures.mixing import in_words
from memlab.results import Prediction
from memlab.results.verdict import Verdict
from memlab.ui.app.address import chosen_or_in_address, into_address, shown
from memlab.ui.app.carried import carry_setting
from memlab.ui.ask.question import LAMBDA
from memlab.ui.mixture import Settled, mixture_panel
from memlab.ui.plain import plain


def chosen_lambda(mixing: Field | None) -> float | None:
    """The weight of the memory: what the slider was moved to, else that of the address, else the default.

    None where a method has no such setting. Only a value that differs from the default is put into the address.
    """
    if mixing is None:
        return None
    default = float(mixing.default)
    in_address = _in_range(st.query_params.get(LAMBDA), mixing)
    value = float(chosen_or_in_address(LAMBDA, default if in_address is None else in_address))
    into_address(LAMBDA, None if value == default else f"{value:g}")
    shown(LAMBDA, value)
    carry_setting(LAMBDA, None if value == default else value)
    return value


def _in_range(text: str | None, mixing: Field) -> float | None:
    """The number in the address; None where it is not a number or not allowed (the page says so elsewhere)."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    low, high = mixing.low, mixing.high
    return value if (low is None or value >= low) and (high is None or value <= high) else None


def answer_panel(p: Prediction, mixing: Field | None, verdict: Verdict | None) -> None:
    """The mixture panel; if lambda is a setting, it goes to the session and the address once its slider rests."""
    settled = None
    if mixing is not None:
        settled = Settled(float(mixing.default), lambda value: st.session_state.update({LAMBDA: value}))
    mixture_panel(p, "ask.mixture", settled, verdict)


def noticed(p: Prediction) -> None:
    """How the gate mixes, where it does not mix distributions, and the engine's notices."""
    if p.gate.info.mixes != "distributions":
        st.caption(plain(in_words(p)))
    for notice in p.notices:
        st.info(plain(notice), icon=":material/info:")
