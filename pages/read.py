"""Read: a passage token by token, with memory and without."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.figures.strip import described
from memlab.results import Trace
from memlab.ui.app.bar import settings_place
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.downloads import trace_files
from memlab.ui.guide import MEASURES
from memlab.ui.memory_controls import gate_is_ready
from memlab.ui.plain import plain
from memlab.ui.read.contributions import combinations, groups
from memlab.ui.read.passage import choose_passage, first_steps, title_of
from memlab.ui.read.reading import read_passage, stopped
from memlab.ui.read.settings import choose_how
from memlab.ui.read.strip import choose_token, token_strip
from memlab.ui.read.token import token_details
from memlab.ui.system_page.panels import papers_panel


@st.fragment
def tokens(lab: Lab, trace: Trace) -> None:
    """The strip and the token that is selected in it: only this part reruns on a click."""
    above = st.container()
    picked = choose_token(trace)
    with above:
        token_strip(trace, picked)
    if not trace.stopped:
        token_details(lab, trace, picked)


through_app()
lab = current_lab()
try:
    source, way = choose_passage(lab)
    with settings_place():
        how = choose_how(lab, way)
    for problem in how.problems:
        show_error(problem)
    if source.text is None:
        first_steps()
        st.stop()
    if not gate_is_ready(lab, how.arguments):
        st.stop()
    trace = read_passage(lab, source, how.arguments)
except MemlabError as error:
    show_error(error)
    st.stop()
if trace is None:
    st.stop()

for notice in trace.notices:
    st.info(plain(notice), icon=":material/info:")
if trace.stopped:
    stopped(trace)
else:
    st.markdown(plain(described(trace)), help=MEASURES)
st.set_page_config(page_title=f"Read: {title_of(source.title, trace.text)} · memlab")
tokens(lab, trace)
if not trace.stopped:
    st.subheader("What each source contributes", anchor=False)
    combinations(trace)
    if trace.summary["mean_gain"]:
        groups(trace)
trace_files(lab, trace)
papers_panel(lab)
