"""Tuning key, scale or temperature, and lambda on validation questions.

The published settings do not transfer to other models: distances have another scale, and with lambda
0.3 memory can never overrule a model that is sure (0.3 < 0.7 p as soon as p > 0.43). The search is
one retrieval per kind of key; the whole grid of scale and lambda is computed from its neighbors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.evaluate.questions import Asked, Question, ask_all
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.memory.plan import Tick
from memlab.methods import RECALL, Method

LAMBDAS = np.round(np.linspace(0.05, 0.95, 19), 2)
SPREADS = np.array(
    [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
)  # in units of the median nearest distance
SPREAD_NAME = {"bert-knn": "scale", "knn-lm": "temperature"}


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
    tick: Tick = lambda share: None,
) -> Calibrated:
    """The spread and lambda with the highest precision at 1 on one store; its key is that of the store.

    Ties go to the higher mean log-probability of the right answer. `tick` hears which share of the work is
    done; what it raises ends it.
    """
    k = min(k, len(store))
    defaults = method.settings()
    asked = ask_all(model, store, questions, k, defaults.search, defaults.articles, lambda share: tick(share / 2))
    best = Calibrated({}, -1.0, -np.inf, len(questions))
    spreads = _spreads(method, asked)
    for n, spread in enumerate(spreads):
        tick(0.5 + 0.5 * n / len(spreads))
        right, score = _scores(method, asked, spread)  # (L,), (L,)
        i = int(np.lexsort((score, right))[-1])
        if (right[i], score[i]) > (best.p_at_1, best.mean_logp):
            chosen = {"k": k, SPREAD_NAME[method.name]: spread, "lam": float(LAMBDAS[i]), "key": store.fingerprint.key}
            best = Calibrated(chosen, float(right[i]), float(score[i]), len(questions))
    return best


def _spreads(method: Method, asked: Asked) -> list[float]:
    """Scales or temperatures to try, around the typical distance of the nearest neighbor."""
    low = {f.name: f.low for f in method.fields()}[SPREAD_NAME[method.name]]
    plain = method.settings()
    nearest = [
        RECALL[method.name](f.distances[0, :1], f.values[0, :1], 1 + f.values[0, 0], plain)[0][0] for f in asked.found
    ]
    typical = float(np.median(nearest)) or 1.0
    return sorted({float(f"{max(low or 0.0, typical * s):.2g}") for s in SPREADS})


def _scores(method: Method, asked: Asked, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Precision at 1 and mean log-probability of the answer for every lambda, (L,) each.

    Only the neighbors' values, the model's first word and the answer can matter, so the mixture is
    computed for these few words.
    """
    settings = method.settings(**{SPREAD_NAME[method.name]: spread})
    right, score = np.zeros(len(LAMBDAS)), np.zeros(len(LAMBDAS))
    lam = LAMBDAS[:, None]
    for question, logp, found in zip(asked.questions, asked.logp, asked.found, strict=True):
        real = found.entries[0] >= 0
        values = found.values[0][real]
        words, local = np.unique(np.append(values, [int(logp.argmax()), question.answer]), return_inverse=True)
        memory = RECALL[method.name](found.distances[0][real], local[: len(values)], len(words), settings)[1]
        p = lam * np.exp(memory.logp) + (1 - lam) * np.exp(logp[words])  # (L, words)
        answer = local[-1]
        right += p.argmax(axis=1) == answer
        score += np.log(np.maximum(p[:, answer], 1e-30))
    return right / len(asked.questions), score / len(asked.questions)
