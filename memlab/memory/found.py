"""What a search gives: entries, values and exact distances, which is what a method mixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Found:
    """The k nearest entries of each of B queries, nearest first.

    entries: (B, k) entry numbers, -1 where there are fewer.
    values: (B, k) token ids, -1 there.
    distances: (B, k) squared L2 distances, infinite there.
    searched: how many entries were compared or could have been found.
    """

    entries: np.ndarray
    values: np.ndarray
    distances: np.ndarray
    searched: int

    @staticmethod
    def nothing(queries: int) -> Found:
        """No neighbor for any of so many queries."""
        none = np.empty((queries, 0), np.int64)
        return Found(none, none.astype(np.int32), none.astype(np.float64), 0)

    def first(self, k: int) -> Found:
        """The same search with a smaller k."""
        return Found(self.entries[:, :k], self.values[:, :k], self.distances[:, :k], self.searched)
