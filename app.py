"""memlab in the browser: navigation, and the controls that hold on every page."""

from __future__ import annotations

import streamlit as st

from memlab.bundle import assets
from memlab.ui.address import follow
from memlab.ui.building import building
from memlab.ui.everywhere import model_and_workspace
from memlab.ui.session import current_lab

ICON = assets() / "pictures" / "icon.svg"
st.set_page_config(page_title="memlab", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")

page = st.navigation(
    [
        st.Page(
            "pages/guide.py",
            title="Guide",
            icon=":material/menu_book:",
            default=True,
            help="What memlab is, five stories to click, the words, the limits.",
        ),
        st.Page(
            "pages/ask.py",
            title="Ask",
            icon=":material/forum:",
            help="One prompt through model, memory and mixture, with the passages that spoke.",
        ),
        st.Page(
            "pages/edit.py",
            title="Edit memory",
            icon=":material/edit_note:",
            help="Teach, correct, forget: a preview first, and every edit can be undone.",
        ),
        st.Page(
            "pages/history.py",
            title="History",
            icon=":material/history:",
            help="Every edit of the workspace: what it did, undo and redo, whether the record is whole.",
        ),
    ]
)

lab = current_lab()
follow(lab, page.url_path)
model_and_workspace(lab)
with st.sidebar:
    building(lab)

page.run()
