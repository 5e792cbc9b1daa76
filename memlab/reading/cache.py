"""The continuous cache: improving neural language models with a continuous cache
(Grave, Joulin & Usunier, ICLR 2017).

A short-term memory of the text that is being read: the last M pairs of a state and the word that
followed it. What is read now is compared with them, and the words of similar states become likelier.

    p_cache(w | h_1..t) ~ sum over i of the last M with x_{i+1} = w of exp(theta h_t . h_i)     (eq. 3)
    p = (1 - lambda) p_LM + lambda p_cache                                                      (eq. 4)

h is the top state, the input of the output projection. Khandelwal et al. (ICLR 2020, section 4) add
the same cache on top of its datastore. A good theta depends on the length of a model's states: where
none is given, it is `spread` (8) divided by the mean squared length of the first states read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.errors import InputError

SPREAD = 8.0  # theta |h|^2 where theta is not given


@dataclass(frozen=True)
class Attended:
    """p_cache before each of n words, as shares of the remembered words.

    weights: (n, m) each remembered word's share, rows sum to 1 (to 0 before the first word of a text).
    words: (m,) ids of the remembered words. positions: (m,) their positions in the text.
    """

    weights: Tensor
    words: Tensor
    positions: Tensor

    @property
    def empty(self) -> Tensor:
        """(n,) whether nothing was remembered yet."""
        return self.weights.sum(1) == 0

    def of(self, targets: Tensor) -> Tensor:
        """(n,) p_cache of one word each."""
        return (self.weights * (self.words == targets[:, None])).sum(1)

    def distribution(self, V: int) -> Tensor:
        """(n, V) p_cache of all words."""
        return torch.zeros(len(self.weights), V).index_add_(1, self.words, self.weights)


class ContinuousCache:
    """The last `size` states of one text, read in pieces; each text needs a new object.

    Args:
        size: M, how many words are remembered.
        theta: how sharply similar states are preferred; None makes it `spread` over their mean squared length.
    """

    def __init__(self, size: int, theta: float | None = None, spread: float = SPREAD) -> None:
        if size < 1:
            raise InputError(f"The continuous cache has size {size}; allowed is 1 or more, or leave it out.")
        self.size, self.theta, self.spread = size, theta, spread
        self._h: Tensor | None = None
        self._words = self._positions = torch.empty(0, dtype=torch.long)

    def read(self, hidden: Tensor, targets: Tensor, positions: Tensor) -> Attended:
        """p_cache before each word of a piece; the piece is remembered afterwards.

        Args:
            hidden: (n, d) state before each word. targets: (n,) the words. positions: (n,) theirs in the text.
        """
        scores, words, places = self._scores(hidden, targets, positions)
        return Attended(_softmax(self._theta(hidden) * scores), words, places)

    def read_grid(self, hidden: Tensor, targets: Tensor, positions: Tensor, thetas: Tensor) -> tuple[Tensor, Tensor]:
        """p_cache(target) for a grid of thetas (n, G), and (n,) whether the cache was empty."""
        scores, words, _ = self._scores(hidden, targets, positions)
        hit = words == targets[:, None]
        p = torch.stack([(_softmax(theta * scores) * hit).sum(1) for theta in thetas], dim=1)
        return p, torch.isneginf(scores).all(1)

    def _theta(self, hidden: Tensor) -> float:
        if self.theta is None:
            self.theta = self.spread / mean_square(hidden)
        return self.theta

    def _scores(self, hidden: Tensor, targets: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, m) h_t . h_i, -inf where i is not among the last M before t; words and positions of the m."""
        old = hidden[:0] if self._h is None else self._h
        h = torch.cat([old, hidden])  # (m, d)
        words, places = torch.cat([self._words, targets]), torch.cat([self._positions, positions])
        scores = hidden @ h.T
        ago = len(old) + torch.arange(len(hidden))[:, None] - torch.arange(len(h))  # 1 for the word just before
        scores[(ago < 1) | (ago > self.size)] = -torch.inf
        self._h, self._words, self._positions = h[-self.size :], words[-self.size :], places[-self.size :]
        return scores, words, places


def mean_square(hidden: Tensor) -> float:
    """Mean squared length of states (n, d)."""
    return float(hidden.square().sum(1).mean())


def _softmax(scores: Tensor) -> Tensor:
    """Softmax over rows; a row in which every score is -inf becomes 0."""
    return scores.softmax(1).nan_to_num(0.0)
