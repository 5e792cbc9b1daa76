"""The text while it is generated, in the place and type of its later strip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from memlab.figures.generated import html_of_text_so_far
from memlab.figures.theme import MIXTURE
from memlab.ui.highlight import side_heading
from memlab.ui.plain import plain

_MESSAGE = re.compile(r"(\d+ of \d+ tokens)(?:: (.*))?", re.DOTALL)


@contextmanager
def text_so_far(prompt: str | None) -> Iterator[Callable[[str], None]]:
    """Yields a function that shows the progress messages of a generation; clears its place at the end.

    A message reads "3 of 20 tokens: the text so far"; any other (a memory is being built) gets a line of its own.
    """
    whole = st.empty()
    with whole.container():
        left, _ = st.columns(2, gap="large")
        with left:
            st.html(side_heading("Mixture", MIXTURE))
            strip, count = st.empty(), st.empty()

    def grown(message: str) -> None:
        found = _MESSAGE.fullmatch(message)
        strip.html(html_of_text_so_far(prompt or "", found[2] or "" if found else ""))
        count.caption(plain(found[1] if found else message))

    grown("")
    try:
        yield grown
    finally:
        whole.empty()
