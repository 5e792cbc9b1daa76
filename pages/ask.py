"""Ask: what model, memory and mixture answer to one prompt, and the passages behind it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError, NotFound
from memlab.results import Prediction
from memlab.ui.address import opened_source
from memlab.ui.answer import answer_panel, chosen_lambda, noticed
from memlab.ui.article import article_panel
from memlab.ui.bar import settings_place
from memlab.ui.compare import beside_pinned
from memlab.ui.details import details
from memlab.ui.entry import through_app
from memlab.ui.explanations import look_closer
from memlab.ui.exports import exports, present_in_bar
from memlab.ui.fix import fix_here
from memlab.ui.guide import ENTRY
from memlab.ui.heading import unseen_heading
from memlab.ui.keyboard import keyboard_help
from memlab.ui.meant import first_reading, say_how_it_was_read, second_reading, suggest, suggest_names
from memlab.ui.neighbors import FIX, neighbor_list
from memlab.ui.prompt import example_menu, examples, expected_answer, first_steps, prompt_bar
from memlab.ui.question import Question, choose, offer_fitting_method
from memlab.ui.recent import note, recent_menu, recent_questions
from memlab.ui.session import current_lab, show_error
from memlab.ui.sharing import may_edit
from memlab.ui.votes import vote_tally

TITLE = 80  # characters of a prompt in the title of the tab


@st.fragment
def answer(lab: Lab, question: Question) -> None:
    """The answer and everything that depends on lambda: only this part reruns once its slider rests."""
    try:
        lam = chosen_lambda(question.mixing)
        with st.spinner("Reading the prompt and searching the memory"):
            p = question.ask(lab, lam)
    except MemlabError as error:
        show_error(error)
        return
    verdict = lab.verdict(p, question.expected)
    answer_panel(p, question.mixing, verdict)
    noticed(p)
    suggest_names(p)
    fix_here(lab, p, verdict, FIX)  # here for right and wrong answers alike, so that nothing jumps when lambda moves
    beside_pinned(lab, p)
    who_said_it(lab, p)
    look_closer(lab, p)
    details(p)
    exports(lab, p)
    present_in_bar(p)
    note(p, question.expected)


def who_said_it(lab: Lab, p: Prediction) -> None:
    """The neighbors, and beside them the article that was opened; nothing for a method without memory."""
    if not lab.methods()[p.method].remembers:
        return
    said, tally = st.columns([1, 3], vertical_alignment="center")
    said.subheader("Who said it", anchor=False, help=ENTRY)
    tally.html(vote_tally(p))
    forgets = lab.methods()[p.method].memory is None and not p.without and may_edit(lab) and p.as_of == lab.head()
    entry = opened_source()
    opened = next((n for n in p.neighbors if n.entry == entry), None)
    if opened is None:
        if entry is not None:
            show_error(NotFound(f"Entry {entry} is not among the {len(p.neighbors)} neighbors of this question."))
        neighbor_list(p, wide=True, forgets=forgets)
        return
    passages, source = st.columns(2, gap="medium")
    with passages:
        neighbor_list(p, wide=False, forgets=forgets)
    with source:
        article_panel(lab, p, opened)


through_app()
lab = current_lab()
with st.container(gap=None):
    unseen_heading("Ask")
    way, bar, menu, before = st.columns([3, 10, 2.6, 2.4], vertical_alignment="center", gap="small")
with bar:
    prompt = prompt_bar()
try:
    with settings_place():
        question = choose(lab, first_reading(prompt), way)
        question = replace(question, prompt=second_reading(lab, question, prompt), expected=expected_answer())
        keyboard_help()
    prompts = examples(lab, question.method)
except MemlabError as error:
    show_error(error)
    st.stop()
with menu:
    example_menu(prompts)
with before:
    recent_menu()
for problem in question.problems:
    show_error(problem)
if prompt.strip():
    st.set_page_config(page_title=f"{question.prompt[:TITLE]} · memlab")
    say_how_it_was_read(question.prompt, prompt)
    suggest(lab, question)  # above the answer, since nobody would look for it below the passages
    answer(lab, question)
    offer_fitting_method(lab, question)
else:
    first_steps(question.method, prompts)
    recent_questions()
