"""One-click stories: a card each, with a link to the Ask page that sets everything."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from memlab import Lab
from memlab.bundle import bundle
from memlab.ui.address import link
from memlab.ui.plain import plain

COLUMNS = 3


def story_cards(lab: Lab) -> None:
    """The engine's stories as cards of equal height, and a last card for a question of one's own."""
    with st.grid(COLUMNS, border=True):
        for story in lab.stories():
            with st.container(height="stretch"):
                st.subheader(plain(story.title), anchor=False)
                st.text(story.text)
                st.space("stretch")
                st.markdown(f"**{plain(story.prompt)}**")
                _link_to_ask("Ask this", link(story.prompt, story.method, story.settings))
        with st.container(height="stretch"):
            st.subheader("Your own question", anchor=False)
            st.text("Any sentence with a gap, or any beginning of one. The address of the page is the link to share.")
            st.space("stretch")
            _link_to_ask("Ask", {})


def _link_to_ask(label: str, parameters: dict[str, str]) -> None:
    """A link within the app; a plain one where the page runs by itself, without the app's navigation."""
    try:
        page = bundle() / "pages" / "ask.py"
        st.page_link(page, label=label, icon=":material/play_circle:", query_params=parameters)
    except StreamlitPageNotFoundError:
        st.link_button(label, f"ask?{urlencode(parameters)}", icon=":material/play_circle:")
