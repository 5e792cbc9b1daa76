"""The Guide: the picture of the idea, one-click stories, the words of the workbench, and what it cannot do."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.address import link
from memlab.ui.links import link_to
from memlab.ui.plain import plain

WORDS = {
    "entry": "One remembered word with its place: a pair of key and value.",
    "datastore": "All entries of one model over one collection of texts.",
    "key": "What the model's inner state looked like just where the word stood. Questions are compared with keys.",
    "value": "The word that stood there: what the entry votes for.",
    "neighbor": "An entry whose key is close to the question's. The closer, the more weight its value gets.",
    "λ (lambda)": "The weight of the memory in the mixture: 0 is the model alone, 1 the memory alone.",
    "temperature, scale": "How fast weight falls with distance. Small: only the nearest count. Large: all count alike.",
    "gate": "What decides λ: one number for every question, or a number computed for each word. Where vectors are mixed, the gate weighs the model's own state.",
    "tipping point": "The λ from which memory's answer beats the model's.",
    "[MASK]": "The gap that a masked model fills. A next-word model continues the prompt instead.",
    "calibrated, paper": "Settings tuned on validation facts for this datastore, or the values printed by the authors.",
    "frequent, rare, unseen": "How often training told a fact. Unseen facts are only in the datastore.",
    "edit": "One change of the memory: something taught, forgotten or corrected. Taking it back is an edit, too.",
    "as of": "The memory as it was after so many edits. Nothing that was recorded is ever changed.",
    "workspace": "Edits of one's own over the shared models and datastores. Two workspaces never see each other's edits.",
    "efficacy, paraphrase, neighborhood": "What an edit reached: its own question, other wordings of it, and facts near it that must not move.",
    "smallest set": "The fewest neighbors that must be forgotten before the answer changes.",
    "occlusion": "A word of the prompt is hidden, and the question asked again: what moves was due to that word.",
    "hubness": "Some entries are near to almost every question. The larger this share, the less a neighbor says.",
    "surprise, perplexity": "How little a token was expected: minus the logarithm of its probability, in nats. Perplexity is e to the mean surprise.",
    "gain": "How much less surprising memory makes a token. Negative: without memory it was expected more.",
    "short-term, long-term memory": "What was read just before, beyond the local context; and the datastore.",
    "source": "The passage that an entry comes from: a place in an article.",
}

LIMITS = (
    "The bundled models are small and know only the bundled world. Words that they never met are marked.",
    "An answer is one word of the vocabulary. Names such as New York are one word here; other texts may need several.",
    "The memory repeats what its articles say. Where they are wrong or say nothing, so does it.",
    "Probabilities are the models' own. They are not calibrated chances of being right.",
    "Numbers measured on the bundled world do not carry over to large models.",
)


SAYS = "A prompt goes to the model and to its memory; their answers are mixed with the weights 1 − λ and λ."
_BOX = "border-radius:0.8rem;padding:0.8rem 1.1rem;color:#fff;line-height:1.4;flex:1 1 9.5rem"
_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:0.6rem"
_ARROW = "<span style='font-size:1.5rem;opacity:0.7'>→</span>"
COLUMNS = 3


def idea() -> str:
    """HTML of the picture; it wraps on narrow screens."""
    prompt = _box("#566176", "Prompt", "… Nile … continent of …", ())
    model = _box("#3272CB", "Model", "what its weights have learned", (("Europe", 0.81),))
    memory = _box("#C45312", "Memory", "what similar passages said", (("Africa", 0.99),))
    mixture = _box("#128058", "Mixture", "the answer that you see", (("Africa", 0.75), ("Europe", 0.20)))
    sides = "".join(
        f"<div style='{_ROW};flex-wrap:nowrap'>{side}<i style='white-space:nowrap;width:4.2rem'>× {weight}</i></div>"
        for side, weight in ((model, "(1 − λ)"), (memory, "λ"))
    )
    return (
        f"<div role='img' aria-label='{SAYS}' style='{_ROW}'>{prompt}{_ARROW}"
        f"<div style='display:grid;gap:0.6rem;flex:2 1 17rem'>{sides}</div>{_ARROW}{mixture}</div>"
    )


def _box(color: str, title: str, text: str, words: tuple[tuple[str, float], ...]) -> str:
    bars = "".join(
        "<div style='display:flex;align-items:center;gap:0.5rem;margin-top:0.3rem'>"
        f"<span style='background:#fff;border-radius:0.25rem;height:0.9rem;width:{6 * p:.2f}rem'></span>{word} {p:.2f}</div>"
        for word, p in words
    )
    return f"<div style='background:{color};{_BOX}'><b style='font-size:1.1rem'>{title}</b><br>{text}{bars}</div>"


def story_cards(lab: Lab) -> None:
    """The engine's stories as cards of equal height, and a last card for a question of one's own."""
    with st.grid(COLUMNS, border=True):
        for story in lab.inventory.stories():
            with st.container(height="stretch"):
                st.subheader(plain(story.title), anchor=False)
                st.text(story.text)
                st.space("stretch")
                st.markdown(f"**{plain(story.prompt)}**")
                link_to("ask", "Ask this", link(story.prompt, story.method, story.settings), "play_circle")
        with st.container(height="stretch"):
            st.subheader("Your own question", anchor=False)
            st.text("Any sentence with a gap, or any beginning of one. The address of the page is the link to share.")
            st.space("stretch")
            link_to("ask", "Ask", {}, "play_circle")
