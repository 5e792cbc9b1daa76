"""Questions with known answers, asked in bulk: what calibration and probes share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from memlab.corpus.world import World, draw
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.memory.datastore import Datastore
from memlab.memory.found import Found
from memlab.memory.plan import Tick
from memlab.memory.retrieval import choose_articles, encode_many
from memlab.memory.search import search_all, search_within
from memlab.results import Fact

VALIDATION = 0.2  # share of the facts that calibration may look at


@dataclass(frozen=True)
class Question:
    """A prompt and the id of the one token that answers it."""

    prompt: str
    answer: int
    fact: Fact | None = None


@dataclass(frozen=True)
class Asked:
    """Questions after model and search, before mixing: log-probabilities (B, V), neighbors of each."""

    questions: Sequence[Question]
    logp: np.ndarray
    found: list[Found]


def is_validation(fact: Fact) -> bool:
    """Whether calibration may use the fact; scores on cards never do."""
    return draw("validation", fact.subject, fact.relation) < VALIDATION


def fact_questions(world: World, model: LanguageModel, facts: Iterable[Fact], n: int = 0) -> list[Question]:
    """The n-th held-out question about each fact whose object is one token of the model."""
    out = []
    for fact in facts:
        continued = fact.object if model.kind == "masked" else " " + fact.object
        ids = model.tokenizer(continued, add_special_tokens=False)["input_ids"]
        if len(ids) == 1:
            prompt = world.relations[fact.relation].ask(fact, n, model.kind)
            out.append(Question(prompt, ids[0], fact))
    return out


def ask_all(
    model: LanguageModel,
    store: Datastore,
    questions: Sequence[Question],
    k: int,
    search: str,
    articles: int,
    tick: Tick = lambda share: None,
) -> Asked:
    """Encodes all questions in batches and finds the neighbors of each; what `tick` raises ends the work."""
    read = [read_prompt(model, q.prompt) for q in questions]
    keys, logp = encode_many(model, read, store.fingerprint.key, tick=lambda share: tick(share / 2))
    if search == "all":
        together = search_all(store, keys, k)
        found = [
            Found(together.entries[i : i + 1], together.values[i : i + 1], together.distances[i : i + 1], len(store))
            for i in range(len(questions))
        ]
    else:
        found = []
        for n, (q, key) in enumerate(zip(questions, keys, strict=True)):
            tick(0.5 + 0.5 * n / len(questions))
            rows = choose_articles(store, q.prompt, articles)
            found.append(search_within(store, key, k, store.documents.entries(rows)))
    return Asked(questions, logp, found)
