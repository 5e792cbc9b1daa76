"""SPALM's mixture of states and retrieved tokens, for single answers and for whole passages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.lm.model import LanguageModel
from memlab.lm.spalm import SpalmModel
from memlab.memory.found import Found
from memlab.reading.cache import Attended
from memlab.reading.mixture import Answer, KnnMixture, Mixture, Sides, knn_weights
from memlab.reading.reader import Mixer
from memlab.reading.states import States
from memlab.results.gate import GateInfo
from memlab.systems.spalm.combination import spalm_scores

GATE = GateInfo(
    "spalm", "g", "the model's own state", ("the memory alone", "the model's own state alone"), True, "vectors"
)


@dataclass(frozen=True)
class SpalmMixer(Mixer):
    """K retrieved tokens mixed with the state; with `lam` above 0, kNN-LM mixed in after the softmax.

    force: puts the gate of all tokens to one value; 1 is without long-term memory.
    """

    K: int
    lam: float = 0.0
    temperature: float = 1.0
    force: float | None = None
    gate = GATE
    takes_cache = False

    @property
    def shown(self) -> int:  # type: ignore[override]
        return self.K

    def mixture(
        self,
        lm: LanguageModel,
        states: States,
        words: int,
        found: Found | None,
        cached: Attended | None = None,
        lam_cache: float = 0.0,
    ) -> Mixture:
        if found is None:  # the state alone: what the gate at 1 gives
            return KnnMixture(lm, states, words)
        assert isinstance(lm, SpalmModel)
        return SpalmMixture(lm, states, words, found, self.K, self.lam, self.temperature, self.force)


@dataclass(frozen=True)
class SpalmMixture(Mixture):
    """SPALM, and with `lam` above 0 kNN-LM mixed in after its softmax.

    `lm` and `knn` of its sides are counterfactuals: the gate forced to 1 (no memory) and to 0 (memory only).

    Args:
        found: (N, k) neighbors, the first K of which SPALM retrieves.
        force: puts the gate of all tokens to one value; 1 is without long-term memory.
    """

    lm: SpalmModel
    states: States
    words: int
    found: Found
    K: int
    lam: float = 0.0
    temperature: float = 1.0
    force: float | None = None
    gate: GateInfo = GATE

    def answer(self, row: int, force: float | None = None) -> Answer:
        """With the weight that kNN-LM has in the mixture; a row without any neighbor is the state alone."""
        a = super().answer(row, force)
        return Answer(a.lm, a.knn, a.cache, a.mixture, a.gate, a.weights, self.lam)

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        hidden, values = self.states.hidden[rows], self.found.values[rows][:, : self.K]
        gate = self.force if force is None else force
        scores = spalm_scores(hidden, values, self.lm, gate)
        alone, only = spalm_scores(hidden, values, self.lm, 1.0), spalm_scores(hidden, values, self.lm, 0.0)
        mixture, lm, knn = (self._padded(s.logp) for s in (scores, alone, only))
        log_share = np.zeros(len(rows))
        if self.lam:
            weights = knn_weights(self.found.distances[rows], self.temperature)
            words = torch.from_numpy(np.maximum(self.found.values[rows], 0)).long()
            p_knn = torch.zeros(len(rows), self.words).scatter_add_(1, words, torch.from_numpy(weights).float())
            share = torch.where(p_knn.sum(1) > 0, self.lam, 0.0)[:, None]
            mixture = (1 - share) * mixture + share * p_knn
            log_share = torch.log1p(-share)[:, 0].double().numpy()
        g, weights = scores.g.double().numpy(), scores.weights.double().numpy()
        return Sides(lm, knn, None, mixture, g, weights, alone.logp, scores.logp, log_share)

    def _padded(self, logp: Tensor) -> Tensor:
        return torch.nn.functional.pad(logp.exp(), (0, self.words - logp.shape[1]))
