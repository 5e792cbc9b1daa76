"""Pin a view as A, change something, and see it beside the current one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.mixing import share_of_memory
from memlab.results import Comparison, Neighbor, Prediction
from memlab.ui.app.address import asked
from memlab.ui.app.keyboard import PIN
from memlab.ui.app.session import WORKSPACE, show_error
from memlab.ui.plain import plain
from memlab.ui.present.stages import first_words, last_words

PINNED = "a"
SHOWN = 5  # neighbors gained or lost that are listed
BEFORE, AFTER = 44, 34  # characters of a passage before and after the value, at most
LEAST = 0.005  # smallest change of probability that is listed


def pin_controls(p: Prediction) -> None:
    """A button that pins this view, and one that unpins it; the address holds the pinned view."""
    if PINNED in st.query_params:
        st.button("Unpin A", key="compare.unpin", icon=":material/keep_off:", on_click=_unpin)
    st.button(
        "Pin as A",
        key="compare.pin",
        icon=":material/keep:",
        shortcut=PIN,
        help="Keeps this view; change the prompt, a setting or the time, and see both side by side.",
        on_click=_pin,
        args=(p,),
    )


def beside_pinned(lab: Lab, p: Prediction) -> None:
    """The comparison with the pinned view; nothing where none is pinned."""
    address = st.query_params.get(PINNED)
    if address is None:
        return
    with st.container(border=True):
        st.subheader("A and B side by side", anchor=False)
        try:
            given = dict(parse_qsl(address))
            there = given.pop(WORKSPACE, lab.workspace)
            lab_there = lab if there == lab.workspace else type(lab).open(lab.home, there)
            _show(lab.compare(asked(lab_there, given), p))
        except MemlabError as error:
            st.caption("A can no longer be asked.")
            show_error(error)
            st.button("Let go of A", key="compare.let_go", icon=":material/keep_off:", on_click=_unpin)


def view(p: Prediction) -> dict[str, str]:
    """The address parameters that ask the same again, even if defaults have changed by then."""
    asked_for = {"prompt": p.prompt, "method": p.method, "model": p.model, "datastore": p.datastore}
    moment = {"as_of": str(p.as_of), WORKSPACE: p.workspace}
    return asked_for | moment | {name: str(value) for name, value in p.settings.items()}


def _pin(p: Prediction) -> None:
    st.query_params[PINNED] = urlencode(view(p))


def _unpin() -> None:
    if PINNED in st.query_params:
        del st.query_params[PINNED]


def _show(c: Comparison) -> None:
    if c.asked:
        st.markdown(" · ".join(f"**{plain(d.name.replace('_', ' '))}** {_value(d.a)} → {_value(d.b)}" for d in c.asked))
    else:
        st.caption("A and B ask the same. Change the prompt, a setting, the workspace or the time.")
    left, right = st.columns(2)
    for side, name, p in ((left, "A", c.a), (right, "B", c.b)):
        side.metric(f"{name}: the answer", p.answer, f"p = {p.mixture[0].p:.2f}", delta_color="off", delta_arrow="off")
        side.caption(plain(share_of_memory(p)))
    moved = [{"word": w.token, "A": w.a, "B": w.b, "change": w.change} for w in c.words if abs(w.change) >= LEAST]
    if moved:
        number = st.column_config.NumberColumn(format="%.3f")
        columns: dict[str, Any] = dict.fromkeys(("A", "B", "change"), number)
        st.dataframe(moved, hide_index=True, column_config=columns)
    else:
        st.caption(f"No word moved by {LEAST} or more.")
    st.caption(f"Neighbors: {c.kept} the same, {len(c.gained)} only in B, {len(c.lost)} only in A.")
    gained, lost = st.columns(2)
    _passages(gained, "Only in B", c.gained)
    _passages(lost, "Only in A", c.lost)


def _value(value: object) -> str:
    return "none" if value is None else plain(str(value))


def _passages(place: st.delta_generator.DeltaGenerator, title: str, neighbors: tuple[Neighbor, ...]) -> None:
    if not neighbors:
        return
    place.markdown(f"**{title}**")
    for n in neighbors[:SHOWN]:
        passage = " ".join(f"{last_words(n.left, BEFORE)}[{n.value}]{first_words(n.right, AFTER)}".split())
        place.text(f"{n.weight:.3f}  {passage}  ({n.document})")
