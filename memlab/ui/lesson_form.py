"""Forms for lessons: a new one, its steps, and the current view of the Ask page as a step."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Lesson, Step, step_of_address
from memlab.errors import MemlabError
from memlab.results import Prediction
from memlab.ui.app.links import link_to
from memlab.ui.app.session import WORKSPACE, show_error
from memlab.ui.app.sharing import SHARED
from memlab.ui.plain import plain

NEW = "A new lesson"
_NOT_KEPT = {WORKSPACE, SHARED}  # a lesson runs in the workspace of whoever gives it


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
    """The steps; those of one's own lesson can be moved and deleted, and others added."""
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


def add_to_lesson(lab: Lab, p: Prediction) -> None:
    """A small form: which lesson, what to say; drawn only while it is open."""
    box = st.popover("Add to a lesson", icon=":material/school:", key="ask.lesson", on_change="rerun")
    if not box.open:
        return
    with box:
        own = {lesson.name: lesson.title for lesson in lab.lessons() if not lesson.bundled}
        which = st.selectbox(
            "Lesson", [NEW, *own], format_func=lambda name: own.get(name, name), key="ask.lesson.which"
        )
        with st.form("ask.lesson.form", border=False, clear_on_submit=True):
            lesson = st.text_input("Title of the lesson", max_chars=100) if which == NEW else ""
            title = st.text_input("Title of the step", max_chars=100, placeholder=p.prompt)
            note = st.text_area("What to say or to look at", height=80)
            guess = st.checkbox("Guess first: words are letters until the last picture")
            if not st.form_submit_button("Add this view", icon=":material/add:"):
                return
        step = Step(title.strip() or p.prompt, note.strip(), "ask", _view(p), guess)
        try:
            kept = lab.lessons.new(lesson, "", step) if which == NEW else lab.lessons.add_step(which, step)
        except MemlabError as error:
            show_error(error)
            return
        st.success(plain(f"Step {len(kept.steps)} of {kept.title}"), icon=":material/check_circle:")
        link_to("lessons", "Lessons", {}, "school")


def _view(p: Prediction) -> dict[str, str]:
    """The address of the view, without the workspace."""
    given = {name: value for name, value in st.query_params.to_dict().items() if name not in _NOT_KEPT}
    return {"prompt": p.prompt, "method": p.method, **given}
