"""One prompt, or many, through model and memory: encode, choose articles, search.

The query key comes from the base weights that made the datastore; the log-probabilities from the
weights that answer. Where both are the same, as they are without edits, one forward pass gives both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from memlab.corpus.world import MASK
from memlab.errors import InputError
from memlab.lm.model import Encoded, LanguageModel
from memlab.lm.prompts import ReadPrompt, read_prompt
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.found import Found
from memlab.memory.overlay import EditedStore
from memlab.memory.own_store import OwnStore
from memlab.memory.search import search_all, search_within
from memlab.progress import Tick, no_tick


@dataclass(frozen=True)
class Encoding:
    """A prompt as model and memory see it.

    key: (d,) float32 query key, by the model that made the datastore. logp: (V,) float64 log-probabilities and
    hidden: (d,) float32 top state of the model that answers.
    """

    read: ReadPrompt
    key: np.ndarray
    logp: np.ndarray
    hidden: np.ndarray
    ms: float


class EncodedPrompts(NamedTuple):
    """Prompts that one model read: query keys (B, d), log-probabilities (B, V) and top states (B, d)."""

    keys: np.ndarray
    logp: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class Retrieval:
    """The neighbors of one prompt; `rows` are the documents that article search chose (None: all entries)."""

    found: Found
    rows: tuple[int, ...] | None
    ms: float


def encode(model: LanguageModel, prompt: str, key: str, base: LanguageModel | None = None) -> Encoding:
    """One forward pass of `model`, and one more of `base` where the key belongs to other weights."""
    start = time.perf_counter()
    read = read_prompt(model, prompt)
    separate = base is not None and base is not model
    encoded = encode_many(model, [read], "last" if separate else key)
    keys = encode_many(base, [read], key).keys if base is not None and separate else encoded.keys
    return Encoding(read, keys[0], encoded.logp[0], encoded.hidden[0], 1e3 * (time.perf_counter() - start))


def encode_many(
    model: LanguageModel,
    prompts: Sequence[ReadPrompt],
    key: str,
    batch: int = 128,
    tick: Tick = no_tick,
) -> EncodedPrompts:
    """Query keys, log-probabilities (float64) and top states of prompts, in batches of similar length.

    `tick` is called before each batch with the share that is done; exceptions abort.
    """
    model.check_key(key)
    keys = np.empty((len(prompts), model.width(key)), np.float32)
    hidden = np.empty((len(prompts), model.width("last")), np.float32)
    logp = np.empty((len(prompts), model.V))
    for part, out in _encoded(model, prompts, (key, "last"), batch, tick):
        keys[part], hidden[part] = out.keys[key].numpy(), out.keys["last"].numpy()
        assert out.logp is not None
        logp[part] = out.logp.numpy()
    return EncodedPrompts(keys, logp, hidden)


def top_states(
    model: LanguageModel, prompts: Sequence[ReadPrompt], batch: int = 128, tick: Tick = no_tick
) -> np.ndarray:
    """The top states (n, d) float32 of prompts, for models whose own head is not used; `tick` as in `encode_many`."""
    hidden = np.empty((len(prompts), model.width("last")), np.float32)
    for part, out in _encoded(model, prompts, ("last",), batch, tick, logp=False):
        hidden[part] = out.keys["last"].numpy()
    return hidden


def _encoded(
    model: LanguageModel,
    prompts: Sequence[ReadPrompt],
    keys: tuple[str, ...],
    batch: int,
    tick: Tick,
    logp: bool = True,
) -> Iterator[tuple[list[int], Encoded]]:
    """For each batch of prompts of similar length: which they are, and the model's output at the asked positions."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i].ids))
    for at in range(0, len(order), batch):
        tick(at / len(order))
        part = order[at : at + batch]
        ids, mask = model.pad([prompts[i].ids for i in part])
        columns = torch.tensor([prompts[i].position for i in part])
        yield part, model.encode(ids, mask, torch.arange(len(part)), columns, keys, logp)


def retrieve(store: Searchable, prompt: str, query: np.ndarray, k: int, search: str, articles: int) -> Retrieval:
    """The k nearest entries of a query (d,), in all entries or in those of the articles that the prompt is about.

    Raises:
        InputError: k larger than the store, a search in all entries of a store that is still being built, or no article
            shares a word with the prompt.
    """
    start = time.perf_counter()
    check_k(store, k)
    if search == "all":
        if not store.ready:
            raise InputError(f"The datastore {store.name!r} is still being built; until then search in articles only.")
        found, rows = search_everywhere(store, query[None], k), None
    else:
        rows = tuple(choose_articles(store, prompt, articles))
        found = search_within(store, query, k, store.documents.entries(list(rows)))
    return Retrieval(found, rows, 1e3 * (time.perf_counter() - start))


def search_everywhere(store: Searchable, queries: np.ndarray, k: int) -> Found:
    """The k nearest of all entries of a finished datastore, edited or not."""
    if isinstance(store, EditedStore | OwnStore):
        return store.search(queries, k)
    assert isinstance(store, Datastore)
    return search_all(store, queries, k)


def check_k(store: Searchable, k: int) -> None:
    """Raises InputError when the store has fewer than k entries."""
    if k > len(store):
        raise InputError(
            f"k is {k}, but the datastore {store.name!r} has {len(store)} entries. Choose k from 1 to {len(store)}."
        )


def choose_articles(store: Searchable, prompt: str, n: int) -> list[int]:
    """Rows of the articles that a prompt is about; articles without entries are left out.

    Raises:
        InputError: none shares a word with the prompt.
    """
    question = prompt.replace(MASK, " ")
    for find in (store.articles.find, store.articles.nearest):  # the titled article may have been forgotten
        rows = [r for r in find(question, n) if len(store.documents.entries([r]))]
        if rows:
            return rows
    raise InputError(
        "No article of this memory shares a word with the prompt. Use words of its articles, or search in all entries."
    )
