"""What every page calls first."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from memlab.ui.classroom.roles import is_guest, not_for_guests


def through_app() -> None:
    """Let app.py run before the page when a server's very first visitor arrives by a link to that page.

    Until app.py has called `st.navigation` once, Streamlit takes the folder `pages` for a navigation of its
    own and runs the page alone: the links and the shared controls would be missing.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    if is_guest():  # guests have no navigation to any page; checked again here, however they got here
        not_for_guests()
