"""Modify weights: facts trained into a model under a constraint, what else moved, and the same edit in memory."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.app.sharing import editors_only
from memlab.ui.fields import one_of
from memlab.ui.systems.constrained_ft import modify_view, sweep_view
from memlab.ui.systems.constrained_ft_compare import compare_view

VIEWS = {"Modify": modify_view, "Sweep": sweep_view, "Compare": compare_view}

through_app()
lab = current_lab()

st.title("Modify weights", anchor=False)
st.markdown(
    "Choose facts that a model knows, give them new objects, and train them into its weights while no weight moves further "
    "than δ. The page shows what was learned and what else broke, and can undo it."
)
editors_only(lab)
view = one_of("View", VIEWS, "view")
try:
    VIEWS[view](lab)
except MemlabError as error:
    show_error(error)
