"""All systems by group; those that cannot be used, with the reason."""

from __future__ import annotations

import streamlit as st

from memlab.ui.app.entry import through_app
from memlab.ui.app.links import link_to
from memlab.ui.app.navigation import address_of
from memlab.ui.app.session import current_lab
from memlab.ui.plain import plain

through_app()
lab = current_lab()
registry = lab.systems()

st.title("Systems", anchor=False)
st.markdown(
    "A system implements what a paper or lecture describes: ways to answer, edits, studies, models. Each has a page that is "
    "made from its declaration; its methods are offered wherever they fit."
)
for group in dict.fromkeys(system.group for system in registry.systems.values()):
    st.header(plain(group), anchor=False)
    for system in registry.systems.values():
        if system.group != group:
            continue
        with st.container(border=True):
            st.subheader(plain(system.title), anchor=False)
            st.markdown(plain(system.summary))
            st.caption(plain(system.paper))
            counted = (
                (len(system.methods), "method", "methods"),
                (len(system.studies), "study", "studies"),
                (len(system.edits), "kind of edit", "kinds of edits"),
                (len(system.recipes), "recipe for a model", "recipes for models"),
            )
            offers = [f"{n} {one if n == 1 else several}" for n, one, several in counted if n]
            with st.container(horizontal=True, vertical_alignment="center"):
                link_to(address_of(system), "Open", {}, "arrow_forward")
                st.caption(" · ".join(offers))

if registry.unavailable:
    st.header("Cannot be used", anchor=False)
    for broken in registry.unavailable:
        st.error(plain(f"{broken.name}: {broken.reason}"), icon=":material/block:")
