"""Edit memory: teach, correct and forget, with a preview before anything changes."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.app.sharing import editors_only
from memlab.ui.edit.commit import preview_or_result
from memlab.ui.edit.find import find
from memlab.ui.edit.forms import correct, forget, teach
from memlab.ui.fields import one_of

WAYS = {
    "Teach": (teach, "Type a sentence, for example **The capital of Wakanda is Birnin.**"),
    "Correct": (correct, "Choose a fact, and type its new object."),
    "Forget": (forget, "Choose what to forget."),
    "Find": (find, "Search the texts behind the memory, and tick the places to forget."),
}

through_app()
lab = current_lab()

st.title("Edit memory", anchor=False)
st.markdown(
    "The model stays as it is; only its memory changes, from the next question on. "
    "You see first what an edit would do, and every edit can be undone."
)
editors_only(lab)
way = one_of("What to do", WAYS, "way")
form, first_step = WAYS[way]
try:
    change = form(lab)
    if change is None:
        st.info(f"{first_step} Then a preview shows what would change.", icon=":material/visibility:")
    else:
        preview_or_result(lab, change)
except MemlabError as error:
    show_error(error)
