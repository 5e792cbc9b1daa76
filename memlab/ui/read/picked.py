"""Which token of the passage is looked at: kept in the address, chosen by click, number or buttons."""

from __future__ import annotations

import numpy as np
import streamlit as st

from memlab.errors import InputError
from memlab.results import Trace
from memlab.ui.session import show_error

TOKEN = "token"
_OF = "read.token.of"


def pick(token: int) -> None:
    """From the next run on; called before the number is drawn."""
    st.session_state[TOKEN] = token


def choose_token(trace: Trace) -> int:
    """The number of the token with buttons for its neighbors and for the extremes; the most helped one at first."""
    best, worst, last = _extreme(trace, 1), _extreme(trace, -1), len(trace) - 1
    if st.session_state.setdefault(_OF, trace.text) != trace.text:
        st.session_state[_OF] = trace.text
        pick(best)
    if st.session_state.get(TOKEN) is not None:
        pick(min(max(int(st.session_state[TOKEN]), 0), last))
    elif (asked := st.query_params.get(TOKEN)) is not None and not (asked.isdecimal() and int(asked) <= last):
        show_error(InputError(f"There is no token {asked[:20]!r}; the passage has tokens 0 to {last}."))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        number = st.number_input(
            "Token",
            0,
            last,
            best,
            key=TOKEN,
            bind="query-params",
            width=170,
            help="Its place in the passage, from 0. Click a token of the strip, or move there with the arrow keys and press Enter.",
        )
        chosen = best if number is None else int(number)
        _to("Most helped", best, "trending_up", chosen)
        _to("Most harmed", worst, "trending_down", chosen)
    return chosen


def _to(label: str, token: int, icon: str, chosen: int) -> None:
    st.button(
        label, key=f"read.to.{icon}", icon=f":material/{icon}:", on_click=pick, args=(token,), disabled=token == chosen
    )


def _extreme(trace: Trace, sign: int) -> int:
    """The token with the largest (1) or smallest (-1) gain."""
    gain = np.where(np.isnan(trace.gain), -np.inf, sign * trace.gain)
    return int(np.argmax(gain))
