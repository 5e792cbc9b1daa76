"""The strip of tokens of a passage, and which token is selected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from memlab.errors import InputError
from memlab.figures.strip import SURPRISE, Coloring, colorings, legend, strip
from memlab.figures.theme import MEMORY, MODEL
from memlab.results import Trace
from memlab.ui.app.address import unknown_name
from memlab.ui.app.session import show_error

BLOCK = 250  # tokens of the strip at a time
_KEY = "read.strip"
_HERE = Path(__file__).parent
_STRIP = st.components.v2.component(
    "memlab_strip",
    html='<div class="strip" role="listbox" aria-orientation="horizontal"></div>',
    css=(_HERE / "strip.css").read_text("utf-8"),
    js=(_HERE / "strip.js").read_text("utf-8"),
)
TOKEN = "token"
_OF = "read.token.of"


def token_strip(trace: Trace, picked: int) -> None:
    """The block of tokens around the selected one, colored as chosen, the selected one framed."""
    offered = colorings(trace)
    coloring, memory = _controls(trace, offered)
    blocks = -(-len(trace) // BLOCK)
    part = picked // BLOCK
    first, last = part * BLOCK, min((part + 1) * BLOCK, len(trace))
    _STRIP(
        key=_KEY,
        data={
            "html": strip(trace, coloring, first, last, memory),
            "label": f"Tokens {first} to {last - 1} of the passage, colored by: {offered[coloring].label}",
            "picked": picked,
            "colors": {"memory": _rgb(MEMORY), "model": _rgb(MODEL), "surprise": _rgb(SURPRISE)},
        },
        on_picked_change=_picked,
    )
    st.html(legend(trace, coloring))
    if blocks > 1:
        _blocks(trace, part, blocks)


def _controls(trace: Trace, offered: dict[str, Coloring]) -> tuple[str, bool]:
    for problem in unknown_name("color", offered):
        show_error(problem)
    if st.session_state.get("color") not in (None, *offered):  # another method has other colorings
        st.session_state["color"] = next(iter(offered))
    with st.container(horizontal=True, vertical_alignment="center"):
        coloring = st.segmented_control(
            "Color by",
            list(offered),
            default=next(iter(offered)),
            required=True,
            key="color",
            bind="query-params",
            label_visibility="collapsed",
        )
        memory = trace.arrays.entries.shape[1] > 0 and st.toggle(
            "Show what memory would say",
            value=True,
            key="says",
            bind="query-params",
            help="Under each token the first four remembered tokens, nearest first; ✓ marks those that are right.",
        )
    return coloring, memory


def _blocks(trace: Trace, part: int, blocks: int) -> None:
    """Buttons for the blocks of the passage, and which tokens are shown."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state["read.page"] = part + 1
        st.pagination(blocks, key="read.page", on_change=_other_block)
        first = part * BLOCK
        st.caption(f"Tokens {first:,} to {min(first + BLOCK, len(trace)) - 1:,} of {len(trace):,}")


def _other_block() -> None:
    """Selects the first token of another block, so that the details belong to what is shown."""
    pick((st.session_state["read.page"] - 1) * BLOCK)


def _picked() -> None:
    token = st.session_state[_KEY].picked
    if token is not None:
        pick(int(token))


def _rgb(color: str) -> str:
    return " ".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))


def pick(token: int) -> None:
    """Selects a token; call it before the control for its number is drawn."""
    st.session_state[TOKEN] = token


def choose_token(trace: Trace) -> int:
    """The number of the selected token, with buttons for the most helped (the default) and the most harmed one."""
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
            help="Position in the passage, from 0. Click a token, or move to it with the arrow keys and press Enter.",
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
