"""Tuning key, scale or temperature, and lambda on validation questions.

The published settings do not transfer to other models: distances have another scale, and with lambda
0.3 memory can never overrule a confident model (0.3 < 0.7 p if p > 0.43). One retrieval per kind of key is
enough; the whole grid of scale and lambda is computed from its neighbors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.declare import Method
from memlab.evaluate.questions import Asked, Question, ask_all
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.progress import Tick, no_tick
from memlab.reading.mixing import knn_distances, knn_memory
from memlab.reading.reader import ModelAlone, Sources
from memlab.reading.states import Search

LAMBDAS = np.round(np.linspace(0.05, 0.95, 19), 2)
SPREADS = np.array(
    [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
)  # in units of the median nearest distance


@dataclass(frozen=True)
class Calibrated:
    """The best settings of a method on a datastore and how well they did."""

    settings: dict[str, Any]
    p_at_1: float
    mean_logp: float
    questions: int

    def to_dict(self) -> dict[str, Any]:
        return {"settings": self.settings, "p@1": self.p_at_1, "mean_logp": self.mean_logp, "questions": self.questions}


def calibrate(
    method: Method,
    model: LanguageModel,
    store: Datastore,
    questions: Sequence[Question],
    k: int,
    tick: Tick = no_tick,
) -> Calibrated:
    """The scale (or temperature) and lambda with the highest precision at 1 on one store, with that store's key.

    Ties are broken by the mean log-probability of the right answer. `tick` is called with the fraction done;
    exceptions abort.
    """
    k = min(k, len(store))
    defaults = method.settings()
    assert method.knn is not None
    key, articles = store.fingerprint.key, getattr(defaults, "articles", 0)
    within = getattr(defaults, "search", "all")
    sources = Sources(model, model, key, ModelAlone(), 0, Search(store, k), store.name, within, articles)
    asked = ask_all(sources, questions, lambda share: tick(share / 2))
    best = Calibrated({}, -1.0, -np.inf, len(questions))
    spreads = _spreads(method, asked)
    for n, spread in enumerate(spreads):
        tick(0.5 + 0.5 * n / len(spreads))
        right, score = _scores(method, asked, spread)  # (L,), (L,)
        i = int(np.lexsort((score, right))[-1])
        if (right[i], score[i]) > (best.p_at_1, best.mean_logp):
            chosen = {"k": k, method.knn.divisor: spread, "lam": float(LAMBDAS[i]), "key": store.fingerprint.key}
            best = Calibrated(chosen, float(right[i]), float(score[i]), len(questions))
    return best


def _spreads(method: Method, asked: Asked) -> list[float]:
    """Scales or temperatures to try, around the typical distance of the nearest neighbor."""
    assert method.knn is not None
    assert asked.found is not None
    low = {f.name: f.low for f in method.fields()}[method.knn.divisor]
    typical = float(np.median(knn_distances(method, asked.found.distances[:, 0]))) or 1.0
    return sorted({float(f"{max(low or 0.0, typical * s):.2g}") for s in SPREADS})


def _scores(method: Method, asked: Asked, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Precision at 1 and mean log-probability of the answer for every lambda, (L,) each.

    Only the neighbors' values, the model's first word and the answer can matter, so the mixture is
    computed for these few words.
    """
    assert method.knn is not None
    assert asked.found is not None
    settings = method.settings(**{method.knn.divisor: spread})
    right, score = np.zeros(len(LAMBDAS)), np.zeros(len(LAMBDAS))
    lam = LAMBDAS[:, None]
    for n, (question, logp) in enumerate(zip(asked.questions, asked.logp, strict=True)):
        found = asked.found.row(n)
        values = found.values[0]
        words, local = np.unique(np.append(values, [int(logp.argmax()), question.answer]), return_inverse=True)
        memory = knn_memory(method, found.distances[0], local[: len(values)], len(words), settings)
        p = lam * np.exp(memory.logp) + (1 - lam) * np.exp(logp[words])  # (L, words)
        answer = local[-1]
        right += p.argmax(axis=1) == answer
        score += np.log(np.maximum(p[:, answer], 1e-30))
    return right / len(asked.questions), score / len(asked.questions)
