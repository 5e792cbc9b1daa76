"""Models: what there is, what each can do here, and a first question for it."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.entry import through_app
from memlab.ui.links import link_to
from memlab.ui.model_card import model_card
from memlab.ui.session import current_lab, show_error

through_app()
lab = current_lab()

st.title("Models", anchor=False)
st.markdown(
    "A **masked** model fills a gap, a **causal** one continues a text. What a model can do here follows from its kind "
    "and from what the methods declare. Models of your own appear once they have made a memory or were trained here."
)
try:
    for model in lab.models():
        model_card(lab, model)
except MemlabError as error:
    show_error(error)
link_to("memories", "Build a memory with a model of your own", {}, "database")
