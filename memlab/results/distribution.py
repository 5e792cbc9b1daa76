"""A complete distribution over the words of a model and its memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.serialize import as_json


@dataclass(frozen=True)
class WordProbability:
    """One word of a distribution."""

    id: int
    token: str
    p: float

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


class Distribution(Sequence[WordProbability]):
    """A complete distribution over the vocabulary, read as a list sorted by probability.

    Args:
        logp: (V,) natural-log probabilities, -inf where the probability is exactly 0.
        words: the V words, `words[id]` being what a person reads for that id.

    Ids at and above the model's own vocabulary are memory-only words, which the model has no token for.
    """

    def __init__(self, logp: np.ndarray, words: Sequence[str]) -> None:
        if logp.ndim != 1 or len(words) != len(logp):
            raise ValueError(f"need one log-probability per word, got {logp.shape} for {len(words)} words")
        self.logp = logp
        self.words = words
        self._order: np.ndarray | None = None

    @property
    def p(self) -> np.ndarray:
        """(V,) probabilities."""
        return np.exp(self.logp)

    @property
    def order(self) -> np.ndarray:
        """(V,) ids from the most to the least probable; ties by id."""
        if self._order is None:
            self._order = np.argsort(-self.logp, kind="stable")
        return self._order

    def __len__(self) -> int:
        return len(self.logp)

    def __getitem__(self, rank: Any) -> Any:
        if isinstance(rank, slice):
            return [self._word(i) for i in self.order[rank]]
        return self._word(self.order[rank])

    def __iter__(self) -> Iterator[WordProbability]:
        return (self._word(i) for i in self.order)

    def _word(self, i: Any) -> WordProbability:
        return WordProbability(int(i), self.words[int(i)], float(np.exp(self.logp[i])))

    def top(self, n: int) -> list[WordProbability]:
        """The n most probable words."""
        return [self._word(i) for i in self.order[:n]]

    def of(self, token_id: int) -> float:
        """Probability of one word id."""
        return float(np.exp(self.logp[token_id]))

    def rank(self, token_id: int) -> int:
        """1 for the most probable word."""
        return int(np.flatnonzero(self.order == token_id)[0]) + 1

    @property
    def entropy(self) -> float:
        """Shannon entropy in nats."""
        p = self.p
        return float(-(p[p > 0] * self.logp[p > 0]).sum())

    def to_list(self, top: int | None = None) -> list[dict[str, Any]]:
        return [w.to_dict() for w in (self if top is None else self.top(top))]
