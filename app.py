"""memlab in the browser: navigation, and the controls that hold on every page."""

from __future__ import annotations

import streamlit as st

from memlab.bundle import assets
from memlab.ui.address import follow
from memlab.ui.everywhere import model_and_workspace
from memlab.ui.jobs import jobs_panel
from memlab.ui.session import current_lab
from memlab.ui.sharing import arrive, banner

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
            "pages/batch.py",
            title="Batch",
            icon=":material/table_rows:",
            help="Many prompts in one table, each row a link to its answer.",
        ),
        st.Page(
            "pages/read.py",
            title="Read",
            icon=":material/auto_stories:",
            help="A passage token by token: what memory brings to every word, and who said it.",
        ),
        st.Page(
            "pages/generate.py",
            title="Generate",
            icon=":material/account_tree:",
            help="A prompt continued with memory and without: every step with its split, other tokens as branches.",
        ),
        st.Page(
            "pages/edit.py",
            title="Edit memory",
            icon=":material/edit_note:",
            help="Teach, correct, forget: a preview first, and every edit can be undone.",
        ),
        st.Page("pages/modify.py", title="Modify weights", icon=":material/tune:", help="Train facts into a model."),
        st.Page(
            "pages/history.py",
            title="History",
            icon=":material/history:",
            help="Every edit of the workspace: what it did, undo and redo, whether the record is whole.",
        ),
        st.Page(
            "pages/memories.py",
            title="Memories",
            icon=":material/database:",
            help="The datastores there are, and building one from your own texts.",
        ),
        st.Page(
            "pages/workspaces.py",
            title="Workspaces",
            icon=":material/workspaces:",
            help="Make, rename, copy, delete, export and import workspaces.",
        ),
        st.Page(
            "pages/lessons.py",
            title="Lessons",
            icon=":material/school:",
            help="Ordered views with notes: four are bundled, others you make.",
        ),
        st.Page(
            "pages/present.py",
            title="Present",
            icon=":material/slideshow:",
            help="A question or a lesson, step by step in large type.",
        ),
    ],
    expanded=True,
)

lab = current_lab()
arrive(lab)
follow(lab, page.url_path)
model_and_workspace(lab)
with st.sidebar:
    jobs_panel(lab)

banner(lab)
page.run()
