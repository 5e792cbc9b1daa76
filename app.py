"""memlab in the browser: navigation, and the controls that hold on every page."""

from __future__ import annotations

import streamlit as st

from memlab.bundle import assets
from memlab.ui.address import follow
from memlab.ui.bar import control_bar
from memlab.ui.classroom.roles import is_guest
from memlab.ui.navigation import all_pages, leave_behind
from memlab.ui.session import current_lab
from memlab.ui.sharing import arrive, banner

ICON = assets() / "pictures" / "icon.svg"
st.set_page_config(page_title="memlab", page_icon=ICON, layout="wide")

if is_guest():  # of a class: one page, and none of the controls below
    from memlab.ui.classroom.guest import guest_page

    st.navigation([st.Page(guest_page, title="memlab", default=True)], position="hidden").run()
    st.stop()

st.logo(ICON, size="large")

page = st.navigation(all_pages(), position="top")  # a sidebar of thirty links would stand before the page

lab = current_lab()
arrive(lab)
follow(lab, page.url_path)
leave_behind(lab.workspace)
control_bar(lab, page.url_path)
banner(lab)
page.run()
