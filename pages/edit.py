"""Edit memory: teach, correct and forget, with a preview before anything changes."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.address import unknown_name
from memlab.ui.commit import preview_or_result
from memlab.ui.edit_forms import correct, forget, teach
from memlab.ui.entry import through_app
from memlab.ui.find import find
from memlab.ui.session import current_lab, show_error
from memlab.ui.sharing import may_edit

WAYS = {
    "Teach": (teach, "Type a sentence, for example **The capital of Wakanda is Birnin.**"),
    "Correct": (correct, "Choose a fact, and type the object that should stand in its place."),
    "Forget": (forget, "Choose what to forget."),
    "Find": (find, "Search the texts behind memory, and tick the places to forget."),
}

through_app()
lab = current_lab()

st.title("Edit memory", anchor=False)
st.markdown(
    "The model stays as it is; only its memory changes, from the next question on. "
    "You see first what an edit would do, and every edit can be undone."
)
if not may_edit(lab):
    st.info("This workspace was shared to look at. Make a copy of your own to edit it.", icon=":material/visibility:")
    st.stop()
for problem in unknown_name("way", WAYS):
    show_error(problem)
way = st.segmented_control(
    "What to do",
    list(WAYS),
    default="Teach",
    required=True,
    key="way",
    bind="query-params",
    label_visibility="collapsed",
)
form, first_step = WAYS[way]
try:
    change = form(lab)
    if change is None:
        st.info(f"{first_step} Then a preview shows what would change.", icon=":material/visibility:")
    else:
        preview_or_result(lab, change)
except MemlabError as error:
    show_error(error)
