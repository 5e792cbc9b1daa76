"""Guide: five stories to click, the words, the limits. app.py draws the part above: `memlab.ui.guide.introduction`."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.links import link_to
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.guide import LIMITS, WORDS, story_cards
from memlab.ui.plain import plain

through_app()
lab = current_lab()
st.header("Five stories", anchor=False)
try:
    story_cards(lab)
except MemlabError as error:
    show_error(error)

systems = lab.systems()
st.header("Systems", anchor=False)
listed = ", ".join(system.title for system in systems.systems.values())
st.markdown(plain(f"memlab has {listed}. Each has a page with its methods, studies and what its paper reports."))
link_to("systems", "All systems", {}, "apps")
for broken in systems.unavailable:
    st.warning(plain(f"The system {broken.name} cannot be used: {broken.reason}"), icon=":material/block:")

words, limits = st.columns([3, 2], gap="large")
with words:
    st.header("Words", anchor=False)
    st.table(WORDS, border="horizontal")
    for system in systems.systems.values():
        if system.words:
            box = st.expander(plain(f"Words of {system.title}"), key=f"guide.words.{system.name}", on_change="rerun")
            if box.open:  # drawn only when open: a table takes longer than the rest of the page
                with box:
                    meanings = {plain(word): plain(meaning) for word, meaning in system.words.items()}
                    st.table(meanings, border="horizontal")
with limits:
    st.header("Limits", anchor=False)
    for limit in LIMITS:
        st.markdown(f"- {limit}")
