"""Before a memory is built: how its texts are read, what is left out, and about how large and slow it would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.corpus.hub_name import hub_name
from memlab.corpus.one_file import TextOptions
from memlab.corpus.received import drop_texts
from memlab.errors import InputError, MemlabError
from memlab.lab.building import BuildRequest
from memlab.memory.estimate import Estimate
from memlab.memory.hub_texts import check_installed
from memlab.outside import given_path
from memlab.results import Article
from memlab.ui.app.session import show_error
from memlab.ui.plain import plain

SHOWN, BEGINNING = 5, 300  # texts, and characters of each


@dataclass(frozen=True)
class Given:
    """Texts that a person gave: a local path, a data set of the hub, or uploaded files (name and content)."""

    path: str
    files: tuple[tuple[str, bytes], ...] = ()

    def paths(self, lab: Lab) -> list[Path]:
        """Where they are; uploaded ones are kept in the home folder. Raises InputError where there are none."""
        if self.files:
            return lab.building.keep_texts(self.files)
        if not self.path:
            raise InputError("There is no text to read. Give a file, a folder or a data set of the hub.")
        if hub_name(self.path):
            check_installed()
            return [Path(self.path)]
        return [given_path(self.path).absolute()]


def preview(lab: Lab, texts: Given, options: TextOptions, request: BuildRequest) -> None:
    """The first texts as they are read, what was left out, and the estimate."""
    try:
        paths = texts.paths(lab)
        try:
            with st.spinner("Reading the texts"):
                read = lab.building.texts_of(paths, options)
        finally:
            if texts.files:
                drop_texts(lab.home, paths)
        with st.spinner("Measuring with the model"):
            about = lab.building.estimate(read, request)
    except MemlabError as error:
        show_error(error)
        return
    st.info(plain(said(about)), icon=":material/timer:")
    for line in read.report.lines():
        st.info(plain(line), icon=":material/info:")
    st.dataframe([_row(a) for a in read.articles[:SHOWN]], hide_index=True, key="memories.preview.table")
    if len(read.articles) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(read.articles):,} texts, as they are read.")


def said(about: Estimate) -> str:
    """The estimate in words."""
    return (
        f"{about.texts:,} texts, {about.characters:,} characters: about {about.entries:,} entries, {about.megabytes:,.1f} MB, "
        f"{duration(about.seconds)} at {about.entries_per_s:,.0f} entries a second"
    )


def duration(seconds: float) -> str:
    """A duration in seconds, minutes or hours, whichever reads best."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _row(article: Article) -> dict[str, object]:
    more = "…" if len(article.text) > BEGINNING else ""
    return {"Title": article.title, "Characters": len(article.text), "Text": article.text[:BEGINNING] + more}
