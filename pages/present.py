"""Present: a question or a lesson, step by step in large type. The space bar goes to the next step."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Lesson
from memlab.errors import MemlabError
from memlab.lab.lesson_run import LessonRun
from memlab.lab.view_address import PAGES, as_the_page_writes
from memlab.ui.app.address import asked
from memlab.ui.app.entry import through_app
from memlab.ui.app.links import follow_to, link_to, tab_to
from memlab.ui.app.session import WORKSPACE, current_lab, show_error
from memlab.ui.classroom.lecturer import guessing, invitation, nothing_to_guess
from memlab.ui.plain import plain
from memlab.ui.present.mode import alone, large_type, tools
from memlab.ui.present.notes import notes
from memlab.ui.present.pictures import PICTURES, action, checks, described
from memlab.ui.present.place import Place, guess_first, out_of_range, place, step_back, step_forward
from memlab.ui.present.run import run_of, throw_away
from memlab.ui.present.stages import STAGES, names
from memlab.ui.present.talks import has_notes, tell

OF_A_MOMENT = (*PAGES, "beliefs")  # pages that show memory as of an edit
TITLE = 80  # characters of a lesson or prompt in the title of the tab


def controls(lesson: Lesson | None, here: Place, talk: str) -> None:
    """Back and Next, always in one place and drawn before the picture, so that no key press is lost meanwhile."""
    with st.container(horizontal=True, vertical_alignment="center"):
        way: Any = {"args": (lesson,)}
        ends = (here.at_start, here.at_end)
        back, on = ":material/arrow_back:", ":material/arrow_forward:"
        st.button("Back", key="present.back", icon=back, shortcut="Left", disabled=ends[0], on_click=step_back, **way)
        st.button(
            "Next",
            key="present.next",
            icon=on,
            type="primary",
            shortcut="Space",
            disabled=ends[1],
            on_click=step_forward,
            **way,
        )
        if lesson is None:  # a button: Space would flip a toggle that was clicked before
            st.button(
                "Show words" if here.guess else "Guess first",
                key="present.guess",
                icon=":material/visibility:" if here.guess else ":material/visibility_off:",
                help="While guessing, words are letters until the last step.",
                on_click=guess_first,
                args=(not here.guess,),
            )
            link_to("ask", "Leave", dict(here.shown.parameters), "close")
        elif not lesson.edits:
            link_to("lessons", "All lessons", {}, "school")
        elif st.button("End the lesson", key="present.end", icon=":material/close:", help="Its workspace is deleted."):
            throw_away()
            follow_to("lessons", "All lessons", {}, "school")
            st.stop()
        tools(talk)
        invitation(lab)


def picture(lab: Lab, here: Place, run: LessonRun | None) -> None:
    """The picture of the step at this stage; where it fails, the error and a link to the nearest view."""
    step = here.shown
    try:
        with st.spinner("One moment"):
            before = here.step - (1 if step.do is not None and here.stage < here.stages else 0)
            as_of = run.reach(before) if run is not None else None
            if step.do is not None and run is not None:
                action(step, run.check(here.step) if here.stage == here.stages else None)
            elif step.page in PICTURES:
                PICTURES[step.page](lab, step, as_of)
            elif not step.parameters.get("prompt"):
                st.markdown(described(step))
            else:
                moment = {} if as_of is None else {"as_of": str(as_of)}
                p = asked(lab, {**step.parameters, **moment})
                name = here.names[here.stage - 1]
                STAGES[name](p, names(p, step.guess and here.stage < here.stages))
                if step.guess:
                    guessing(p, here.stage == here.stages, lab)
                if run is not None and here.stage == here.stages:
                    checks(run.check(here.step))
    except MemlabError as error:
        show_error(error)
        nearest = as_the_page_writes(step.page, step.parameters)
        tab_to(step.page, "The nearest view on its page", nearest, "near_me", "O")


def view_of(here: Place, run: LessonRun | None) -> dict[str, str]:
    """The address of the step's view, in the lesson's own workspace where it has one."""
    parameters = as_the_page_writes(here.shown.page, here.shown.parameters)
    if run is None:
        return parameters
    moment = {"as_of": str(run.reach(here.step))} if here.shown.page in OF_A_MOMENT else {}
    return {**parameters, **moment, WORKSPACE: run.workspace}


through_app()
lab = current_lab()
if "notes" in st.query_params:
    alone()
    notes(st.query_params["notes"])
    st.stop()
lesson, run = None, None
try:
    if "lesson" in st.query_params:
        lesson = lab.lessons.get(st.query_params["lesson"])
        run = run_of(lab, lesson)
except MemlabError as error:
    show_error(error)
    link_to("lessons", "All lessons", {}, "school")
    st.stop()

problems = out_of_range(lesson)
here = place(lesson)
step = here.shown
if lesson is None and not step.parameters.get("prompt"):
    st.title("Nothing to present yet", anchor=False)
    st.markdown("Open a question on the page Ask and choose Present there, or choose a lesson.")
    link_to("lessons", "Lessons", {}, "school")
    link_to("ask", "Ask", {}, "forum")
    st.stop()

alone()
large_type()
st.set_page_config(page_title=f"{(lesson.title if lesson is not None else step.parameters['prompt'])[:TITLE]} · memlab")
for problem in problems:
    show_error(problem)
after = lesson.steps[here.step] if lesson is not None and here.step < here.steps else None
talk = tell(lesson.title if lesson else "A question", step, after, here.stage, here.stages)
controls(lesson, here, talk)
st.title(plain(step.title if lesson is not None else step.parameters["prompt"]), anchor=False)
if not step.guess:
    nothing_to_guess()
where = [plain(f"{lesson.title} · {here.step} of {here.steps}")] if lesson is not None else []
way = [" → ".join(f"**{t}**" if n == here.stage else t for n, t in enumerate(here.names, 1))] if here.stages > 1 else []
st.caption(" · ".join([*where, *way]))
picture(run.lab if run is not None else lab, here, run)
if here.stage == here.stages:
    if step.note and not has_notes(talk):
        st.markdown(plain(step.note))
    tab_to(step.page, "Open this view", view_of(here, run), "open_in_new", "O")
