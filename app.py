"""memlab in the browser: navigation, and the controls that every page shares."""

from __future__ import annotations

import streamlit as st

from memlab.bundle import assets
from memlab.ui.app.navigation import GUIDE, all_pages
from memlab.ui.app.session import current_lab, is_open
from memlab.ui.classroom.roles import is_guest
from memlab.ui.guide import introduction

ICON = assets() / "pictures" / "icon.svg"
BAR = 78  # pixels: height of the control bar in a wide window
st.set_page_config(page_title="memlab", page_icon=ICON, layout="wide")

if is_guest():  # a guest of a class sees one page, and none of the controls below
    from memlab.ui.classroom.guest import guest_page

    st.navigation([st.Page(guest_page, title="memlab", default=True)], position="hidden").run()
    st.stop()

st.logo(ICON, size="large")

page = st.navigation(all_pages(), position="top")  # a sidebar of thirty links would come before the page
st.set_page_config(page_title="memlab" if page.url_path == GUIDE else f"{page.title} · memlab")
top = st.empty()

if page.url_path == GUIDE:
    if not is_open():  # keeps the bar's space free while the engine loads
        top.container(height=BAR, border=False)
    introduction()

lab = current_lab()
with top.container():
    from memlab.ui.app.frame import frame

    frame(lab, page.url_path)
page.run()
