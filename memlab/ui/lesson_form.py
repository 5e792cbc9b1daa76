"""Making and changing a lesson: title, what it is about, and steps as addresses with notes."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Lesson, Step, step_of_address
from memlab.errors import MemlabError
from memlab.ui.plain import plain
from memlab.ui.session import show_error


def new_lesson(lab: Lab) -> None:
    """A form for title and first view; the lesson is saved at once and can be continued."""
    with st.form("lesson.new", border=False, clear_on_submit=True):
        title = st.text_input("Title", max_chars=100)
        about = st.text_input("What it is about", max_chars=300)
        step = _step_fields()
        if not st.form_submit_button("Save the lesson", icon=":material/save:"):
            return
    try:
        lab.lessons.new(title, about, _made(step))
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()


def steps_of(lab: Lab, lesson: Lesson) -> None:
    """The steps; those of one's own lesson can be moved, deleted, added to."""
    for n, step in enumerate(lesson.steps):
        with st.container(border=True):
            st.markdown(f"**{n + 1}. {plain(step.title)}**")
            st.text(step.note)
            st.caption(plain(step.link))
            if lesson.bundled:
                continue
            with st.container(horizontal=True):
                key = f"lesson.{lesson.name}.{n}"
                up = st.button("Up", key=f"{key}.up", icon=":material/arrow_upward:", disabled=n == 0)
                gone = st.button("Delete", key=f"{key}.gone", icon=":material/delete:", disabled=len(lesson.steps) == 1)
        steps = list(lesson.steps)
        if up:
            steps[n - 1 : n + 1] = [steps[n], steps[n - 1]]
        elif gone:
            del steps[n]
        else:
            continue
        _save(lab, replace(lesson, steps=tuple(steps)))
    if lesson.bundled:
        return
    with st.form(f"lesson.{lesson.name}.add", border=False, clear_on_submit=True):
        fields = _step_fields()
        if st.form_submit_button("Add a step", icon=":material/add:"):
            try:
                lab.lessons.add_step(lesson.name, _made(fields))
            except MemlabError as error:
                show_error(error)
                return
            st.rerun()


def _step_fields() -> tuple[str, str, str, bool]:
    title = st.text_input("Title of the step", max_chars=100)
    address = st.text_input("Address of the view", placeholder="Copy it from the browser's address line")
    note = st.text_area("What to say or to look at", height=80)
    return title, address, note, st.checkbox("Guess first: words are letters until the last picture")


def _made(fields: tuple[str, str, str, bool]) -> Step:
    title, address, note, guess = fields
    return step_of_address(address, title.strip() or "A view", note.strip(), guess)


def _save(lab: Lab, lesson: Lesson) -> None:
    try:
        lab.lessons.save(lesson)
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()
