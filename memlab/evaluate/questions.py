"""Batches of questions with known answers, for calibration and probes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from memlab.corpus.model_kinds import model_kind
from memlab.corpus.world import World, draw
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.memory.found import Found
from memlab.memory.retrieval import choose_articles, encode_many, search_everywhere
from memlab.memory.search import search_within
from memlab.progress import Tick, no_tick
from memlab.reading.reader import Sources
from memlab.reading.states import States
from memlab.results import Fact

VALIDATION = 0.2  # share of the facts that calibration may use


@dataclass(frozen=True)
class Question:
    """A prompt and the id of the one token that answers it."""

    prompt: str
    answer: int
    fact: Fact | None = None


@dataclass(frozen=True)
class Asked:
    """Questions after model and search, before mixing: states and log-probabilities (B, V), neighbors (B, k) of each."""

    questions: Sequence[Question]
    states: States
    found: Found | None

    @property
    def logp(self) -> np.ndarray:
        """(B, V) float64 log-probabilities of the model."""
        assert self.states.scores is not None
        return self.states.scores.numpy()


def is_validation(fact: Fact) -> bool:
    """Whether calibration may use the fact; scores on cards never do."""
    return draw("validation", fact.subject, fact.relation) < VALIDATION


def fact_questions(world: World, model: LanguageModel, facts: Iterable[Fact], n: int = 0) -> list[Question]:
    """The n-th held-out question about each fact whose object is one token of the model."""
    out = []
    for fact in facts:
        ids = model.tokenizer(model_kind(model.kind).answer(fact.object), add_special_tokens=False)["input_ids"]
        if len(ids) == 1:
            prompt = world.relations[fact.relation].ask(fact, n, model.kind)
            out.append(Question(prompt, ids[0], fact))
    return out


def ask_all(sources: Sources, questions: Sequence[Question], tick: Tick = no_tick) -> Asked:
    """Encodes all questions in batches and finds the neighbors of each. `tick`: called with the fraction done."""
    read = [read_prompt(sources.lm, q.prompt) for q in questions]
    separate = sources.base is not sources.lm
    encoded = encode_many(sources.lm, read, "last" if separate else sources.key, tick=lambda share: tick(share / 2))
    keys = encode_many(sources.base, read, sources.key).keys if separate else encoded.keys
    states = States(
        np.ones(len(read), bool),
        torch.from_numpy(encoded.hidden),
        torch.from_numpy(keys),
        torch.from_numpy(encoded.logp),
    )
    search = sources.search
    if search is None:
        return Asked(questions, states, None)
    if sources.within == "all":
        return Asked(questions, states, search_everywhere(search.store, keys, search.k))
    found = []
    for n, (q, key) in enumerate(zip(questions, keys, strict=True)):
        tick(0.5 + 0.5 * n / len(questions))
        try:
            rows = choose_articles(search.store, q.prompt, sources.articles)
        except InputError:  # after the edits, no article is about it
            found.append(Found.nothing(1))
            continue
        found.append(search_within(search.store, key, search.k, search.store.documents.entries(rows)))
    return Asked(questions, states, Found.stacked(found))
