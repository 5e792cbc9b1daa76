"""One row of a batch: the answers, why they are wrong, what repairs them, and a note about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.theme import MEMORY, MIXTURE, MODEL
from memlab.lab.kept_batches import Note
from memlab.results.batch_summary import RowSummary
from memlab.results.cause import CORRECT, FORGET, LAMBDA, TEACH, Repair
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit, may_edit
from memlab.ui.batch.shown import MARKS
from memlab.ui.batch.table import address, open_row
from memlab.ui.fix import fix_here
from memlab.ui.highlight import chip
from memlab.ui.plain import plain

FIX = "batch.fix"
PREVIOUS, NEXT = "k", "j"


def row_panel(lab: Lab, row: RowSummary, rows: Sequence[RowSummary], note: Note, preset: str) -> None:
    """The open row in a frame of its own, with buttons to the previous and next of the rows shown."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Line {row.line}** · {plain(row.prompt)}")
            link_to("ask", "Open in Ask", address(lab, row, preset), "forum")
            _walk(row, rows)
        if row.error is not None:
            st.warning(plain(row.error), icon=":material/warning:")
        else:
            _said(row)
        with st.container(horizontal=True, vertical_alignment="center"):
            for repair in row.cause.repairs if row.cause else ():
                _by_hand(row, repair)
        _note(lab, row, note)
    if row.error is None:
        _fix(lab, row)


def _walk(row: RowSummary, rows: Sequence[RowSummary]) -> None:
    at = next((n for n, other in enumerate(rows) if other.line == row.line), None)
    before = rows[at - 1].line if at else None
    after = rows[at + 1].line if at is not None and at + 1 < len(rows) else None
    for label, line, key, icon in (
        ("Previous", before, PREVIOUS, "arrow_upward"),
        ("Next", after, NEXT, "arrow_downward"),
    ):
        st.button(
            label,
            key=f"batch.row.{label}",
            icon=f":material/{icon}:",
            type="tertiary",
            shortcut=key,
            disabled=line is None,
            on_click=open_row,
            args=(line,),
        )
    st.button("Close", key="batch.row.close", icon=":material/close:", type="tertiary", on_click=open_row, args=(None,))


def _said(row: RowSummary) -> None:
    sides = ((row.model, row.p_model, "model", MODEL), (row.memory, row.p_memory, "memory", MEMORY), (row.answer, row.p, "mixture", MIXTURE))  # fmt: skip
    said = " &emsp; ".join(
        f"{name}: {chip(word or '', color)} {p:.2f}" for word, p, name, color in sides if p is not None
    )
    st.html(f"<div style='overflow-wrap:anywhere'>{said}</div>")
    if row.verdict is not None:
        st.markdown(f"{MARKS[row.verdict]} **{row.verdict}** · expected {plain(' or '.join(row.expected))}")
    if row.cause is not None:
        st.markdown(f":material/help: **{plain(row.cause.name)}.** {plain(row.cause.sentence)}")


def _by_hand(row: RowSummary, repair: Repair) -> None:
    """A link to the page Edit memory with the repair filled in; nothing for lambda, which the panel below changes."""
    if repair.kind == LAMBDA:
        return
    address: dict[str, str] = {"way": repair.kind.capitalize()}
    if repair.kind == TEACH:
        address |= {"text": repair.text or "", "word": repair.word or ""}
    elif repair.kind == FORGET:
        numbers = ", ".join(map(str, repair.entries))
        address |= {
            "forget": "passages by number",
            "entries": numbers,
            "counted": row.datastore or "",
            "about": row.prompt,
        }
    elif repair.kind == CORRECT and repair.fact is not None:
        fact = repair.fact
        address |= {
            "subject": fact.subject,
            "relation": _label(fact.relation),
            "object": fact.object,
            "new": repair.new or "",
        }
    link_to("edit", f"{plain(repair.label)} on Edit memory", address, "edit_note")


def _label(relation: str) -> str:
    from memlab.corpus.world import atlas

    return atlas().relation(relation).label


def _note(lab: Lab, row: RowSummary, note: Note) -> None:
    """A star and a note, which stay with the prompt in this workspace."""
    star, text = st.columns([1, 5], vertical_alignment="bottom")
    key = f"batch.note.{lab.workspace}.{row.prompt}"
    starred, written = f"{key}.star", f"{key}.text"
    how: Any = {"on_change": _keep, "args": (lab, row.prompt, starred, written), "disabled": not may_edit(lab)}
    st.session_state.setdefault(starred, note.starred)
    st.session_state.setdefault(written, note.note)
    star.toggle("★ Star", key=starred, **how)
    text.text_input("Note", key=written, placeholder="What is going on here?", autocomplete="off", **how)
    if (problem := st.session_state.pop("batch.note.problem", None)) is not None:
        show_error(problem)


def _keep(lab: Lab, prompt: str, starred: str, written: str) -> None:
    try:
        check_may_edit(lab)
        lab.batches.note(prompt, Note(bool(st.session_state[starred]), st.session_state[written] or ""))
    except MemlabError as error:
        st.session_state["batch.note.problem"] = error


@st.fragment
def _fix(lab: Lab, row: RowSummary) -> None:
    """The panel that repairs, asked as of now with the settings of the row."""
    try:
        p = lab.ask(row.prompt, method=row.method, model=row.lm, datastore=row.datastore or None, **row.settings)
        verdict = lab.verdict(p, row.expected if row.given else ())
    except MemlabError as error:
        show_error(error)
        return
    fix_here(lab, p, verdict, FIX, use="Ask all with", why=False)
