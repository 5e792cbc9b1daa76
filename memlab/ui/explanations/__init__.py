"""Look closer: views of an answer, one at a time; nothing is computed before one is opened."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Prediction
from memlab.ui.app.address import unknown_name
from memlab.ui.app.keyboard import BEFORE, LOOK, NEXT
from memlab.ui.app.session import show_error
from memlab.ui.explanations.available import why_not
from memlab.ui.explanations.drop import drop
from memlab.ui.explanations.for_report import note_opened
from memlab.ui.explanations.health import health
from memlab.ui.explanations.key_map import key_map
from memlab.ui.explanations.layers import layers
from memlab.ui.explanations.retrieval import why
from memlab.ui.explanations.sweep import sweep
from memlab.ui.plain import plain

PANELS: dict[str, Callable[[Lab, Prediction], None]] = {
    "Drop neighbors": drop,
    "Why retrieved": why,
    "Layers": layers,
    "Map": key_map,
    "Sweep": sweep,
    "Key health": health,
}
_GO = "look.goes"
_SCROLL = """<script>
  const heading = document.getElementById('look-closer');
  heading.style.scrollMarginTop = '5rem'; // below the bar at the top
  heading.scrollIntoView({block: 'start'});
</script>"""
HEIGHT = 700  # pixels that every view takes at least, so that the page does not jump between views


@st.fragment
def look_closer(lab: Lab, p: Prediction) -> None:
    """A heading, the choice (kept in the address), and the view."""
    _heading()
    for problem in unknown_name("panel", PANELS, "view"):
        show_error(problem)
    chosen = st.segmented_control(
        "View", list(PANELS), key="panel", bind="query-params", label_visibility="collapsed", wrap=True
    )
    if chosen is None:
        note_opened()
        st.caption("Choose a view: what if a passage were forgotten, why it was found, where the answer tips.")
        return
    with st.container(horizontal=True, wrap=False, gap=None):
        view, strut = st.container(), st.container(width=1)
        strut.space(HEIGHT)
    with view:
        reason = why_not(lab.methods()[p.method], chosen)
        if reason is not None:
            st.info(plain(reason), icon=":material/block:")
        else:
            try:
                PANELS[chosen](lab, p)
            except MemlabError as error:
                show_error(error)
    note_opened()


def _heading() -> None:
    """The heading, with buttons that have keyboard shortcuts; the one that leads here scrolls to it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Look closer", anchor=False, width="content")
        st.button(
            "Go",
            key="look.go",
            icon=":material/center_focus_strong:",
            type="tertiary",
            shortcut=LOOK,
            on_click=_go,
            help="Go to the views",
        )
        st.button(
            "Before",
            key="look.before",
            icon=":material/chevron_left:",
            type="tertiary",
            shortcut=BEFORE,
            on_click=_turn,
            args=(-1,),
        )
        st.button(
            "Next",
            key="look.next",
            icon=":material/chevron_right:",
            type="tertiary",
            shortcut=NEXT,
            on_click=_turn,
            args=(1,),
        )
        if st.session_state.pop(_GO, False):
            st.html(_SCROLL, unsafe_allow_javascript=True)


def _go() -> None:
    st.session_state[_GO] = True
    if st.session_state.get("panel") is None:
        _turn(1)


def _turn(by: int) -> None:
    """Switches to the next view or the previous one, cyclically."""
    names = list(PANELS)
    now = st.session_state.get("panel")
    at = names.index(now) + by if now in names else min(0, by)
    st.session_state["panel"] = names[at % len(names)]
