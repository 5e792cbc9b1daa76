"""Generate: a prompt continued with memory and without, token by token, as a tree."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.generated import described
from memlab.results import GenerationPair
from memlab.ui.app.bar import settings_place
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.generate.prompt import example_menu, first_steps, prompt_bar
from memlab.ui.generate.settings import How, choose_how
from memlab.ui.generate.step import choose_step, step_details
from memlab.ui.generate.texts import go_on, texts
from memlab.ui.generate.view import View, begin, current, exports, moved, replay
from memlab.ui.memory_controls import gate_is_ready
from memlab.ui.plain import plain

TITLE = 80  # characters of a prompt in the title of the tab


@st.fragment
def steps(lab: Lab, view: View, pair: GenerationPair, tokens: int) -> None:
    """The texts and the step that is selected in them: only this part reruns on a click."""
    if moved():
        st.rerun()
    g = pair.with_memory
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        step = choose_step(g)
        go_on(view, g, tokens)
    with above:
        texts(lab, view, pair, step)
    step_details(lab, view, g, step)


def shown(lab: Lab, view: View, how: How) -> None:
    """A tree with everything that belongs to it."""
    try:
        if not gate_is_ready(lab, how.of_a_reading):
            return
        pair = replay(lab, view, how)
    except MemlabError as error:
        show_error(error)
        if "." in view.moves:
            st.button(
                "Start from the prompt alone",
                key="generate.restart",
                icon=":material/restart_alt:",
                on_click=begin,
                args=(view.prompt, how.tokens),
            )
        return
    if pair is None:
        return
    if pair.with_memory.ended == "stopped":
        st.warning(f"Stopped after {len(pair.with_memory.tokens)} tokens.", icon=":material/stop_circle:")
    for notice in pair.with_memory.notices:
        st.info(plain(notice), icon=":material/info:")
    st.markdown(plain(described(pair)))
    if pair.with_memory.tokens:
        view = current()
        steps(lab, view, pair, how.tokens)
        exports(pair, view, how.arguments)


through_app()
lab = current_lab()
moved()
view = current()
heading = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
heading.title("Generate", anchor=False, width="content")
way, bar = st.columns([2, 9], vertical_alignment="center", gap="small")
with bar:
    prompt_bar(view)
try:
    with settings_place():
        how = choose_how(lab, way)
except MemlabError as error:
    show_error(error)
    st.stop()
with heading:
    example_menu(how.tokens)
for problem in how.problems:
    show_error(problem)
if view.prompt:
    st.set_page_config(page_title=f"{view.prompt[:TITLE]} … · memlab")
examples = st.empty()  # a place of their own, so that they are gone as soon as a text begins
if view.prompt is None:
    with examples.container():
        first_steps(how.tokens)
else:
    shown(lab, view, how)
