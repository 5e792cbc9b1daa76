"""Drop neighbors: what the answer would be if some passages were forgotten."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.dropping import QUESTION, READING, described, moved
from memlab.results import Neighbor, Prediction, SmallestSet
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.explanations.chart import chart, heading
from memlab.ui.explanations.dropped import drop_only, dropped, keep_box, order
from memlab.ui.plain import plain

FIRST, MORE = 7, 28
LEFT, RIGHT = 26, 40  # characters of context in a label
_SHOWN, _SMALLEST = "look.shown", "look.smallest"


def drop(lab: Lab, p: Prediction) -> None:
    """Neighbors to untick, the answer before and after, the smallest set, and a link to forget them for real."""
    heading(QUESTION, READING)
    entries, effect = st.columns([6, 5], gap="medium")
    gone = dropped()
    with entries:
        _boxes(p)
    with effect:
        try:
            after = lab.again(p, without=gone) if gone else p
        except MemlabError as error:
            show_error(error)
            return
        st.markdown(_line(p, after, len(gone)))
        chart(moved(p, after), described(p, after), "drop", caption=False)
        with st.container(horizontal=True):
            st.button(
                "Find the smallest set",
                key="look.smallest.find",
                icon=":material/search:",
                on_click=_find,
                args=(lab, p),
                help="The fewest passages whose forgetting changes the answer.",
            )
            st.button(
                "Keep all",
                key="look.keep.all",
                on_click=drop_only,
                args=((),),
                disabled=not gone,
                icon=":material/undo:",
            )
        _found(lab, p, gone)
        if gone:
            change = {"way": "Forget", "forget": "passages by number", "entries": ", ".join(map(str, gone))}
            link_to("edit", "Forget these for real", {**change, "counted": p.datastore, "about": p.prompt}, "delete")


def _boxes(p: Prediction) -> None:
    shown = st.session_state.get(_SHOWN, FIRST)
    for i in order(p, shown):
        keep_box(p.neighbors[i].entry, _label(p.neighbors[i]))
    rest = len(p.neighbors) - shown
    if rest > 0 and shown == FIRST:
        st.button(f"Show more ({rest} not shown)", key="look.more", on_click=_show_more)
    elif rest > 0:
        st.caption(f"{rest} with less weight are not offered here.")


def _label(n: Neighbor) -> str:
    """The word and its weight first: a long label is cut at its end."""
    context = plain(f"…{n.left[-LEFT:]}{n.value}{n.right[:RIGHT]}…")
    return f"**{plain(n.value)}** `{n.weight:.3f}` {context}"


def _line(before: Prediction, after: Prediction, count: int) -> str:
    a, b = before.mixture[0], after.mixture[0]
    first = f"**{plain(a.token)}** {a.p:.2f}"
    if count == 0:
        return f"{first} with all neighbors"
    change = "" if a.token == b.token else ", **another answer**"
    return f"{first} → **{plain(b.token)}** {b.p:.2f} without {_count(count)}{change}"


def _count(count: int) -> str:
    return "1 passage" if count == 1 else f"{count} passages"


def _find(lab: Lab, p: Prediction) -> None:
    try:
        found = lab.explain.smallest_set(p)
    except MemlabError as error:
        st.session_state[_SMALLEST] = (lab.reports.code(p), error)
        return
    st.session_state[_SMALLEST] = (lab.reports.code(p), found)
    if found.entries:
        drop_only(found.entries)


def _found(lab: Lab, p: Prediction, gone: tuple[int, ...]) -> None:
    """The last search's result, as long as its question and its set are the ones shown."""
    asked, found = st.session_state.get(_SMALLEST, ("", None))
    if asked != lab.reports.code(p):
        return
    if isinstance(found, MemlabError):
        show_error(found)
    elif set(found.entries) in (set(), set(gone)):
        st.caption(plain(sentence(found)))


def sentence(found: SmallestSet) -> str:
    """The result in words, with what is proven."""
    if found.after is None:
        return f"No set of up to {found.tried} neighbors changes the answer {found.answer}. {found.doubt}".strip()
    count = _count(len(found.removed))
    if found.bound == "minimal":
        return f"Smallest set: without {count} the answer is {found.after}. No smaller set does it (proven)."
    return f"Without {count} the answer is {found.after}. A smaller set is not ruled out: {found.doubt}"


def _show_more() -> None:
    st.session_state[_SHOWN] = MORE
