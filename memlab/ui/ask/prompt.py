"""The prompt bar: what is asked, and examples to start from."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.model_kinds import of_kind
from memlab.declare import Method
from memlab.results.verdict import alternatives
from memlab.ui.app.address import chosen_or_in_address, into_address, shown
from memlab.ui.app.keyboard import ASK
from memlab.ui.ask.neighbors import start_over
from memlab.ui.ask.question import TYPED
from memlab.ui.plain import plain

PROMPT, EXPECTED = "prompt", "expected"
_LAST = "ask.prompt.last"
_EXAMPLE = "ask.example"
_HOW = {  # by kind of model
    "masked": "Type a sentence with **[MASK]** where one word is missing, and press Enter.",
    "causal": "Type the beginning of a sentence, and press Enter: the next word is asked for.",
}


def prompt_bar() -> str:
    """One line to type in; Enter or the button asks. Each prompt that was asked is a step of the browser's Back."""
    typed_before = st.session_state.get(PROMPT)
    st.session_state[TYPED] = chosen_or_in_address(PROMPT, st.query_params.get(PROMPT, "")) == typed_before
    with st.form("ask.form", border=False):
        line, button = st.columns([5, 1], vertical_alignment="center")
        prompt = line.text_input(
            "Prompt",
            key=PROMPT,
            placeholder="Type a sentence with [MASK], or one to continue",
            label_visibility="collapsed",
            autocomplete="off",
        )
        button.form_submit_button("Ask", type="primary", width="stretch", shortcut=ASK, on_click=_other_prompt)
    into_address(PROMPT, prompt)
    shown(PROMPT, prompt)
    st.session_state[_LAST] = prompt
    return prompt or ""


def expected_answer() -> tuple[str, ...]:
    """The right answers as typed, or from the address."""
    typed = st.text_input(
        "Expected answer",
        key=EXPECTED,
        bind="query-params",
        autocomplete="off",
        placeholder="automatic for Atlas",
        help="Then the page says who is right, and whether memory helped or misled. Several right answers: Bern | Berne. "
        "Questions of the bundled world are judged without it.",
    )
    return alternatives(typed)


def examples(lab: Lab, method: Method) -> dict[str, str]:
    """Title -> prompt: the questions of the Guide's stories, worded for the method's kind of model; none without such."""
    kind = method.prompted
    if kind is None:
        return {}
    kinds = {name: other.kind for name, other in lab.methods().items()}
    return {
        story.title: story.prompt if kinds[story.method] == kind else lab.question(story.fact, kind=kind)
        for story in lab.inventory.stories()
    }


def example_menu(prompts: dict[str, str]) -> None:
    """A menu beside the prompt bar; nothing to choose where no example is worded for the method's kind of model."""
    if not prompts:
        st.button("Examples", key=f"{_EXAMPLE}.none", disabled=True, width="stretch")
        return
    st.menu_button(
        "Examples",
        list(dict.fromkeys(prompts.values())),
        key=_EXAMPLE,
        on_click=_take,
        width="stretch",
        format_func=plain,
    )


def first_steps(method: Method, prompts: dict[str, str]) -> None:
    """Shown in place of an answer before anything was asked."""
    st.subheader("Ask the model and its memory", anchor=False)
    if method.prompted is None:
        st.markdown(f"Type a prompt for a {method.kind} model, and press Enter. memlab has no examples for one.")
        return
    st.markdown(f"{of_kind(_HOW, method.prompted, 'examples')} Or begin with one of these:")
    for title, prompt in prompts.items():
        label = f"**{plain(title)}**: {plain(prompt)}"
        st.button(label, key=f"ask.first.{title}", on_click=fill, args=(prompt,), icon=":material/arrow_forward:")


def _take() -> None:
    fill(st.session_state[_EXAMPLE])


def fill(prompt: str) -> None:
    """Puts a prompt into the bar, as if it had been typed and asked."""
    st.session_state[PROMPT] = prompt
    _other_prompt()


def _other_prompt() -> None:
    """Starts a new question; clears the expected answer where the prompt changed."""
    if EXPECTED in st.session_state and st.session_state[PROMPT] != st.session_state.get(_LAST):
        st.session_state[EXPECTED] = ""
    start_over()
