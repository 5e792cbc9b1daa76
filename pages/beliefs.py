"""Beliefs: what a model believes about a thing, which beliefs contradict each other, and how a solver repairs them."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.address import unknown_name
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.systems.beliefbank import VIEWS, WITHOUT_A_THING, Desk, choose

through_app()
lab = current_lab()

st.title("Beliefs", anchor=False)
st.markdown(
    "What a model answers about a thing, as a graph. Red beliefs contradict each other: see which rules clash, pin what you know, "
    "let the solver repair the rest, and ask again with the repaired beliefs as context."
)
for problem in unknown_name("belief_view", VIEWS):
    show_error(problem)
about = st.container()
view = st.segmented_control(
    "View",
    list(VIEWS),
    default=next(iter(VIEWS)),
    required=True,
    key="belief_view",
    bind="query-params",
    label_visibility="collapsed",
)
desk: Desk | None = None
with about:
    try:
        desk = choose(lab)
    except MemlabError as error:
        show_error(error)
try:
    if desk is not None:
        VIEWS[view](desk)
    elif view in WITHOUT_A_THING:
        WITHOUT_A_THING[view](lab)
except MemlabError as error:
    show_error(error)
