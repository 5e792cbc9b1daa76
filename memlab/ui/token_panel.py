"""One token, for Read and Generate: what each source says, the gate forced to its ends, the passages behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.sources import described, forced, table, three_sources
from memlab.results import CopiedSpan, Generation, Neighbor, Trace, TraceStep
from memlab.ui.app.session import show_error
from memlab.ui.article import marked, number, origin
from memlab.ui.as_table import chart
from memlab.ui.ask.neighbors import row
from memlab.ui.mixture import token_panel
from memlab.ui.plain import plain
from memlab.ui.small_form import unfolded

FIRST = 4  # neighbors shown
LEFT, RIGHT = 90, 45  # characters of a neighbor's passage


def sources_chart(of: Trace | Generation, step: TraceStep, page: str) -> None:
    """A chart for each source that is used, over the same words; `page` begins the names of controls."""
    figure = three_sources(of, step)
    chart(figure, described(of, step), f"{page}.sources", lambda: table(of, step))
    lam = of.settings.get("lam")
    if of.gate_info.mixes == "vectors" and lam:
        st.caption(f"The mixture also takes in a distribution of neighbors after the softmax, with λ = {lam:g}.")


def forced_gate(of: Trace | Generation, step: TraceStep, page: str) -> None:
    """The token's probability with the gate at either end, and at any other value on demand.

    Nothing where there are no counterfactuals. `page` begins the names of controls.
    """
    rows = forced(of, step)
    if rows:
        st.markdown("**What if the gate were forced?**")
        st.table(rows, border="horizontal", hide_index=True)
        if step.token.gate is not None and step.knn is not None and st.toggle("Move the gate", key=f"{page}.move_gate"):
            token_panel(of, step, f"{page}.mixture")


def found_passages(lab: Lab, of: Trace | Generation, step: TraceStep, page: str) -> None:
    """The first remembered passages, each with its article on demand; says so where there is no memory."""
    if of.gate_info.mixes == "nothing":
        st.caption("There is no memory: choose a method that has one.")
        return
    st.markdown("**What memory found**")
    passages(lab, of, step.neighbors, page)


def passages(lab: Lab, of: Trace | Generation, neighbors: Sequence[Neighbor], page: str) -> None:
    """The first neighbors of a token of a reading or a generation; `page` begins the names of their controls."""
    if not neighbors:
        st.caption("Memory was not searched for this token: the gate did not ask.")
    heaviest = max((n.weight for n in neighbors), default=1.0)
    for n in neighbors[:FIRST]:
        passage, where = st.columns([3, 1], vertical_alignment="center", gap="small")
        passage.html(row(_short(n), heaviest))
        with where:
            source(lab, of, origin(n.source, n.document), f"{page}.source.{n.rank}", n)


def source(lab: Lab, of: Trace | Generation, label: str, key: str, place: Neighbor | CopiedSpan) -> None:
    """A button that opens the article as it was when the text was read or generated, with the words marked."""
    box = unfolded(plain(label), key, "article")
    if box is None:
        return
    with box:
        try:
            name = place.document if number(place.source) is None else place.source
            text = lab.article(name, of.datastore, of.as_of).text
        except MemlabError as error:
            show_error(error)
            return
        st.markdown(f"**{plain(origin(place.source, place.document))}**")
        st.html(marked(text, place.start, place.end))


def from_a_word(text: str) -> str:
    """The text without the partial word that it begins with."""
    return text.partition(" ")[2] or text


def _short(n: Neighbor) -> Neighbor:
    """The neighbor with a shorter passage: the article is one click away."""
    left = n.left if len(n.left) <= LEFT else "… " + from_a_word(n.left[-LEFT:])
    right = n.right if len(n.right) <= RIGHT else (n.right[:RIGHT].rpartition(" ")[0] or n.right[:RIGHT]) + " …"
    return replace(n, left=left, right=right)
