"""The result of a search: entries, values and exact distances, from which a method makes its distribution."""

from __future__ import annotations

from collections.abc import Sequence
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
        """The result of a search that found no neighbor for any of `queries` queries."""
        none = np.empty((queries, 0), np.int64)
        return Found(none, none.astype(np.int32), none.astype(np.float64), 0)

    @staticmethod
    def stacked(parts: Sequence[Found]) -> Found:
        """The neighbors of several searches as those of one, padded to the widest; `searched` is the mean."""
        k = max((f.entries.shape[1] for f in parts), default=0)
        pads = [((0, 0), (0, k - f.entries.shape[1])) for f in parts]
        return Found(
            np.concatenate([np.pad(f.entries, p, constant_values=-1) for f, p in zip(parts, pads, strict=True)]),
            np.concatenate([np.pad(f.values, p, constant_values=-1) for f, p in zip(parts, pads, strict=True)]),
            np.concatenate([np.pad(f.distances, p, constant_values=np.inf) for f, p in zip(parts, pads, strict=True)]),
            round(sum(f.searched for f in parts) / len(parts)),
        )

    def row(self, i: int) -> Found:
        """The neighbors of one query, missing ones left out."""
        real = self.entries[i] >= 0
        return Found(
            self.entries[i][real][None], self.values[i][real][None], self.distances[i][real][None], self.searched
        )

    def first(self, k: int) -> Found:
        """The same search with a smaller k."""
        return Found(self.entries[:, :k], self.values[:, :k], self.distances[:, :k], self.searched)
