"""The prompt bar, and examples for an empty page."""

from __future__ import annotations

import streamlit as st

from memlab.lab.view_address import USUAL_TOKENS
from memlab.results.moves import Extend
from memlab.ui.generate.settings import TOKENS
from memlab.ui.generate.view import LAST, View, begin, move_on

EXAMPLES = {
    "A fact that memory holds": "The capital of Norway is",
    "A passage copied word for word": "The euro is the currency of",
    "An author that the model mixes up": "The writer of the book Brave New World was",
    "The same beginning, another story": "Marie Curie was",
}
_TYPED, _OF, _EXAMPLE = "generate.prompt", "generate.prompt.of", "generate.example"


def prompt_bar(view: View) -> None:
    """One line to type in; Enter or Generate starts from the prompt, Next token adds one token."""
    if st.session_state.get(_OF) != view.prompt:  # a link, an example, the browser's Back
        st.session_state[_OF], st.session_state[_TYPED] = view.prompt, view.prompt or ""
    with st.form("generate.form", border=False):
        line, whole, one = st.columns([5, 1.1, 1.1], vertical_alignment="center", gap="small")
        line.text_input(
            "Prompt",
            key=_TYPED,
            placeholder="Type the beginning of a text",
            label_visibility="collapsed",
            autocomplete="off",
        )
        whole.form_submit_button("Generate", type="primary", width="stretch", on_click=_generate)
        one.form_submit_button("Next token", width="stretch", on_click=_next, args=(view,))


def first_steps(tokens: int) -> None:
    """Shown in place of a text before anything was asked."""
    st.subheader("Continue a prompt with and without memory", anchor=False)
    st.markdown(
        "The same model continues twice: alone, and with what its memory finds at every token. Every step keeps what "
        "each side said, and you can choose another token at any step. Type a beginning, or take one of these:"
    )
    for title, prompt in EXAMPLES.items():
        label = f"**{title}**: {prompt} …"
        st.button(
            label, key=f"generate.first.{title}", on_click=begin, args=(prompt, tokens), icon=":material/arrow_forward:"
        )


def example_menu(tokens: int) -> None:
    """A menu of the same examples, once a text is shown."""
    st.menu_button("Examples", list(EXAMPLES.values()), key=_EXAMPLE, on_click=_take, args=(tokens,))


def _take(tokens: int) -> None:
    begin(st.session_state[_EXAMPLE], tokens)


def _generate() -> None:
    begin(st.session_state[_TYPED], st.session_state.get(TOKENS, USUAL_TOKENS))


def _next(view: View) -> None:
    """Adds one token to this prompt's text, or starts another prompt with its first."""
    typed = st.session_state[_TYPED]
    if typed == view.prompt and view.moves:
        move_on(view, Extend(1), LAST)
    else:
        begin(typed, 1)
