"""Where a passage comes from, and its article with the sentence highlighted and the value marked."""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Neighbor, Prediction
from memlab.ui.app.address import open_source
from memlab.ui.app.session import show_error
from memlab.ui.highlight import forgotten, passage, remembered
from memlab.ui.plain import plain

# The end of a sentence or paragraph; no sentence ends after an initial or a short title such as "St.".
_END = re.compile(r"(?<!\b[A-Z])(?<!\bSt)(?<!\bMt)(?<!\bDr)(?<!\bMr)[.!?][\"')\]]*\s+|\n\s*\n")


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The character span of the sentence that holds `text[start:end]`, without surrounding blanks."""
    first = max((m.end() for m in _END.finditer(text, 0, start)), default=0)
    found = _END.search(text, end)
    last = found.end() if found else len(text)
    return first, first + len(text[first:last].rstrip())


def article_panel(lab: Lab, p: Prediction, neighbor: Neighbor) -> None:
    """The article as it was when the question was asked, in a frame of its own, with a button that closes it."""
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            title = origin(neighbor.source, neighbor.document)
            st.subheader(plain(title), anchor=False, width="content")
            st.button("Close", key="ask.close", icon=":material/close:", on_click=open_source, args=(None,))
        try:
            name = neighbor.document if number(neighbor.source) is None else neighbor.source
            text = lab.article(name, p.datastore, p.as_of).text
        except MemlabError as error:
            show_error(error)
            return
        st.html(marked(text, neighbor.start, neighbor.end))


def marked(text: str, start: int, end: int) -> str:
    """HTML of `text` with `text[start:end]` marked and its sentence highlighted."""
    first, last = sentence_around(text, start, end)
    sentence = f"{escape(text[first:start])}{remembered(text[start:end], strong=True)}{escape(text[end:last])}"
    return (
        "<div style='white-space:pre-wrap;line-height:1.55;overflow-wrap:anywhere'>"
        f"{forgotten(escape(text[:first]))}{passage(forgotten(sentence))}{forgotten(escape(text[last:]))}</div>"
    )


_EDIT = re.compile(r"edit:(\d+)")


def number(source: str) -> int | None:
    """The edit that a source of taught text names; None for a text of the collection."""
    found = _EDIT.fullmatch(source)
    return int(found[1]) if found else None


def origin(source: str, title: str) -> str:
    """The title of the article, or the edit."""
    seq = number(source)
    return title if seq is None else f"Taught in edit {seq}"
