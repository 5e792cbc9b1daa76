"""What the page shows, as address and session hold it: a prompt, and the moves that grew its tree."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from memlab.results.moves import Move

PROMPT, MOVES, STEP = "prompt", "moves", "step"
CHANGED, LAST = -1, 1_000_000  # as a step: the first that memory changed; whichever is the last
LONGEST_LINK = 1_500  # characters of a prompt that an address still carries
PAIR = "generate.pair"  # in the session: what is shown, and of what
_VIEW, _MOVED = "generate.view", "generate.moved"


@dataclass(frozen=True)
class View:
    """A prompt (None: nothing was asked) and moves as `memlab.results.moves` writes them ("": the first one is due)."""

    prompt: str | None = None
    moves: str = ""


def current() -> View:
    """The view of the address where it names one, else that of the session, which is then put into the address."""
    if PROMPT in st.query_params:
        view = View(st.query_params[PROMPT], st.query_params.get(MOVES, ""))
    else:
        view = st.session_state.get(_VIEW, View())
    show(view)
    return view


def show(view: View) -> None:
    """From now on."""
    st.session_state[_VIEW] = view
    for name, value in ((PROMPT, view.prompt), (MOVES, view.moves)):
        if value and len(view.prompt or "") <= LONGEST_LINK:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def begin(prompt: str, tokens: int) -> None:
    """A prompt from its beginning."""
    st.session_state.pop(PAIR, None)  # what was stopped begins again
    show(View(prompt, f"g{tokens}"))
    look_at(CHANGED)


def move_on(view: View, move: Move, step: int) -> None:
    """One move more; then `step` is looked at. A callback: the whole page is drawn anew."""
    show(View(view.prompt, ".".join(part for part in (view.moves, str(move)) if part)))
    look_at(step)
    st.session_state[_MOVED] = True


def moved() -> bool:
    """Whether a callback moved on since this was asked last."""
    return bool(st.session_state.pop(_MOVED, False))


def look_at(step: int) -> None:
    """The step whose details are shown from the next run on; called before its number is drawn."""
    st.session_state[STEP] = step
