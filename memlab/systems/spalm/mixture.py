"""SPALM's mixture of states and retrieved tokens, for single answers and for whole passages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.reading.mixture import (
    Answer,
    KnnMixture,
    Mixture,
    MixtureInputs,
    Sides,
    knn_probabilities,
    knn_weights,
    mixed,
    padded,
)
from memlab.reading.reader import Mixer
from memlab.results.gate import GateInfo
from memlab.systems.spalm.combination import spalm_scores
from memlab.systems.spalm.model import SpalmModel

GATE = GateInfo(
    "spalm", "g", "the model's own state", ("the memory alone", "the model's own state alone"), True, "vectors"
)


@dataclass(frozen=True)
class SpalmMixer(Mixer):
    """K retrieved tokens mixed with the state; with `lam` above 0, kNN-LM mixed in after the softmax.

    force: fixes the gate of all tokens; 1 is without long-term memory.
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

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        if inputs.found is None:  # the state alone: what the gate at 1 gives
            return KnnMixture(MixtureInputs(inputs.lm, inputs.states, inputs.words))
        return SpalmMixture(inputs, self.K, self.lam, self.temperature, self.force)


@dataclass(frozen=True)
class SpalmMixture(Mixture):
    """SPALM, and with `lam` above 0 kNN-LM mixed in after its softmax.

    `lm` and `knn` of its sides are counterfactuals: the gate forced to 1 (no memory) and to 0 (memory only).

    Args:
        inputs: of a SPALM, with neighbors; SPALM uses the first K of them.
        force: fixes the gate of all tokens; 1 is without long-term memory.
    """

    inputs: MixtureInputs
    K: int
    lam: float = 0.0
    temperature: float = 1.0
    force: float | None = None
    gate: GateInfo = GATE  # pyrefly: ignore[bad-override]

    def answer(self, row: int, force: float | None = None) -> Answer:
        """One row, with the weight of kNN-LM in the mixture; without any neighbor, the state alone."""
        a = super().answer(row, force)
        return Answer(a.lm, a.knn, a.cache, a.mixture, a.gate, a.weights, self.lam)

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        model, found, words = self.inputs.lm, self.inputs.found, self.inputs.words
        assert isinstance(model, SpalmModel)
        assert found is not None
        hidden, values = self.inputs.states.hidden[rows], found.values[rows][:, : self.K]
        scores, alone, only = (
            spalm_scores(hidden, values, model, gate) for gate in (self.force if force is None else force, 1.0, 0.0)
        )
        mixture, lm, knn = (padded(s.logp, words) for s in (scores, alone, only))
        log_share = np.zeros(len(rows))
        if self.lam:
            weights = knn_weights(found.distances[rows], self.temperature)
            p_knn = knn_probabilities(weights, found.values[rows], words, mixture.dtype)
            mixture, log_share = mixed(mixture, p_knn, np.where(weights.sum(1) > 0, self.lam, 0.0))
        g, weights = scores.g.double().numpy(), scores.weights.double().numpy()
        return Sides(lm, knn, None, mixture, g, weights, alone.logp, scores.logp, log_share)
