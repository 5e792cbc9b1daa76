"""What the lecturer of a class sees: the invitation, how many are there, the guesses, and at the end the answer."""

from __future__ import annotations

import io

import segno
import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.results import Prediction
from memlab.ui.app.session import show_error
from memlab.ui.classroom import room
from memlab.ui.classroom.bars import class_bars, three_bars
from memlab.ui.classroom.reveal import reveal_of
from memlab.ui.classroom.room import Classroom
from memlab.ui.classroom.rounds import Round, tally
from memlab.ui.plain import plain

EVERY = 1.0  # seconds between counts of the guesses
_OPEN = "class.live"


def guessing(p: Prediction, reveal: bool, lab: Lab) -> None:
    """The class's part of a presented question: opens it, counts the guesses, and with `reveal` shows the answer.

    Does nothing on a server that is not shared.
    """
    classroom = room.present()
    if classroom is None:
        return
    left, _, right = p.prompt.partition("[MASK]")
    now = classroom.rounds.open(left, right)
    classroom.presented = p
    if reveal and now.reveal is None:
        classroom.rounds.reveal(now.number, reveal_of(p, now, lab.verdict(p)))
        now = classroom.rounds.now or now
    if now.reveal is not None:
        st.html(three_bars(now.reveal.bars, now.reveal.titles, now.reveal))
        st.caption(f"{tally(now).total} guessed.")
        return
    st.toggle("Show the guesses as they come", key=_OPEN)
    st.fragment(_count, run_every=EVERY)()


def nothing_to_guess() -> None:
    """Closes the question that the class was asked, if any."""
    classroom = room.present()
    if classroom is not None:
        classroom.rounds.close()


def tallied() -> None:
    """For the lecturer only: the guesses beside model and memory, before the answer is shown."""
    classroom = room.present()
    now = classroom.rounds.now if classroom is not None else None
    if classroom is None or now is None or classroom.presented is None:
        return
    st.markdown(_counted(classroom, now))
    shown = reveal_of(classroom.presented, now, None)
    st.html(three_bars(shown.bars, shown.titles))


def _count() -> None:
    classroom = room.present()
    now = classroom.rounds.now if classroom is not None else None
    if classroom is None or now is None:
        return
    st.markdown(_counted(classroom, now))
    if st.session_state.get(_OPEN):
        st.html(class_bars(tally(now)))


def _counted(classroom: Classroom, now: Round) -> str:
    return f":material/groups: **{len(now.guesses)}** guessed, {classroom.passes.present()} are here."


def invitation(lab: Lab) -> None:
    """A button that opens the code to scan; nothing on a server that is not shared."""
    classroom = room.present()
    if classroom is None:
        return
    here = classroom.passes.present()
    box = st.popover(f"Class ({here})", icon=":material/qr_code_2:", key="class.invitation", on_change="rerun")
    if not box.open:
        return
    with box:
        st.image(_svg(classroom.invitation), width=320, alt="A code to scan; its address is below.")
        st.code(classroom.invitation, language=None, wrap_lines=True)
        st.caption(
            plain(
                f"At most {classroom.passes.seats} guests. They look at a copy of the workspace {classroom.workspace}."
            )
        )
        if st.button("Show them this workspace as it is now", icon=":material/sync:", key="class.again"):
            try:
                classroom.show_again(lab, lab.workspace)
            except MemlabError as error:
                show_error(error)
            else:
                st.success(plain(f"They now look at {lab.workspace} as it is."))


def _svg(text: str) -> str:
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", scale=8, border=3, dark="#000", light="#fff", xmldecl=False)
    return drawn.getvalue().decode()
