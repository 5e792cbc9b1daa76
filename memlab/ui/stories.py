"""One-click stories: a card each, with a link to the Ask page that sets everything."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.address import link
from memlab.ui.links import link_to
from memlab.ui.plain import plain

COLUMNS = 3


def story_cards(lab: Lab) -> None:
    """The engine's stories as cards of equal height, and a last card for a question of one's own."""
    with st.grid(COLUMNS, border=True):
        for story in lab.inventory.stories():
            with st.container(height="stretch"):
                st.subheader(plain(story.title), anchor=False)
                st.text(story.text)
                st.space("stretch")
                st.markdown(f"**{plain(story.prompt)}**")
                link_to("ask", "Ask this", link(story.prompt, story.method, story.settings), "play_circle")
        with st.container(height="stretch"):
            st.subheader("Your own question", anchor=False)
            st.text("Any sentence with a gap, or any beginning of one. The address of the page is the link to share.")
            st.space("stretch")
            link_to("ask", "Ask", {}, "play_circle")
