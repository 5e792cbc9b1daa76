"""The one page of a guest: guess the word before the answer is shown, and ask in a copy of the workspace."""

from __future__ import annotations

from html import escape

import streamlit as st

from memlab.errors import MemlabError
from memlab.figures.theme import MIXTURE
from memlab.lab.looking import Looking
from memlab.results import Prediction
from memlab.ui.app.session import lab_of_class, show_error
from memlab.ui.classroom import room
from memlab.ui.classroom.bars import three_bars
from memlab.ui.classroom.reveal import reveal_of
from memlab.ui.classroom.roles import not_for_guests, seat_number
from memlab.ui.classroom.room import WAIT, Classroom
from memlab.ui.classroom.rounds import LONGEST, Round
from memlab.ui.highlight import chip
from memlab.ui.plain import plain

EVERY = 2.0  # seconds between checks for something new
_SEEN = "class.seen"


def guest_page() -> None:
    """The question that the lecturer presents, and a field for a question of one's own."""
    classroom, seat = room.present(), seat_number()
    if classroom is None:
        not_for_guests()
    now = classroom.rounds.now
    st.session_state[_SEEN] = _state(now)
    st.title("Guess", anchor=False)
    if now is None:
        st.markdown("Nothing to guess yet. Look at the screen; a question appears here by itself.")
    elif now.reveal is None:
        _guessing(classroom, now, seat)
    else:
        _shown(now, seat)
    st.fragment(_watch, run_every=EVERY)()
    st.header("Ask", anchor=False)
    _asking(classroom, seat)


def _state(now: Round | None) -> tuple[int, bool]:
    return (0, False) if now is None else (now.number, now.reveal is not None)


def _watch() -> None:
    """Reruns the page when the lecturer has moved on; until then, what is being typed stays."""
    classroom = room.present()
    if classroom is not None and st.session_state.get(_SEEN) != _state(classroom.rounds.now):
        st.rerun()


def _guessing(classroom: Classroom, now: Round, seat: int) -> None:
    st.html(_question(now, "?"))
    with st.form(f"class.guess.{now.number}", border=False):
        word = st.text_input("Your word", max_chars=LONGEST, key=f"class.word.{now.number}")
        sent = st.form_submit_button("Guess", type="primary", icon=":material/send:", width="stretch")
    if sent:
        try:
            classroom.rounds.guess(now.number, seat, word)
        except MemlabError as error:
            show_error(error)
    here = classroom.rounds.now
    mine = here.guesses.get(seat) if here is not None and here.number == now.number else None
    if mine is not None:
        st.success(plain(f"Your guess: {mine}. It can be changed until the answer is shown."), icon=":material/check:")


def _shown(now: Round, seat: int) -> None:
    shown = now.reveal
    if shown is None:
        return
    st.html(_question(now, shown.answer))
    mine = now.guesses.get(seat)
    if shown.right:
        st.markdown(f"The right answer is **{plain(' or '.join(shown.right))}**.")
    if mine is not None:
        right = shown.is_right(mine)
        mark = {True: "✓ right", False: "✗ not right", None: "the right answer is not known"}[right]
        st.markdown(f"You guessed **{plain(mine)}**: {mark}.")
    st.html(three_bars(shown.bars, shown.titles, shown))


def _question(now: Round, word: str) -> str:
    """The prompt with a word in its gap."""
    return f"<p style='font-size:1.4rem'>{escape(now.left)} {chip(word, MIXTURE)}{escape(now.right)}</p>"


def _asking(classroom: Classroom, seat: int) -> None:
    """A question of one's own: one at a time for the whole class, a few a minute for each guest."""
    with st.form("class.ask", border=False):
        prompt = st.text_input("A sentence with [MASK], or the beginning of one", key="class.prompt", max_chars=300)
        sent = st.form_submit_button("Ask", icon=":material/forum:", width="stretch")
    if not sent:
        st.caption("You ask the memory that the lecturer shows, in a copy that nobody can change.")
        return
    wait = classroom.may_ask(seat)
    if wait:
        st.warning(
            f"You have asked many questions. The next question can be asked in {wait:.0f} seconds.",
            icon=":material/hourglass:",
        )
        return
    if not classroom.answering.acquire(timeout=WAIT):
        st.warning("Many are asking. Try again in a moment.", icon=":material/hourglass:")
        return
    try:
        looking = classroom.looking(lab_of_class())
        _answer(looking, looking.ask(prompt))
    except MemlabError as error:
        show_error(error)
    finally:
        classroom.answering.release()


def _answer(looking: Looking, p: Prediction) -> None:
    shown = reveal_of(p, Round(0, "", ""), looking.verdict(p))
    st.markdown(f"### {plain(p.answer)}")
    st.caption(
        plain(f"{p.method}, {p.model}" + (f"; the right answer is {' or '.join(shown.right)}" if shown.right else ""))
    )
    st.html(three_bars(shown.bars, shown.titles, shown))
    for n in p.neighbors[:3]:
        st.caption(plain(f"… {n.left[-80:]} {n.value} {n.right[:60]} …"))
