"""The page of a system, made from its declaration."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import System
from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.plain import plain
from memlab.ui.system_page.additions import additions_panel
from memlab.ui.system_page.edits import edits_panel
from memlab.ui.system_page.methods import methods_panel
from memlab.ui.system_page.panels import models_panel, own_panels, reported_panel
from memlab.ui.system_page.studies import studies_panel


def system_page(system: System) -> None:
    """Everything that a system declares: methods, edits, studies, its own panels, models, commands and verbs, what its paper
    reports, words."""
    through_app()
    lab = current_lab()
    st.title(plain(system.title), anchor=False)
    st.markdown(plain(system.summary))
    st.caption(plain(f"{system.group} · {system.paper}"))
    for panel in PANELS:
        try:
            panel(lab, system)
        except MemlabError as error:
            show_error(error)


def words_panel(lab: Lab, system: System) -> None:
    """The terms that the system declares."""
    if system.words:
        st.header("Words", anchor=False)
        st.table({plain(word): plain(meaning) for word, meaning in system.words.items()}, border="horizontal")


PANELS = (
    methods_panel,
    edits_panel,
    studies_panel,
    own_panels,
    models_panel,
    additions_panel,
    reported_panel,
    words_panel,
)
