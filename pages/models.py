"""Models: the models there are, what each can do here, a first question for each; adding and removing."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.links import link_to
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.library.model_card import model_card
from memlab.ui.library.models import add_model
from memlab.ui.small_form import what_was_done

through_app()
lab = current_lab()

st.title("Models", anchor=False)
st.markdown(
    "A **masked** model fills a gap, a **causal** one continues a text. What a model can do here follows from its kind "
    "and from what the methods declare. Models that you add, train, or make a memory with are listed with the bundled ones."
)
what_was_done()
add_model(lab)
try:
    for model in lab.models():
        model_card(lab, model)
except MemlabError as error:
    show_error(error)
link_to("memories", "Build a memory with one of these models", {}, "database")
