"""Guide: what memlab is, five stories to click, the words, the limits."""

from __future__ import annotations

import streamlit as st

from memlab.bundle import assets
from memlab.errors import MemlabError
from memlab.ui.entry import through_app
from memlab.ui.session import current_lab, show_error
from memlab.ui.stories import story_cards
from memlab.ui.words import LIMITS, WORDS

through_app()
lab = current_lab()

st.title("A language model with a memory", anchor=False)
st.markdown(
    "A language model answers from its weights, and nobody can see where in them a fact is. "
    "memlab puts a memory beside it: every word of a collection of texts, stored with what the model thought there. "
    "You ask, and see what the model alone would say, what the memory says, which passages said it, and how the two "
    "were mixed. Move λ, and watch the answer change."
)
st.image(
    assets() / "pictures" / "idea.svg",
    width="stretch",
    alt="A prompt goes to the model and to its memory; their answers are mixed with the weights 1 − λ and λ.",
)
st.caption("The numbers are those of the fourth story, with λ at 0.75.")

st.header("Five stories", anchor=False)
try:
    story_cards(lab)
except MemlabError as error:
    show_error(error)

words, limits = st.columns([3, 2], gap="large")
with words:
    st.header("Words", anchor=False)
    st.table(WORDS, border="horizontal")
with limits:
    st.header("Limits", anchor=False)
    for limit in LIMITS:
        st.markdown(f"- {limit}")
