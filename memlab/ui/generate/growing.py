"""The text while it is generated, where its strip will stand and in the strip's letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from memlab.figures.generated import growing_text
from memlab.figures.theme import MIXTURE
from memlab.ui.highlight import side_heading
from memlab.ui.plain import plain

_SAID = re.compile(r"(\d+ of \d+ tokens)(?:: (.*))?", re.DOTALL)


@contextmanager
def growing(prompt: str | None) -> Iterator[Callable[[str], None]]:
    """A function that shows what the progress of a generation says; its place is cleared at the end.

    What it is given reads "3 of 20 tokens: the text so far"; without a text (a memory is being built) it is a line of its own.
    """
    whole = st.empty()
    with whole.container():
        left, _ = st.columns(2, gap="large")
        with left:
            st.html(side_heading("Mixture", MIXTURE))
            strip, count = st.empty(), st.empty()

    def grown(message: str) -> None:
        found = _SAID.fullmatch(message)
        strip.html(growing_text(prompt or "", found[2] or "" if found else ""))
        count.caption(plain(found[1] if found else message))

    grown("")
    try:
        yield grown
    finally:
        whole.empty()
