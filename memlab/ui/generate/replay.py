"""From prompt, moves and settings to the tree: at once where that takes a moment, else as a job that can be stopped."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.results import GenerationPair
from memlab.results.moves import written
from memlab.ui.generate.settings import How
from memlab.ui.generate.view import PAIR, View, show
from memlab.ui.jobs import forget_job, only_job

AT_ONCE = 40  # tokens that are said while a person waits


def replay(lab: Lab, view: View, how: How) -> GenerationPair | None:
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
    if lab.trees.tokens_left(**order) <= AT_ONCE:
        with st.spinner("Generating"):
            pair = lab.trees.replay(**order)
    else:
        job = only_job(lab, "generate", asked, "generate", f"Generating after {order['prompt'][:30]!r}", order)
        if not job.over:
            show(View(view.prompt, moves))
            return None
        pair = lab.work.outcome(job.id)
        if pair is None:  # failed (shown above), or another process did it, or it was long ago
            st.button(
                "Generate again",
                key="generate.again",
                icon=":material/replay:",
                on_click=forget_job,
                args=("generate",),
            )
            return None
        forget_job("generate")
    moves = written(pair.with_memory.moves) or moves
    show(View(view.prompt, moves))
    st.session_state[PAIR] = (place, how.arguments, moves, lab.head(), pair)
    return pair
