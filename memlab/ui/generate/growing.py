"""From prompt, moves and settings to the tree: at once where that takes a moment, else as a job that can be stopped."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import NotFound
from memlab.record.job_info import JobInfo
from memlab.results import GenerationPair
from memlab.results.moves import written
from memlab.ui.generate.settings import How
from memlab.ui.generate.view import PAIR, View, show
from memlab.ui.jobs import show_job

AT_ONCE = 40  # tokens that are said while a person waits
_JOB = "generate.job"


def grow(lab: Lab, view: View, how: How) -> GenerationPair | None:
    """The tree of a view; None while a job grows it. Raises MemlabError for what cannot be grown."""
    place = (lab.workspace, view.prompt)
    kept = st.session_state.get(PAIR)
    moves = view.moves or f"g{how.tokens}"
    if kept is not None and kept[0] == place and kept[2] == moves and kept[1] != how.arguments:
        moves = f"g{len(kept[4].with_memory.tokens) or how.tokens}"  # choices belong to the tree of other settings
    asked = (place, how.arguments, moves, lab.head())
    if kept is not None and kept[:4] == asked:
        return kept[4]
    order = {"prompt": view.prompt, "moves": moves, **how.arguments}
    if lab.tokens_left(**order) <= AT_ONCE:
        with st.spinner("Generating"):
            pair = lab.grow(**order)
    else:
        job = _job(lab, asked, order)
        if not job.over:
            show(View(view.prompt, moves))
            return None
        pair = lab.outcome(job.id)
        if pair is None:  # failed (told above), or another process did it, or it was long ago
            st.button("Generate again", key="generate.again", icon=":material/replay:", on_click=_again)
            return None
        _again()
    moves = written(pair.with_memory.moves) or moves
    show(View(view.prompt, moves))
    st.session_state[PAIR] = (place, how.arguments, moves, lab.head(), pair)
    return pair


def _job(lab: Lab, asked: tuple[Any, ...], order: dict[str, Any]) -> JobInfo:
    """The job of this tree, shown with progress and Stop; one of another tree is stopped."""
    kept = st.session_state.get(_JOB)
    if kept is not None and kept[0] == asked:
        try:
            return show_job(lab, kept[1])
        except NotFound:  # removed from the list in another window
            pass
    elif kept is not None:
        _stop(lab, kept[1])
    job = lab.submit("generate", f"Generating after {order['prompt'][:30]!r}", **order)
    st.session_state[_JOB] = (asked, job.id)
    st.rerun()


def _stop(lab: Lab, job_id: str) -> None:
    try:
        if not lab.job(job_id).over:
            lab.stop_job(job_id)
    except NotFound:
        return


def _again() -> None:
    st.session_state.pop(_JOB, None)
