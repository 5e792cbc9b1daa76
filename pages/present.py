"""Present: a question or a lesson, step by step in large type. The space bar goes to the next step."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Lesson
from memlab.errors import MemlabError
from memlab.ui.address import asked
from memlab.ui.classroom.lecturer import guessing, invitation, nothing_to_guess
from memlab.ui.entry import through_app
from memlab.ui.links import link_to
from memlab.ui.plain import plain
from memlab.ui.present.place import Place, beyond, further, guess_first, nearer, place
from memlab.ui.present.stages import STAGES, names, stages_of
from memlab.ui.session import current_lab, show_error


def controls(lesson: Lesson | None, here: Place) -> None:
    """Back and next, always in one place and drawn before the picture, so that no key is lost while it is made."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back",
            key="present.back",
            icon=":material/arrow_back:",
            shortcut="Left",
            disabled=here.at_start,
            on_click=nearer,
            args=(lesson,),
        )
        st.button(
            "Next",
            key="present.next",
            icon=":material/arrow_forward:",
            type="primary",
            shortcut="Space",
            disabled=here.at_end,
            on_click=further,
            args=(lesson,),
        )
        if lesson is not None:
            link_to("lessons", "All lessons", {}, "school")
        else:  # a button, since Space would turn a switch that was clicked before
            st.button(
                "Show words" if here.guess else "Guess first",
                key="present.guess",
                icon=":material/visibility:" if here.guess else ":material/visibility_off:",
                help="While guessing, words are letters until the last step.",
                on_click=guess_first,
                args=(not here.guess,),
            )
        invitation(lab)


def picture(lab: Lab, here: Place) -> None:
    """The stage of the question, or why it cannot be asked, with the way to the nearest view."""
    step, title = here.shown, list(STAGES)[here.stage - 1]
    try:
        with st.spinner("Asking"):
            p = asked(lab, step.parameters)
        STAGES[title](p, names(p, step.guess and here.stage < here.stages))
        if step.guess:
            guessing(p, here.stage == here.stages, lab)
    except MemlabError as error:
        show_error(error)
        link_to(step.page, "The nearest view on the page Ask", dict(step.parameters), "near_me")


through_app()
lab = current_lab()
lesson = None
try:
    if "lesson" in st.query_params:
        lesson = lab.lessons.get(st.query_params["lesson"])
except MemlabError as error:
    show_error(error)
    link_to("lessons", "All lessons", {}, "school")
    st.stop()

problems = beyond(lesson)
here = place(lesson)
step = here.shown
if lesson is None and not step.parameters.get("prompt"):
    st.title("Nothing to present yet", anchor=False)
    st.markdown("Open a question on the page Ask and choose Present there, or choose a lesson.")
    link_to("lessons", "Lessons", {}, "school")
    link_to("ask", "Ask", {}, "forum")
    st.stop()

for problem in problems:
    show_error(problem)
if lesson is not None:
    st.caption(plain(f"{lesson.title} · {here.step} of {here.steps}"))
    st.title(plain(step.title), anchor=False)
else:
    st.title(plain(step.parameters["prompt"]), anchor=False)
controls(lesson, here)
if not step.guess:
    nothing_to_guess()
if here.stages > 1:
    st.caption(" → ".join(f"**{t}**" if n == here.stage else t for n, t in enumerate(stages_of(step.parameters), 1)))
    picture(lab, here)
if here.stage == here.stages:
    if step.note:
        st.markdown(plain(step.note))
    link_to(step.page, "Open this view", dict(step.parameters), "open_in_new")
