"""Look closer: views of an answer, one at a time; nothing is computed before one is opened."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Prediction
from memlab.ui.address import unknown_name
from memlab.ui.look.drop import drop
from memlab.ui.look.health import health
from memlab.ui.look.keymap import keymap
from memlab.ui.look.layers import layers
from memlab.ui.look.sweep import sweep
from memlab.ui.look.why import why
from memlab.ui.session import show_error

PANELS: dict[str, Callable[[Lab, Prediction], None]] = {
    "Drop neighbors": drop,
    "Why retrieved": why,
    "Layers": layers,
    "Map": keymap,
    "Sweep": sweep,
    "Key health": health,
}
HEIGHT = 700  # pixels that every view has at least, so that the page does not jump between them


@st.fragment
def look_closer(lab: Lab, p: Prediction) -> None:
    """A heading, the choice (kept in the address), and the view."""
    st.subheader("Look closer", anchor=False)
    for problem in unknown_name("panel", PANELS):
        show_error(problem)
    chosen = st.segmented_control(
        "View", list(PANELS), key="panel", bind="query-params", label_visibility="collapsed", wrap=True
    )
    if chosen is None:
        st.caption("Choose a view: what if a passage were forgotten, why it was found, where the answer tips.")
        return
    with st.container(horizontal=True, wrap=False, gap=None):
        view, strut = st.container(), st.container(width=1)
        strut.space(HEIGHT)
    with view:
        try:
            PANELS[chosen](lab, p)
        except MemlabError as error:
            show_error(error)
