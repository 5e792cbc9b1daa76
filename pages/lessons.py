"""Lessons: ordered views with notes: present, edit, export, import."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.app.entry import through_app
from memlab.ui.app.links import link_to
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.downloads import download
from memlab.ui.lesson_form import new_lesson, steps_of
from memlab.ui.plain import plain

through_app()
lab = current_lab()

st.title("Lessons", anchor=False)
st.markdown(
    "A lesson is a list of views with notes on what to say. Present one, or make your own from the addresses of views."
)
for problem in lab.lessons.problems():
    st.error(plain(f"A lesson file cannot be used. {problem}"), icon=":material/error:")

for lesson in lab.lessons():
    with st.container(border=True):
        st.subheader(plain(lesson.title), anchor=False)
        st.markdown(plain(lesson.about))
        with st.container(horizontal=True, vertical_alignment="center"):
            link_to("present", "Present", {"lesson": lesson.name}, "slideshow")
            download("Export", lesson.to_json(), f"{lesson.name}.json", f"lesson.{lesson.name}.export")
            own = "bundled" if lesson.bundled else "your own"
            st.caption(f"{len(lesson.steps)} steps · about {lesson.minutes} minutes · {own}")
        with st.expander("Steps"):
            steps_of(lab, lesson)
            if not lesson.bundled and st.button(
                "Delete this lesson", key=f"lesson.{lesson.name}.delete", icon=":material/delete:"
            ):
                try:
                    lab.lessons.delete(lesson.name)
                except MemlabError as error:
                    show_error(error)
                else:
                    st.rerun()

make, take = st.columns(2, gap="large")
with make:
    st.header("A lesson of your own", anchor=False)
    new_lesson(lab)
with take:
    st.header("Import", anchor=False)
    with st.form("lesson.import", border=False, clear_on_submit=True):
        file = st.file_uploader("A lesson that was exported", type="json")
        if st.form_submit_button("Import", icon=":material/upload:") and file is not None:
            try:
                taken = lab.lessons.import_(file.getvalue().decode("utf-8", errors="replace"))
            except MemlabError as error:
                show_error(error)
            else:
                st.success(plain(f"Imported as {taken.name}: {taken.title}"), icon=":material/check_circle:")
                st.button("Show it", key="lesson.shown")
