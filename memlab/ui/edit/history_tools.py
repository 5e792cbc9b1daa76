"""Verifying and exporting the history."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Edit
from memlab.results.side_effects import GROUPS
from memlab.ui.app.session import show_error
from memlab.ui.downloads import download
from memlab.ui.edit.timeline import MARKS, undone
from memlab.ui.plain import plain

COLUMNS = ("seq", "time", "kind", "summary", "author", "state", "forgets", "remembers", *GROUPS, "harmonic")


def tools(lab: Lab, shown: Sequence[Edit], history: Sequence[Edit]) -> None:
    """Verify, and the list as it is shown as JSON and CSV."""
    with st.container(horizontal=True):
        verify = st.button(
            "Verify",
            key="history.verify",
            icon=":material/verified:",
            help="Recomputes the hash chain: finds edits that were changed, removed or reordered.",
        )
        download("JSON", lambda: as_json(shown, history), "history.json", "history.json")
        download("CSV", lambda: as_csv(shown, history), "history.csv", "history.csv")
    if verify:
        _verify(lab, len(history))


def state(edit: Edit, taken_back: set[int]) -> str:
    """active or undone; nothing for a step that is itself an undo or redo."""
    return "" if edit.kind in MARKS else "undone" if edit.seq in taken_back else "active"


def as_json(shown: Sequence[Edit], history: Sequence[Edit]) -> str:
    """Everything about the edits shown."""
    gone = undone(history)
    return json.dumps([{**e.to_dict(), "state": state(e, gone)} for e in shown], ensure_ascii=False, indent=1)


def as_csv(shown: Sequence[Edit], history: Sequence[Edit]) -> str:
    """One line for each edit shown; `forgets` is a number of places, scores are shares (empty: not measured)."""
    gone = undone(history)
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for e in shown:
        remembers = " | ".join(e.remembers)
        shares = [e.scores.get(group) for group in GROUPS]
        scores = [share.get("score") if isinstance(share, dict) else share for share in shares]
        said = (e.seq, e.time, e.kind, e.summary, e.author, state(e, gone), len(e.sources), remembers)
        cells = (*said, *scores, e.scores.get("harmonic"))
        lines.writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """The cell with text quoted that a spreadsheet would run as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _verify(lab: Lab, edits: int) -> None:
    try:
        problems = lab.verify()
    except MemlabError as error:
        show_error(error)
        return
    if not problems:
        whole = "1 edit" if edits == 1 else f"all {edits} edits"
        st.success(f"The chain is intact: {whole} as recorded.", icon=":material/verified:")
    for problem in problems:
        st.error(plain(problem.message), icon=":material/error:")
