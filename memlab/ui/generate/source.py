"""Where a passage stands: its article on demand, with the words marked."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import CopiedSpan, Generation, Neighbor
from memlab.ui.article import marked
from memlab.ui.origin import number, origin
from memlab.ui.plain import plain
from memlab.ui.session import show_error
from memlab.ui.small_form import unfolded


def source(lab: Lab, g: Generation, label: str, key: str, place: Neighbor | CopiedSpan) -> None:
    """A button; opened, it shows the article as it was when the text was generated."""
    box = unfolded(plain(label), key, "article")
    if box is None:
        return
    with box:
        try:
            name = place.document if number(place.source) is None else place.source
            text = lab.article(name, g.datastore, g.as_of).text
        except MemlabError as error:
            show_error(error)
            return
        st.markdown(f"**{plain(origin(place.source, place.document))}**")
        st.html(marked(text, place.start, place.end))
