"""The remembered passages behind the memory's answer."""

from __future__ import annotations

from contextlib import nullcontext
from html import escape

import streamlit as st

from memlab.figures.mixing import weight_name
from memlab.figures.theme import MEMORY, tint
from memlab.results import Neighbor, Prediction
from memlab.results.cause import FORGET
from memlab.ui.app.address import open_source, opened_source
from memlab.ui.article import origin
from memlab.ui.explanations.dropped import drop_only
from memlab.ui.fix import choose_way
from memlab.ui.highlight import forgotten, remembered
from memlab.ui.plain import plain

FIX = "ask.fix"  # the panel that repairs the answer
_SHOWN = "ask.shown"
FIRST = 6
MOST = 96  # more rows than anybody reads; all of them are in the CSV


def start_over() -> None:
    """A new prompt: the short list, no opened source, nothing dropped."""
    st.session_state[_SHOWN] = FIRST
    open_source(None)
    drop_only(())


def neighbor_list(p: Prediction, wide: bool, forgets: bool = False) -> None:
    """The nearest entries in context, each with a button to its article: beside it if `wide`, else below.

    `forgets`: also with a button that offers to forget it.
    """
    shown = st.session_state.get(_SHOWN, FIRST)
    heaviest = max((n.weight for n in p.neighbors), default=1.0)
    for neighbor in p.neighbors[:shown]:
        with nullcontext() if wide else st.container(border=True):
            passage, source = (
                st.columns([4, 1], vertical_alignment="center", gap="small")
                if wide
                else (st.container(), st.container())
            )
            passage.html(row(neighbor, heaviest, weight_name(p)))
            source.button(
                plain(origin(neighbor.source, neighbor.document)),
                key=f"ask.open.{neighbor.entry}",
                icon=":material/article:",
                type="primary" if neighbor.entry == opened_source() else "secondary",
                help="Open the text with this sentence marked",
                width="stretch" if wide else "content",
                on_click=open_source,
                args=(neighbor.entry,),
            )
            if forgets:
                source.button(
                    "Forget …",
                    key=f"ask.forget.{neighbor.entry}",
                    icon=":material/delete:",
                    type="tertiary",
                    help="Shows what changes without this passage; nothing is forgotten before you apply it",
                    on_click=choose_way,
                    args=(FIX, FORGET, neighbor.entry),
                )
    rest = len(p.neighbors) - shown
    if rest > 0 and shown < MOST:
        st.button(f"Show more ({rest} not shown)", key="ask.more", on_click=_more, args=(shown,))
    elif rest > 0:
        st.caption(f"The first {shown} of {len(p.neighbors)} neighbors; the CSV holds all.")


def row(n: Neighbor, heaviest: float, weight: str = "weight") -> str:
    """HTML of one neighbor: the passage with the remembered word marked, a weight bar, the numbers."""
    bar = 100 * n.weight / heaviest if heaviest > 0 else 0
    return (
        f"<div style='overflow-wrap:anywhere'>{forgotten(escape(n.left))}{remembered(n.value)}{forgotten(escape(n.right))}</div>"
        "<div style='display:flex;gap:0.7rem;align-items:center;font-size:0.85rem'>"
        f"<div style='flex:0 0 9rem;height:0.6rem;border-radius:0.3rem;background:{tint(MEMORY, 0.2)}'>"
        f"<div style='height:100%;width:{bar:.1f}%;border-radius:0.3rem;background:{MEMORY}'></div></div>"
        f"<div style='opacity:0.85'>{weight} {n.weight:.3f} · distance {n.distance:.3f}</div></div>"
    )


def _more(shown: int) -> None:
    st.session_state[_SHOWN] = min(3 * shown, MOST)
