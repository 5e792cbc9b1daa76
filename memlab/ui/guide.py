"""The Guide: one-click stories, the workbench's vocabulary, and what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from memlab.systems.registry import registry
from memlab.ui.app.address import link
from memlab.ui.app.links import link_to
from memlab.ui.idea import idea
from memlab.ui.plain import plain

if TYPE_CHECKING:
    from memlab import Lab

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
    "helped, misled": "Memory helped: the model alone is wrong, the mixture right. It misled: the model alone is right, the mixture wrong.",
    "counterfactual": "What the answer would be with a gate of another value than the computed one.",
    "calibrated, paper": "Settings tuned on held-out facts or words for this datastore, or the values that the authors printed.",
    "frequent, rare, unseen": "How often a fact occurs in the training texts. Unseen facts are only in the datastore.",
    "edit": "One change of the memory: something taught, forgotten or corrected. Taking it back is an edit, too.",
    "as of": "The memory as it was after an earlier edit. Nothing that was recorded is ever changed.",
    "workspace": "Edits of one's own over the shared models and datastores. Two workspaces never see each other's edits.",
    "efficacy, paraphrase, neighborhood": "Scores of an edit: on its own question, on other wordings of it, and on nearby facts, whose answers must not change.",
    "smallest set": "The fewest neighbors that must be forgotten before the answer changes.",
    "occlusion": "A word of the prompt is hidden and the question asked again: what changes was due to that word.",
    "hubness": "Some entries are near almost every question. The larger their share, the less a neighbor tells.",
    "surprise, perplexity": "How little a token was expected: minus the logarithm of its probability, in nats. Perplexity is e to the mean surprise.",
    "nats": "The unit of surprise and gain: natural logarithms. One nat less is a token e (about 2.7) times as probable.",
    "harmonic mean": "Of an edit's scores: close to the smallest, so that no score makes up for one near 0.",
    "gain": "How much less surprising memory makes a token. Negative: the token was less surprising without memory.",
    "short-term, long-term memory": "What was read just before, beyond the local context; and the datastore.",
    "source": "The passage that an entry comes from: a place in an article.",
}

ENTRY = (
    "Each passage is an entry of the memory. Its key is the model's inner state just before the marked word, its value is that "
    "word. The closer the key is to the question's, the more weight the value gets; λ is the weight of all of them together."
)
MEASURES = (
    "Surprise of a token: −ln of its probability, in nats. One nat less: e (about 2.7) times as probable. Perplexity: e to the "
    "mean surprise; 1 is the least there can be."
)

LIMITS = (
    "The bundled models are small and know only the bundled world. Words that they never saw are marked.",
    "An answer is one word of the vocabulary. Names such as New York are one word here; other texts may need several.",
    "The memory repeats what its articles say. Where they are wrong or say nothing, so does it.",
    "Probabilities are the models' own. They are not calibrated chances of being right.",
    "Numbers measured on the bundled world do not carry over to large models.",
)
COLUMNS = 3  # of cards
PROMPT = "The capital of France is"  # of the card about a real model


def introduction() -> None:
    """The Guide's introduction and picture. They need no engine, so they appear as soon as a server has started."""
    st.title("A language model with a memory", anchor=False)
    st.markdown(
        "A language model answers from its weights, and nobody can see where in them a fact is. memlab puts a memory beside "
        "it: every word of a collection of texts, stored with what the model computed there. You ask, and see what the model "
        "alone would say, what the memory says, which passages said it, and how the two were mixed."
    )
    mixing = ", ".join(plain(method.title) for method in registry().methods.values() if method.remembers)
    st.markdown(
        f"- **Ways to mix**: {mixing}. Move λ, the weight of the memory, and the answer follows.\n"
        "- **Right or wrong**: where the right answer is known, the page says whether memory helped or misled.\n"
        "- **Your own texts and models**: make a memory from them on the page Memories, and ask it."
    )
    st.html(idea())
    st.caption("The numbers are those of the fourth story, with λ at 0.75.")


def story_cards(lab: Lab) -> None:
    """The engine's stories as cards of equal height, one about a real model, and one for a question of one's own."""
    with st.grid(COLUMNS, border=True):
        for story in lab.inventory.stories():
            with st.container(height="stretch"):
                st.subheader(plain(story.title), anchor=False)
                st.text(story.text)
                st.space("stretch")
                st.markdown(f"**{plain(story.prompt)}**")
                link_to("ask", "Ask this", link(story.prompt, story.method, story.settings), "play_circle")
        with st.container(height="stretch"):
            _real_model(lab)
        with st.container(height="stretch"):
            st.subheader("Your own question", anchor=False)
            st.text("Any sentence with a gap, or any beginning of one. The address of the page is the link to share.")
            st.space("stretch")
            link_to("ask", "Ask", {}, "play_circle")


def _real_model(lab: Lab) -> None:
    """A card about a pretrained model, alone or with a memory of one's own texts; if there is none, how to add one."""
    st.subheader("The same with a real model", anchor=False)
    added = [m.name for m in lab.models() if m.kind == "causal" and not m.bundled and "recipe" not in m.record]
    if not added:
        st.text(
            "The bundled models know only the bundled world. A pretrained one has read the web: add it once, online, "
            "and ask it the same."
        )
        st.space("stretch")
        st.markdown("`memlab models add smollm2`")
        link_to("models", "Add a model", {}, "download")
        return
    alone = next(m.name for m in lab.methods().values() if not m.remembers and m.why_not("ask", "causal") is None)
    view = {"model": added[0], "method": alone, "prompt": PROMPT}
    made = [store for store in lab.datastores() if store.state == "ready" and store.model in added]
    if made:
        view = {"model": made[0].model, "datastore": made[0].name, "prompt": PROMPT}
    st.text(
        f"{Path(view['model']).name} was trained on other texts than the bundled world's. "
        + (
            f"Its memory here is {view['datastore']}."
            if made
            else "It has no memory yet; Memories makes one from your texts."
        )
    )
    st.space("stretch")
    st.markdown(f"**{PROMPT}**")
    link_to("ask", "Ask this", view, "play_circle")
