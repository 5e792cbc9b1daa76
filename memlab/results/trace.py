"""A passage read token by token: the loss of the model alone on each token, what memory changed, and why.

A `Trace` keeps arrays, not objects: for each token the losses, the gate, the first neighbors and the
most probable words with the remaining mass. Complete distributions and the texts of neighbors are
computed on demand, for one token at a time (`TraceStep`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from memlab.results.about import About, origin
from memlab.results.distribution import Distribution, WordProbability
from memlab.results.prediction import Neighbor
from memlab.results.tables import csv_text
from memlab.results.trace_token import Cached, Remembered, TraceToken, in_a_line
from memlab.serialize import as_json

SIDES = ("lm", "knn", "mixture")
COLUMNS = (
    "position", "text", "id", "start", "end", "kind", "frequency", "loss", "loss_without_memory", "gain", "gate",
    "impossible", "searched", "remembered", "weights",
)  # fmt: skip


@dataclass(frozen=True)
class TopWords:
    """The most probable words of one side: ids and probabilities (n, m), and the remaining mass (n,)."""

    ids: np.ndarray
    p: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class TraceArrays:
    """What a trace holds of its n tokens. NaN where a token does not have a value.

    ids, start, end: (n,). kind: n names. frequency: (n,), -1 unknown.
    loss, loss_without_memory, gate: (n,) float64. searched: (n,) bool.
    entries, values, weights, distances: (n, K), -1 or NaN where there are fewer neighbors.
    cached, cached_weights: (n, C) positions in the text, -1 and NaN for none.
    top: side -> the most probable words.
    """

    ids: np.ndarray
    start: np.ndarray
    end: np.ndarray
    kind: tuple[str, ...]
    frequency: np.ndarray
    loss: np.ndarray
    loss_without_memory: np.ndarray
    gate: np.ndarray
    searched: np.ndarray
    entries: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    distances: np.ndarray
    cached: np.ndarray
    cached_weights: np.ndarray
    top: Mapping[str, TopWords]


@dataclass(frozen=True, kw_only=True)
class Trace(About, Sequence[TraceToken]):
    """A passage read token by token, read as a list of `TraceToken`.

    `summary` holds perplexities with and without memory, for each combination of sources, the share of tokens
    that memory worsens, and the same by kind and frequency of word.
    """

    text: str
    arrays: TraceArrays = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    stopped: bool = False

    def __len__(self) -> int:
        return len(self.arrays.ids)

    def __iter__(self) -> Iterator[TraceToken]:
        return (self._token(i) for i in range(len(self)))

    @overload
    def __getitem__(self, at: int) -> TraceToken: ...
    @overload
    def __getitem__(self, at: slice) -> list[TraceToken]: ...
    def __getitem__(self, at: int | slice) -> TraceToken | list[TraceToken]:
        if isinstance(at, slice):
            return [self._token(i) for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(f"token {at} of {len(self)}")
        return self._token(at % len(self))

    @property
    def gain(self) -> np.ndarray:
        """(n,) nats that memory saves on each token, NaN where a token is not predicted."""
        return self.arrays.loss_without_memory - self.arrays.loss

    def _token(self, i: int) -> TraceToken:
        a = self.arrays
        start, end = int(a.start[i]), int(a.end[i])
        return TraceToken(
            text=self.text[start:end],
            id=int(a.ids[i]),
            position=i,
            start=start,
            end=end,
            kind=a.kind[i],
            frequency=int(a.frequency[i]) if a.frequency[i] >= 0 else None,
            loss=_number(a.loss[i]),
            loss_without_memory=_number(a.loss_without_memory[i]),
            gate=_number(a.gate[i]),
            searched=bool(a.searched[i]),
            neighbors=tuple(
                Remembered(int(e), int(v), self.words[v], float(w), float(d))
                for e, v, w, d in zip(a.entries[i], a.values[i], a.weights[i], a.distances[i], strict=True)
                if e >= 0
            ),
            cached=tuple(
                Cached(int(p), int(a.ids[p]), self.words[a.ids[p]], float(w))
                for p, w in zip(a.cached[i], a.cached_weights[i], strict=True)
                if p >= 0
            ),
            top={side: self._top(words, i) for side, words in a.top.items() if not np.isnan(words.rest[i])},
            rest={side: float(words.rest[i]) for side, words in a.top.items() if not np.isnan(words.rest[i])},
        )

    def _top(self, words: TopWords, i: int) -> tuple[WordProbability, ...]:
        return tuple(
            WordProbability(int(w), self.words[w], float(p))
            for w, p in zip(words.ids[i], words.p[i], strict=True)
            if p > 0
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            **origin(self),
            "text": self.text,
            "tokens": [token.to_dict() for token in self],
            **as_json(self, "summary", "notices", "stopped"),
        }

    def csv(self) -> str:
        """One line a token; the remembered tokens of a line are separated by blanks, nearest first."""
        rows = []
        for token in self:
            rows.append({**token.to_dict(), **in_a_line(token)})
        return csv_text(rows, COLUMNS)


@dataclass(frozen=True)
class TraceStep:
    """Everything about one token of a trace, computed on demand.

    `lm`, `knn`, `mixture` and `cache` are complete; `knn` is None where memory was not searched, `cache` where
    there is none. Where vectors are mixed, `lm` and `knn` are the counterfactuals (no memory, memory only).
    `counterfactuals` holds the mixture with the gate forced to "0" and "1".
    """

    token: TraceToken
    lm: Distribution
    knn: Distribution | None
    mixture: Distribution
    cache: Distribution | None
    neighbors: tuple[Neighbor, ...]
    counterfactuals: Mapping[str, Distribution]

    def to_dict(self, top: int | None = 20) -> dict[str, Any]:
        return {
            "token": self.token.to_dict(),
            "lm": self.lm.to_list(top),
            "knn": self.knn.to_list(top) if self.knn else None,
            "mixture": self.mixture.to_list(top),
            "cache": self.cache.to_list(top) if self.cache else None,
            "neighbors": [n.to_dict() for n in self.neighbors],
            "counterfactuals": {gate: d.to_list(top) for gate, d in self.counterfactuals.items()},
        }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
