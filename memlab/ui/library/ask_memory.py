"""From a memory of one's own to its first answer."""

from __future__ import annotations

from collections.abc import Sequence

from memlab import Lab
from memlab.corpus.first_prompt import first_prompt
from memlab.errors import MemlabError
from memlab.evaluate.prepare import bundled_stores
from memlab.memory.shelf import StoreInfo
from memlab.ui.app.links import link_to
from memlab.ui.offered import model_info
from memlab.ui.plain import plain


def ask_memory(lab: Lab, store: StoreInfo) -> None:
    """A link to Ask with this memory and a first prompt from its own texts; nothing where it cannot be asked."""
    model = model_info(lab, store.model)
    kind = "causal" if model is None else model.kind
    try:
        prompt = first_prompt((article.text for article in lab.articles(store.name)), kind)
    except MemlabError:  # the table says what is wrong with it
        return
    view = {"model": store.model, "datastore": store.name} | ({} if prompt is None else {"prompt": prompt})
    label = f"Ask this memory, {plain(store.name)}" + ("" if prompt is None else f": **{plain(prompt)}**")
    link_to("ask", label, view, "play_circle")


def ask_own_memories(lab: Lab, stores: Sequence[StoreInfo]) -> None:
    """A link for each memory that was made here and can be asked."""
    for store in stores:
        if store.state == "ready" and store.name not in bundled_stores():
            ask_memory(lab, store)
