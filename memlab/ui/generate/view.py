"""The tree that is shown: made from prompt, moves and settings, kept in the address, exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.results import GenerationPair
from memlab.results.moves import Move, written
from memlab.ui.downloads import as_json, download, show_python
from memlab.ui.generate.settings import How
from memlab.ui.generate.text_so_far import text_so_far
from memlab.ui.jobs import forget_job, only_job, outcome_of

PROMPT, MOVES, STEP = "prompt", "moves", "step"
CHANGED, LAST = -1, 1_000_000  # stand for a step: the first that memory changed; the last one
LONGEST_LINK = 1_500  # characters of a prompt that an address still carries
PAIR = "generate.pair"  # in the session: the tree shown, and what it was made from
_VIEW, _MOVED = "generate.view", "generate.moved"
AT_ONCE = 40  # tokens that are generated without a job


@dataclass(frozen=True)
class View:
    """A prompt (None: nothing was asked) and its moves as `memlab.results.moves` writes them ("": none made yet)."""

    prompt: str | None = None
    moves: str = ""


def current() -> View:
    """The view in the address, else the session's, which is then put into the address."""
    if PROMPT in st.query_params:
        view = View(st.query_params[PROMPT], st.query_params.get(MOVES, ""))
    else:
        view = st.session_state.get(_VIEW, View())
    show(view)
    return view


def show(view: View) -> None:
    """Makes it the view of the session and, unless the prompt is too long, of the address."""
    st.session_state[_VIEW] = view
    for name, value in ((PROMPT, view.prompt), (MOVES, view.moves)):
        if value and len(view.prompt or "") <= LONGEST_LINK:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def begin(prompt: str, tokens: int) -> None:
    """Starts a prompt from its beginning: its first move generates `tokens`."""
    st.session_state.pop(PAIR, None)  # a stopped generation begins again
    show(View(prompt, f"g{tokens}"))
    look_at(CHANGED)


def move_on(view: View, move: Move, step: int) -> None:
    """Adds a move, then selects `step`. For callbacks, after which the whole page is rerun."""
    show(View(view.prompt, ".".join(part for part in (view.moves, str(move)) if part)))
    look_at(step)
    st.session_state[_MOVED] = True


def moved() -> bool:
    """Whether a callback made a move since the last call."""
    return bool(st.session_state.pop(_MOVED, False))


def look_at(step: int) -> None:
    """Selects the step whose details are shown; call it before the control for its number is drawn."""
    st.session_state[STEP] = step


def exports(pair: GenerationPair, view: View, how: Mapping[str, Any]) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        download("JSON: the whole tree", as_json(pair), "generation.json", "generate.json")
        download("CSV: one line a token", pair.with_memory.csv, "generation.csv", "generate.csv")
    show_python(lambda: python(view, how), "generate.python")


def python(view: View, how: Mapping[str, Any]) -> str:
    """Python code that grows the same tree."""
    given = "".join(f"    {name}={value!r},\n" for name, value in how.items() if value is not None)
    return (
        "from memlab import Lab\n\nlab = Lab.open()\n"
        f"pair = lab.trees.replay(\n    {view.prompt!r},\n    {view.moves!r},\n{given})\nprint(pair.with_memory.text)"
    )


def replay(lab: Lab, view: View, how: How) -> GenerationPair | None:
    """The tree of a view; None while a job grows it. Raises MemlabError where it cannot be grown."""
    place = (lab.workspace, view.prompt)
    kept = st.session_state.get(PAIR)
    moves = view.moves or f"g{how.tokens}"
    if kept is not None and kept[0] == place and kept[2] == moves and kept[1] != how.arguments:
        moves = f"g{len(kept[4].with_memory.tokens) or how.tokens}"  # choices belong to the earlier settings' tree
    asked = (place, how.arguments, moves, lab.head())
    if kept is not None and kept[:4] == asked:
        return kept[4]
    order: dict[str, Any] = {"prompt": view.prompt, "moves": moves, **how.arguments}
    if lab.trees.tokens_left(**order) <= AT_ONCE:
        with text_so_far(view.prompt) as grown:
            pair = lab.trees.replay(progress=lambda _, message: grown(message), **order)
    else:
        job = only_job(lab, "generate", asked, "generate", f"Generating after {order['prompt'][:30]!r}", order)
        if not job.over:
            show(View(view.prompt, moves))
            return None
        pair = outcome_of(lab, job)
        if pair is None:  # failed or stopped (shown above), run by another process, or long ago
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
