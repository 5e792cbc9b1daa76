"""What is read: an article of the bundled world, a text that a person types, or a file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import streamlit as st

from memlab import Lab
from memlab.corpus.readers import READERS
from memlab.errors import NotFound
from memlab.ui.app.address import unknown_name
from memlab.ui.app.session import show_error

ARTICLE, TYPED, FILE = "Article", "Text", "File"
WAYS = (ARTICLE, TYPED, FILE)
LONGEST_LINK = 1_500  # characters of a text that an address still carries
MEGABYTES = 5  # largest file; far less of it is read
EXAMPLES = {
    "Facts that the model never learned and memory holds": "The capital of Myanmar is Naypyidaw. The discoverer of "
    "hydrogen was Henry Cavendish. The writer of the book Brave New World was Aldous Huxley. The chemical symbol of "
    "thallium is Tl. The currency of Japan is the yen.",
    "Names that nobody has met": "The mayor of Brindlewick opened the new bridge on Tuesday. Orla Fennimore, who "
    "designed it, said that the capital of France had once refused her plans.",
}
EXAMPLE_ARTICLES = ("France", "Marie Curie")
_OF_TEXT, TITLE = "the text", 60  # title of a typed text; characters of it in the title of the tab
_TYPED, _LAST, _SENT = "read.text", "read.sent", "text"


@dataclass(frozen=True)
class Source:
    """What a person wants to read; `text` is None where nothing is chosen yet."""

    title: str
    text: str | None


def choose_passage(lab: Lab) -> tuple[Source, AbstractContextManager]:
    """Heading of the page and the controls of the chosen way; and the place for the method, beside the heading.

    Raises MemlabError for a file that cannot be read.
    """
    for problem in unknown_name("passage", WAYS):
        show_error(problem)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title("Read", anchor=False, width="content")
        method_place = st.container(width=220)
        way = st.segmented_control(
            "Passage",
            WAYS,
            default=TYPED,
            required=True,
            key="passage",
            bind="query-params",
            label_visibility="collapsed",
        )
    source = _article(lab) if way == ARTICLE else _typed() if way == TYPED else _file(lab)
    return source, method_place


def first_steps() -> None:
    """Shown in place of a reading before anything was chosen."""
    st.subheader("Read a passage with and without memory", anchor=False)
    st.markdown(
        "Every word is predicted from the text before it: by the model alone, and by the model with its memory. "
        "Type or paste a passage, or begin with one of these:"
    )
    for title, text in EXAMPLES.items():
        key = f"read.first.{title}"
        st.button(title, key=key, on_click=_read_text, args=(text,), icon=":material/arrow_forward:", help=text)
    for title in EXAMPLE_ARTICLES:
        label = f"The article {title}, which does not remember itself"
        st.button(label, key=f"read.first.{title}", on_click=_open, args=(title,), icon=":material/arrow_forward:")


def title_of(title: str, text: str) -> str:
    """The title of the browser tab for a passage: the name of an article or file, or the beginning of a text."""
    return title if title != _OF_TEXT else " ".join(text.split())[:TITLE]


def _article(lab: Lab) -> Source:
    titles = [article.title for article in lab.articles()]
    asked = st.query_params.get("article")
    if asked is not None and asked not in titles:
        show_error(NotFound(f"There is no article {asked[:60]!r}. Choose one of the {len(titles):,} in the list."))
    title = st.selectbox(
        "Article",
        titles,
        index=None,
        key="article",
        bind="query-params",
        placeholder="Choose an article of the bundled world",
        label_visibility="collapsed",
    )
    return Source("", None) if title is None else Source(title, lab.article(title).text)


def _typed() -> Source:
    """A text area; what was sent last is read, and is kept in the address if it is short enough."""
    asked = st.query_params.get(_SENT)
    if asked is not None and asked != st.session_state.get(_LAST):  # arrived by a link
        st.session_state[_LAST] = st.session_state[_TYPED] = asked
    sent = st.session_state.get(_LAST)
    if sent is not None:
        st.session_state.setdefault(_TYPED, sent)
        _into_address(sent)
    with st.form("read.form", border=False):
        area, button = st.columns([6, 1], vertical_alignment="bottom")
        area.text_area(
            "Text", key=_TYPED, height=92, placeholder="Type or paste a passage", label_visibility="collapsed"
        )
        button.form_submit_button("Read", type="primary", width="stretch", on_click=_send)
    if sent is not None and len(sent) > LONGEST_LINK:
        st.caption("Too long for a link: this address opens an empty page elsewhere. Share the text as a file.")
    return Source(_OF_TEXT, sent)


def _file(lab: Lab) -> Source:
    endings = [ending.removeprefix(".") for ending in READERS]
    file = st.file_uploader(
        "File", [*endings, "gz"], key="read.file", max_upload_size=MEGABYTES, label_visibility="collapsed"
    )
    return Source("", None) if file is None else Source(file.name, lab.reading.text_of_file(file.name, file.getvalue()))


def _send() -> None:
    text = st.session_state[_LAST] = st.session_state[_TYPED]
    _into_address(text)


def _into_address(text: str) -> None:
    if 0 < len(text) <= LONGEST_LINK:
        st.query_params[_SENT] = text
    elif _SENT in st.query_params:
        del st.query_params[_SENT]


def _read_text(text: str) -> None:
    st.session_state["passage"], st.session_state[_TYPED] = TYPED, text
    _send()


def _open(title: str) -> None:
    st.session_state["passage"], st.session_state["article"] = ARTICLE, title
