"""What an edit forgets and remembers, as a table and marked words."""

from __future__ import annotations

from html import escape

import streamlit as st

from memlab import Lab
from memlab.results import Article, Edit, Source
from memlab.ui.article import origin, sentence_around
from memlab.ui.highlight import passage
from memlab.ui.plain import plain

MOST = 50  # rows; more is a count
TALL = 5  # rows seen at once; the others scroll


def contents(lab: Lab, edit: Edit, datastore: str | None = None) -> None:
    """A table of what is forgotten, then what is remembered; says so where there is neither."""
    tense = "would" if edit.dry_run else "did"
    if edit.sources:
        st.markdown(f"**{'Will be forgotten' if edit.dry_run else 'Forgotten'}: {_count(len(edit.sources))}**")
        texts = {article.id: article for article in lab.articles(datastore)}
        rows = [_row(source, texts) for source in edit.sources[:MOST]]
        st.dataframe(rows, hide_index=True, width="stretch", height="auto" if len(rows) <= TALL else 36 * (TALL + 1))
        if len(edit.sources) > MOST:
            st.caption(f"The first {MOST} of {len(edit.sources)}.")
    if edit.remembers:
        st.markdown(f"**{'Will be remembered' if edit.dry_run else 'Remembered'}**")
        words = "&ensp;".join(passage(escape(text)) for text in edit.remembers[:MOST])
        st.html(f"<div style='line-height:1.8;overflow-wrap:anywhere'>{words}</div>")
        if len(edit.remembers) > MOST:
            st.caption(f"The first {MOST} of {len(edit.remembers)}.")
    for notice in edit.notices:
        st.caption(plain(notice))
    if not edit.sources and not edit.remembers:
        st.caption(f"This step {tense} neither forget nor teach anything by itself.")


def _count(places: int) -> str:
    return "1 place" if places == 1 else f"{places:,} places"


def _row(source: Source, texts: dict[str, Article]) -> dict[str, str]:
    """Text, document, and the sentence around it."""
    article = texts.get(source.document)
    title = origin(source.document, article.title if article else source.document)
    if article is None:
        return {"text": source.text, "document": title, "sentence": ""}
    if source.start == 0 and source.end == len(article.text):
        return {"text": "the whole document", "document": title, "sentence": f"{source.end:,} characters"}
    first, last = sentence_around(article.text, source.start, source.end)
    return {"text": source.text, "document": title, "sentence": article.text[first:last]}
