"""Which rows of a batch are shown, and in which order: the map of right and wrong, slices, causes, a text, a sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from memlab.lab.kept_batches import Note
from memlab.results.batch_summary import SLICES, RowSummary, quadrants
from memlab.results.cause import CAUSES
from memlab.results.verdict import BOTH_RIGHT, BOTH_WRONG, HELPED, MISLED, RIGHT, WRONG, verdict_name
from memlab.ui.plain import plain

CELL, SLICE, CAUSE, FIND, SORT = "batch.cell", "batch.slices", "batch.causes", "batch.find", "batch.sort"
MARKS = {HELPED: "✓ ↑", MISLED: "✗ ↓", BOTH_RIGHT: "✓ ✓", BOTH_WRONG: "✗ ✗", RIGHT: "✓", WRONG: "✗"}
STARRED, NOTED = "starred", "with a note"
_LAST = 2.0  # sorts after every probability


def _p(value: float | None) -> float:
    return _LAST if value is None else value


SORTS: dict[str, Callable[[RowSummary], Any]] = {
    "line": lambda row: row.line,
    "wrong first": lambda row: {False: 0, None: 1, True: 2}[row.right],
    "smallest margin": lambda row: _p(row.margin),
    "least probable answer": lambda row: _p(row.p),
    "most weight of the memory": lambda row: -(row.memory_weight or 0.0),
    "cause": lambda row: CAUSES.index(row.cause.name) if row.cause else len(CAUSES),
    "prompt": lambda row: row.prompt.casefold(),
}


def right_and_wrong(rows: Sequence[RowSummary]) -> None:
    """Two by two cells: model right or wrong, mixture right or wrong. A click shows only its rows, a second one all."""
    counts = quadrants(rows)
    if not any(counts.values()):
        return
    st.markdown("**Right and wrong** · choose a cell to see only its rows")
    for model in (True, False):
        for column, mixture in zip(st.columns(2), (True, False), strict=True):
            name = verdict_name(model, mixture)
            column.button(  # each label is complete: on a phone the cells are stacked
                f"Model {_said(model)}, mixture {_said(mixture)}  \n{MARKS[name]} {name}: **{counts[model, mixture]}**",
                key=f"batch.cell.{model}.{mixture}",
                type="primary" if st.session_state.get(CELL) == (model, mixture) else "secondary",
                width="stretch",
                disabled=not counts[model, mixture],
                on_click=_toggle,
                args=((model, mixture),),
            )


def _said(right: bool) -> str:
    return "right" if right else "wrong"


def _toggle(cell: tuple[bool, bool]) -> None:
    st.session_state[CELL] = None if st.session_state.get(CELL) == cell else cell


def filters(rows: Sequence[RowSummary], notes: Mapping[str, Note]) -> list[RowSummary]:
    """The rows that pass the filters (cell, slices, causes, text), in the chosen order."""
    tests = _slices(notes)
    counts = {name: sum(test(row) for row in rows) for name, test in tests.items()}
    offered = [name for name, count in counts.items() if count]
    causes = [name for name in CAUSES if any(row.cause and row.cause.name == name for row in rows)]
    chosen, why = [], []
    if offered:
        _only(SLICE, offered)
        chosen = st.pills(
            "Slices",
            offered,
            selection_mode="multi",
            key=SLICE,
            format_func=lambda name: f"{name} ({counts[name]})",
            help="Several: rows that are in all of them. Low margin: less than 0.1 between the first and the second word.",
        )
    if causes:
        _only(CAUSE, causes)
        of = {name: sum(row.cause is not None and row.cause.name == name for row in rows) for name in causes}
        why = st.pills(
            "Causes of failures",
            causes,
            selection_mode="multi",
            key=CAUSE,
            format_func=lambda name: f"{name} ({of[name]})",
        )
    find, order = st.columns([3, 2])
    text = (
        find.text_input("Find", key=FIND, placeholder="in prompts and answers", autocomplete="off") or ""
    ).casefold()
    sort = order.selectbox("Sort by", list(SORTS), key=SORT)
    cell = st.session_state.get(CELL)
    left = [
        row
        for row in rows
        if (cell is None or (row.model_right, row.right) == cell)
        and all(tests[name](row) for name in chosen)
        and (not why or (row.cause is not None and row.cause.name in why))
        and (not text or any(text in (part or "").casefold() for part in (row.prompt, row.answer, *row.expected)))
    ]
    return sorted(left, key=SORTS[sort])


def _only(key: str, offered: Sequence[str]) -> None:
    """Drops choices that this batch does not offer."""
    if key in st.session_state:
        st.session_state[key] = [name for name in st.session_state[key] or [] if name in offered]


def _slices(notes: Mapping[str, Note]) -> dict[str, Callable[[RowSummary], bool]]:
    nothing = Note()
    return {
        **SLICES,
        STARRED: lambda row: notes.get(row.prompt, nothing).starred,
        NOTED: lambda row: bool(notes.get(row.prompt, nothing).note),
    }


def show_all() -> None:
    """Clears every filter."""
    for key in (CELL, SLICE, CAUSE, FIND):
        st.session_state.pop(key, None)


def reasons(rows: Sequence[RowSummary], most: int = 5) -> list[str]:
    """Why lines cannot be asked, with the numbers of the first lines of each reason."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.error is not None:
            found.setdefault(row.error, []).append(row.line)
    out = []
    for reason, numbers in list(found.items())[:most]:
        more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
        listed = ", ".join(map(str, numbers[:most]))
        out.append(plain(f"{'Line' if len(numbers) == 1 else 'Lines'} {listed}{more}: {reason}"))
    return out
