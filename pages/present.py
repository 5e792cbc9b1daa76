"""Present: a question, or a lesson, told step by step in large type. The space bar goes on."""

from __future__ import annotations

import streamlit as st

from memlab.errors import MemlabError
from memlab.ui.asked import asked
from memlab.ui.entry import through_app
from memlab.ui.links import link_to
from memlab.ui.plain import plain
from memlab.ui.present.place import LAST, place
from memlab.ui.present.stages import STAGES, names
from memlab.ui.session import current_lab, show_error

through_app()
lab = current_lab()
lesson = None
try:
    if "lesson" in st.query_params:
        lesson = lab.lesson(st.query_params["lesson"])
except MemlabError as error:
    show_error(error)
    link_to("lessons", "All lessons", {}, "school")
    st.stop()

here = place(lesson)
step = here.shown
if lesson is None and not step.parameters.get("prompt"):
    st.subheader("Nothing to present yet", anchor=False)
    st.markdown("Open a question on the page Ask and choose Present there, or choose a lesson.")
    link_to("lessons", "Lessons", {}, "school")
    link_to("ask", "Ask", {}, "forum")
    st.stop()

guess = step.guess
if lesson is not None:
    st.caption(plain(f"{lesson.title} · {here.step} of {here.steps}"))
    st.subheader(plain(step.title), anchor=False)
else:
    guess = st.toggle("Guess first", here.guess, help="Words are letters until the last step.", key="present.guess")
    st.query_params["guess"] = "1" if guess else "0"

if here.stages > 1:
    titles = list(STAGES)
    done = [f"**{t}**" if n == here.stage - 1 else t for n, t in enumerate(titles)]
    st.caption(" → ".join(done))
    try:
        with st.spinner("Asking"):
            p = asked(lab, step.parameters)
        STAGES[titles[here.stage - 1]](p, names(p, guess and here.stage - 1 < LAST))
    except MemlabError as error:
        show_error(error)
if here.stage == here.stages or here.stages == 1:
    if step.note:
        st.markdown(plain(step.note))
    link_to(step.page, "Open this view", dict(step.parameters), "open_in_new")

with st.container(horizontal=True):
    back, further = here.back(), here.forward()
    st.button("Back", icon=":material/arrow_back:", shortcut="Left", disabled=back == here, on_click=back.go)
    st.button(
        "Next",
        icon=":material/arrow_forward:",
        type="primary",
        shortcut="Space",
        disabled=here.at_end,
        on_click=further.go,
    )
    if lesson is not None:
        st.caption("Space: next. Left arrow: back.")
        link_to("lessons", "All lessons", {}, "school")
