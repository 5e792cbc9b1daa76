"""How the prompt was tokenized, what was searched, how long it took."""

from __future__ import annotations

from html import escape

import streamlit as st

from memlab.figures.theme import visible
from memlab.results import Prediction, PromptToken
from memlab.ui.plain import plain


def details(p: Prediction) -> None:
    """One line, and the tokens on demand."""
    st.caption(plain(summary(p)))
    with st.expander(f"How the model read the prompt: {len(p.prompt_tokens)} tokens", icon=":material/token:"):
        st.html(tokens(p.prompt_tokens))
        st.caption("A dashed box named unknown: the bundled model never saw this token in training.")


def summary(p: Prediction) -> str:
    """Search and timings in one plain line."""
    where = f" (articles: {', '.join(p.articles)})" if p.articles else ""
    t = p.timings
    searched = f"Compared {p.searched:,} of {p.entries:,} entries of {p.datastore}{where} · " if p.datastore else ""
    return (
        f"{searched}encode {t.encode:.1f} ms · search {t.search:.1f} ms · mix {t.mix:.1f} ms · total {t.total:.1f} ms"
    )


def tokens(read: tuple[PromptToken, ...]) -> str:
    """HTML of the prompt's tokens in boxes, unknown ones dashed and named."""
    return f"<div style='line-height:2.3'>{' '.join(_box(token) for token in read)}</div>"


def _box(token: PromptToken) -> str:
    unknown = token.known is False
    line = "2px dashed rgba(214, 64, 64, 0.95)" if unknown else "1px solid rgba(128, 136, 150, 0.6)"
    note = " <small>unknown</small>" if unknown else ""
    return f"<span style='border:{line};border-radius:0.3em;padding:0.1em 0.4em'>{escape(visible(token.text))}{note}</span>"
