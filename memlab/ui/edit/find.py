"""Searching the sources, and choosing some of them to forget."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memlab import Lab
from memlab.results import FoundSource
from memlab.ui.article import marked, origin
from memlab.ui.edit.forms import Change, collection
from memlab.ui.plain import plain

LIMIT = 200  # places listed
TALL = 8  # rows seen at once; the others scroll


def find(lab: Lab) -> Change | None:
    """Finds places by text, word and document; the rows that are ticked are to be forgotten."""
    text, word, document = (
        column.text_input(label, key=key, bind="query-params", placeholder=example, autocomplete="off")
        for column, label, key, example in zip(
            st.columns(3),
            ("Text", "Word", "Document"),
            ("find", "value", "title"),
            ("capital of", "Paris", "France"),
            strict=True,
        )
    )
    datastore = collection(lab)
    if not any(part and part.strip() for part in (text, word, document)):
        return None
    found = lab.sources(text or None, word or None, document or None, datastore, LIMIT)
    if not found.sources:
        st.info("No text of this memory contains that. Try fewer words.", icon=":material/search_off:")
        return None
    st.markdown(f"**{_places(found.total)}**" + (f", the first {LIMIT} shown" if found.total > LIMIT else ""))
    picked = st.dataframe(
        [_row(place) for place in found.sources],
        hide_index=True,
        width="stretch",
        height="auto" if len(found.sources) <= TALL else 36 * (TALL + 1),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"find.rows.{hash((text, word, document, datastore))}",
    )
    chosen = [found.sources[i] for i in picked.selection.rows if i < len(found.sources)]
    if not chosen:
        return None
    if len(chosen) == 1:
        _article(lab, chosen[0], datastore)
    gone = [place for place in chosen if place.forgotten_by]
    if gone:
        st.caption(f"{_places(len(gone))} of those chosen {'is' if len(gone) == 1 else 'are'} forgotten already.")
    # Without their text, which is blacked out once the change is made, so that the change still compares equal.
    sources = tuple(replace(place.source, text="") for place in chosen)
    return Change("forget", {"sources": sources, "datastore": datastore})


def _row(place: FoundSource) -> dict[str, str]:
    state = f"forgotten by edit {place.forgotten_by}" if place.forgotten_by else ""
    return {
        "passage": f"{place.left}⟦{place.source.text}⟧{place.right}",
        "document": origin(place.origin, place.title),
        "state": state,
    }


def _places(n: int) -> str:
    return "1 place" if n == 1 else f"{n:,} places"


def _article(lab: Lab, place: FoundSource, datastore: str | None) -> None:
    with st.expander(f"Read it in its text: {plain(origin(place.origin, place.title))}", icon=":material/article:"):
        text = lab.article(place.source.document, datastore).text
        st.html(marked(text, place.source.start, place.source.end))
