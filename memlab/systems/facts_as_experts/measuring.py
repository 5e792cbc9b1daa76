"""Questions about many facts: the prompts are read once, then answered with any state of the fact memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from memlab.corpus.world import EXPOSURES, World, atlas
from memlab.lm.prompts import read_prompt
from memlab.memory.retrieval import top_states
from memlab.progress import Progress, no_progress
from memlab.reading.mixture import MixtureInputs
from memlab.reading.states import States
from memlab.results import Fact
from memlab.systems.facts_as_experts.declaration import Settings
from memlab.systems.facts_as_experts.mixture import FactMixer
from memlab.systems.facts_as_experts.model import FaeModel
from memlab.systems.facts_as_experts.store import Entry, FactStore

QUESTIONS = (0, 1, 2)
CHUNK = 512  # questions that are answered at once


@dataclass(frozen=True)
class Read:
    """Questions about facts after the model's forward pass. states: one row per question."""

    lm: FaeModel
    facts: tuple[Fact, ...]
    prompts: tuple[str, ...]
    states: States


@dataclass(frozen=True)
class Said:
    """A model's answers to n questions, all (n,): token ids of the answer of the mixture and its probability, of the
    facts alone (`memory`) and of the context alone, the gate, and the entry retrieved first (-1 for none)."""

    answer: np.ndarray
    p: np.ndarray
    memory: np.ndarray
    context: np.ndarray
    gate: np.ndarray
    first: np.ndarray

    def right(self, tokens: np.ndarray) -> np.ndarray:
        """(n,) whether the answer is the token."""
        return self.answer == tokens


def read_questions(
    lm: FaeModel, facts: Sequence[Fact], n: int, world: World | None = None, progress: Progress = no_progress
) -> Read:
    """One forward pass over the n-th held-out question about each fact."""
    relations = (world or atlas()).relations
    prompts = tuple(relations[f.relation].ask(f, n) for f in facts)

    def tick(share: float) -> None:
        progress(share, "reading questions")

    hidden = torch.from_numpy(top_states(lm, [read_prompt(lm, p) for p in prompts], tick=tick))
    return Read(lm, tuple(facts), prompts, States(np.ones(len(prompts), bool), hidden, hidden))


def say(read: Read, store: FactStore, k: int = Settings().k) -> Said:
    """The answers with one state of the fact memory."""
    found = store.search(read.states.hidden.numpy(), min(k, max(1, len(store.active))))
    mixture = FactMixer(store).mixture(MixtureInputs(read.lm, read.states, read.lm.V, found))
    parts: list[tuple[np.ndarray, ...]] = []
    for rows, s in mixture.chunks(np.arange(len(read.facts)), CHUNK):
        p, answer = s.mixture.max(1)
        memory = answer if s.knn is None else s.knn.argmax(1)
        first = found.entries[rows, 0] if found.entries.shape[1] else np.full(len(rows), -1)
        parts.append((answer.numpy(), p.numpy(), memory.numpy(), s.lm.argmax(1).numpy(), s.gate, first))
    return Said(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def tokens_of(lm: FaeModel, names: Sequence[str]) -> np.ndarray:
    """The token of each name."""
    return np.array([int(lm.parts.tokens[lm.entity_of[name]]) for name in names])


def name_of(lm: FaeModel, token: int) -> str:
    """The name of an answer's token."""
    return lm.record.entities[int(lm.parts.entity[token])]


def exposure_table(lm: FaeModel, questions: Sequence[int], progress: Progress = no_progress) -> list[dict[str, Any]]:
    """P@1 by exposure over all facts: whole memory, memory alone, context alone, and without the group's rows."""
    facts = lm.facts
    whole = FactStore(lm, [Entry(f) for f in facts])
    wanted = tokens_of(lm, [f.object for f in facts])
    group = np.array([f.exposure or "" for f in facts])
    columns: dict[str, list[np.ndarray]] = {}
    for at, n in enumerate(questions):
        read = read_questions(lm, facts, n, progress=lambda f, m, at=at: progress((at + 0.5 * f) / len(questions), m))  # type: ignore[misc]
        full = say(read, whole)
        without = _without_each(read, group)
        found = {
            "with_rows": full.right(wanted), "memory_alone": full.memory == wanted, "context_alone": full.context == wanted,
            "without_rows": without.right(wanted), "gate": full.gate, "gate_without": without.gate,
            "row": full.first == np.arange(len(facts)),
        }  # fmt: skip
        for name, values in found.items():
            columns.setdefault(name, []).append(values)
    out = []
    for exposure in (*EXPOSURES, "all"):
        chosen = np.ones(len(facts), bool) if exposure == "all" else group == exposure
        numbers = {name: float(np.mean([v[chosen].mean() for v in values])) for name, values in columns.items()}
        out.append({"exposure": exposure, "questions": int(chosen.sum()) * len(questions), **numbers})
    return out


def _without_each(read: Read, group: np.ndarray) -> Said:
    """The answers of each group of questions with all rows of that group removed from memory."""
    parts = []
    for name in dict.fromkeys(group):
        store = FactStore(read.lm, [Entry(f, active=g != name) for f, g in zip(read.lm.facts, group, strict=True)])
        parts.append((np.flatnonzero(group == name), say(read, store)))
    first = parts[0][1]
    columns = []
    for field in ("answer", "p", "memory", "context", "gate", "first"):
        column = getattr(first, field).copy()
        for chosen, said in parts:
            column[chosen] = getattr(said, field)[chosen]
        columns.append(column)
    return Said(*columns)
