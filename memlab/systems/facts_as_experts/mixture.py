"""Facts as Experts' mixture of context and retrieved facts, for single answers and for many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.memory.datastore import Searchable
from memlab.memory.found import Found
from memlab.reading.mixture import Answer, Mixture, MixtureInputs, Sides
from memlab.reading.reader import Mixer
from memlab.reading.states import States
from memlab.results.gate import GateInfo
from memlab.systems.facts_as_experts.combination import answer_scores, mixed
from memlab.systems.facts_as_experts.model import FactParts
from memlab.systems.facts_as_experts.store import FactStore

GATE = GateInfo(
    "null fact", "λ", "the context (the null fact)", ("the facts alone", "the context alone"), True, "vectors"
)


@dataclass(frozen=True)
class FactMixer(Mixer):
    """k retrieved facts mixed with the context by the probability of the null fact. force: fixes the gate."""

    store: FactStore
    force: float | None = None
    gate = GATE
    takes_cache = False

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        found = inputs.found or Found.nothing(len(inputs.states.predicted))
        return FactMixture(self.store, inputs.states, inputs.words, found, self.force)

    def over(self, store: Searchable) -> FactMixer:
        assert isinstance(store, FactStore)
        return FactMixer(store, self.force)


@dataclass(frozen=True)
class FactMixture(Mixture):
    """The mixture for N questions. All probability is on the tokens of names: the model answers with an entity.

    `lm` and `knn` of its sides are counterfactuals: the gate forced to 1 (context alone) and to 0 (facts alone).

    Args:
        found: (N, k) retrieved entries. force: fixes the gate of all questions.
    """

    store: FactStore
    states: States
    words: int  # pyrefly: ignore[bad-override]
    found: Found
    force: float | None = None
    gate: GateInfo = GATE  # pyrefly: ignore[bad-override]

    @property
    def parts(self) -> FactParts:
        """The memory's tensors of the model."""
        return self.store.lm.parts

    def answer(self, row: int, force: float | None = None) -> Answer:
        """One row in float64 log-probabilities: names keep values below the float32 range, all other words have
        none."""
        a = super().answer(row, force)
        return Answer(a.lm, a.knn, a.cache, a.mixture, a.gate, a.weights, 0.0)

    @torch.inference_mode()
    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        h, entries = self.states.hidden[rows], self.found.entries[rows]
        h_ctx = self.parts.W_c(h)
        alone = answer_scores(h_ctx, self.parts).log_softmax(-1)
        real = torch.from_numpy(entries >= 0)
        gate, weights, f = self._retrieved(h, entries, real)
        forced = self.force if force is None else force
        g = gate if forced is None else torch.full_like(gate, forced)
        g = torch.where(real.any(1), g, 1.0) if entries.shape[1] else torch.ones(len(rows))
        q = mixed(g, h_ctx, f)
        both = answer_scores(q, self.parts).log_softmax(-1)
        only = answer_scores(f, self.parts).log_softmax(-1)
        some = bool(real.any())
        return Sides(
            lm=self._over_words(alone.exp()),
            knn=self._over_words(only.exp() * real.any(1)[:, None]) if some else None,
            cache=None,
            mixture=self._over_words(both.exp()),
            gate=g.double().numpy(),
            weights=weights.double().numpy(),
            log_lm=self._over_words(alone, -torch.inf),
            log_model=self._over_words(both, -torch.inf),
            log_share=np.zeros(len(rows)),
        )

    def _retrieved(self, h: Tensor, entries: np.ndarray, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """lambda (B,), weights (B, k) of the retrieved entries and f (B, d)."""
        if entries.shape[1] == 0 or len(self.store.active) == 0:
            return torch.ones(len(h)), torch.zeros(len(h), entries.shape[1]), torch.zeros_like(h)
        scores, null = self.store.scores(h)  # (B, m) of the active entries
        place = np.searchsorted(self.store.active, np.maximum(entries, 0)).clip(max=len(self.store.active) - 1)
        scores = scores.gather(1, torch.from_numpy(place)).masked_fill(~real, -torch.inf)
        gate = torch.sigmoid(null - scores.logsumexp(-1))
        weights = torch.where(real, scores.softmax(-1), 0.0)
        objects = self.store.table.object[torch.from_numpy(place)]
        return gate, weights, torch.einsum("bk,bkd->bd", weights, self.parts.E[objects])

    def _over_words(self, of_entities: Tensor, rest: float = 0.0) -> Tensor:
        """(B, entities) scattered to the entities' tokens in (B, V'); other words get `rest`."""
        out = torch.full((len(of_entities), self.words), rest)
        out[:, self.parts.tokens] = of_entities
        return out
