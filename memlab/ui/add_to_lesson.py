"""Keep the present view of the Ask page as a step of a lesson."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Step
from memlab.errors import MemlabError
from memlab.results import Prediction
from memlab.ui.links import link_to
from memlab.ui.plain import plain
from memlab.ui.session import WORKSPACE, show_error
from memlab.ui.sharing import SHARED

NEW = "A new lesson"
_ELSEWHERE = {WORKSPACE, SHARED}  # a lesson is given in the workspace of who gives it


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
    """The address of the view, wherever it is opened."""
    given = {name: value for name, value in st.query_params.to_dict().items() if name not in _ELSEWHERE}
    return {"prompt": p.prompt, "method": p.method, **given}
