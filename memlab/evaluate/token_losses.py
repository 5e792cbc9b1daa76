"""Each source's probability of every token of some texts: one pass and one search for everything computed from them.

Only probabilities of the actual next token are kept, never whole distributions, so hundreds of thousands of
tokens fit in memory. The neighbors of a token give p_kNN for a whole grid of temperatures at once; any
lambda is then one multiplication.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Piece, Segments, Windows, read_texts
from memlab.memory.found import Found
from memlab.memory.leave_out import contexts
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.cache import SPREAD, ContinuousCache, mean_square
from memlab.reading.gates import features_after, features_before
from memlab.reading.mixture import knn_weights
from memlab.reading.states import Search

_ROWS = 64
THETAS = (0.25, 0.5, 1.0, 2.0)  # theta of the continuous cache, in units of 8 / mean squared length of the states


@dataclass(frozen=True)
class Texts:
    """Some passages as one row of N tokens. starts: where each begins. own: (N, m) entries of the store that are the
    token itself, -1 for none. before: (N, CONTEXT) the tokens before each."""

    passages: Sequence[Passage]
    starts: np.ndarray
    own: np.ndarray
    before: np.ndarray

    @staticmethod
    def of(passages: Sequence[Passage], search: Search | None) -> Texts:
        lengths = [len(p) for p in passages]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        own = [search.own(p.text, p.spans) if search else np.empty((len(p), 0), np.int64) for p in passages]
        m = max((o.shape[1] for o in own), default=0)
        own = [np.pad(o, ((0, 0), (0, m - o.shape[1])), constant_values=-1) for o in own]
        return Texts(passages, starts, np.concatenate(own), np.concatenate([contexts(p.ids) for p in passages]))

    @property
    def ids(self) -> list[tuple[int, ...]]:
        """Token ids of each passage."""
        return [p.ids for p in self.passages]

    def rows(self, piece: Piece) -> np.ndarray:
        """(n,) positions of a piece's tokens in the row."""
        return self.starts[piece.text.numpy()] + piece.position.numpy()


@dataclass
class Tokens:
    """The measurements of N tokens; NaN where a token is not predicted.

    logp: (N,) log p_LM. short: (N,) the same with short-term memory. features: (N, 4), see gates.
    p_knn: (N, T) by temperature; p_cache: (N, G) by theta; values: (N, K) ids of the first retrieved tokens.
    own: (N,) log p by the mixture of a method with its own models; gate: (N,) its gate; own_knn: (N, T) p_kNN with the
    keys of its memory.
    themselves: how many tokens are entries of the store (left out). seconds: by step.
    """

    text: np.ndarray
    position: np.ndarray
    target: np.ndarray
    logp: np.ndarray
    themselves: int = 0
    thetas: tuple[float, ...] = ()
    recall: float | None = None
    short: np.ndarray | None = None
    features: np.ndarray | None = None
    p_knn: np.ndarray | None = None
    p_cache: np.ndarray | None = None
    values: np.ndarray | None = None
    own: np.ndarray | None = None
    gate: np.ndarray | None = None
    own_knn: np.ndarray | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def predicted(self) -> np.ndarray:
        """(N,) bool, whether every source predicts the token."""
        out = ~np.isnan(self.logp)
        for array in (self.short, self.own):
            if array is not None:
                out &= ~np.isnan(array)
        return out

    def took(self, what: str, since: float) -> None:
        """Adds the seconds since `since` to a step."""
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - since


@dataclass(frozen=True)
class Wanted:
    """What is measured of every token.

    key: of the model's representations. search: None for no long-term memory. temperatures: grid of p_kNN.
    cache: size of the continuous cache. features: whether gates need them. K: how many retrieved values to keep.
    """

    key: str = "last"
    search: Search | None = None
    temperatures: Sequence[float] = ()
    cache: int = 0
    features: bool = False
    K: int = 0


def read_base(
    lm: LanguageModel,
    texts: Texts,
    how: Windows,
    wanted: Wanted,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Tokens:
    """One pass of the model over all texts, and one search for every token."""
    search, temperatures, features, K = wanted.search, wanted.temperatures, wanted.features, wanted.K
    N = int(texts.starts[-1])
    t = Tokens(
        text=np.concatenate([np.full(len(p), i, np.int32) for i, p in enumerate(texts.passages)]),
        position=np.concatenate([np.arange(len(p), dtype=np.int32) for p in texts.passages]),
        target=np.concatenate([np.asarray(p.ids, np.int32) for p in texts.passages]),
        logp=np.full(N, np.nan),
        themselves=int((texts.own >= 0).any(axis=1).sum()),
    )
    if search is not None:
        t.p_knn = np.full((N, len(temperatures)), np.nan)
        t.values = np.full((N, K), -1, np.int32)
    if features:
        t.features = np.zeros((N, 4))
    caches = _Caches(wanted.cache)
    since = time.perf_counter()
    for piece in read_texts(lm, texts.ids, how, wanted.key):
        rows = texts.rows(piece)
        logits = piece.logits
        t.logp[rows] = _logp(logits, piece.target)
        t.took("forward", since)
        if features:
            t.features[rows, :2] = features_before(logits)  # type: ignore[index]
        if wanted.cache:
            since = time.perf_counter()
            p = caches.read(piece)
            t.p_cache = np.full((N, p.shape[1]), np.nan) if t.p_cache is None else t.p_cache
            t.p_cache[rows], t.thetas = p, caches.thetas
            t.took("cache", since)
        if search is not None:
            since = time.perf_counter()
            found = search.of(piece.keys.numpy(), texts.own[rows], texts.before[rows])
            t.took("search", since)
            since = time.perf_counter()
            t.p_knn[rows] = knn_grid(found, piece.target.numpy(), temperatures)  # type: ignore[index]
            t.values[rows] = _first(found, K)  # type: ignore[index]
            if features:
                t.features[rows, 2:] = features_after(found)  # type: ignore[index]
            t.took("mix", since)
        progress(float(rows[-1] + 1) / N, f"{rows[-1] + 1} of {N} tokens")
        if stop():
            break
        since = time.perf_counter()
    return t


def read_short(lm: LanguageModel, texts: Texts, how: Segments | Windows) -> np.ndarray:
    """(N,) log p_LM with another way of reading, or of another model with the same tokenizer."""
    out = np.full(int(texts.starts[-1]), np.nan)
    for piece in read_texts(lm, texts.ids, how, "last"):
        out[texts.rows(piece)] = _logp(piece.logits, piece.target)
    return out


def read_values(encoder: LanguageModel, texts: Texts, how: Windows, wanted: Wanted) -> tuple[np.ndarray, np.ndarray]:
    """The neighbors by a separate encoder: (N, K) values of the first K, and (N, T) p_kNN of the actual next token."""
    search, temperatures, K = wanted.search, wanted.temperatures, wanted.K
    assert search is not None
    N = int(texts.starts[-1])
    values, p_knn = np.full((N, K), -1, np.int32), np.full((N, len(temperatures)), np.nan)
    for piece in read_texts(encoder, texts.ids, how, wanted.key):
        rows = texts.rows(piece)
        found = search.of(piece.keys.numpy(), texts.own[rows], texts.before[rows])
        values[rows], p_knn[rows] = _first(found, K), knn_grid(found, piece.target.numpy(), temperatures)
    return values, p_knn


def knn_grid(found: Found, targets: np.ndarray, temperatures: Sequence[float]) -> np.ndarray:
    """(n, T) p_kNN of one word each, for every temperature."""
    if not temperatures:
        return np.empty((len(targets), 0))
    hit = found.values == targets[:, None]
    return np.stack([(knn_weights(found.distances, T) * hit).sum(1) for T in temperatures], axis=1)


def _logp(logits: Tensor, target: Tensor) -> np.ndarray:
    # In blocks that fit into the processor's cache: a third of the time for all rows at once.
    total = torch.cat([rows.logsumexp(1) for rows in logits.split(_ROWS)])
    return (logits[torch.arange(len(target)), target].double() - total.double()).numpy()


def _first(found: Found, K: int) -> np.ndarray:
    """(n, K) values of the first neighbors, -1 where there are fewer."""
    some = found.values[:, :K]
    return np.pad(some, ((0, 0), (0, K - some.shape[1])), constant_values=-1)


class _Caches:
    """The continuous cache of each text in turn, for a grid of thetas scaled to the first states."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.thetas: tuple[float, ...] = ()
        self._text = -1
        self._cache: ContinuousCache | None = None

    def read(self, piece: Piece) -> np.ndarray:
        """(n, G) p_cache of every token of a piece; NaN before the first word of a text."""
        if not self.thetas:
            self.thetas = tuple(SPREAD * spread / mean_square(piece.hidden) for spread in THETAS)
        parts = []
        for text, rows in _runs(piece.text):
            if self._cache is None or text != self._text:
                self._text, self._cache = text, ContinuousCache(self.size)
            p, empty = self._cache.read_grid(
                piece.hidden[rows], piece.target[rows], piece.position[rows], torch.tensor(self.thetas)
            )
            p[empty] = torch.nan
            parts.append(p.double().numpy())
        return np.concatenate(parts)


def _runs(text: Tensor) -> Iterator[tuple[int, slice]]:
    """The parts of a piece that belong to one text each."""
    borders = [0, *(torch.diff(text).nonzero().ravel() + 1).tolist(), len(text)]
    for a, b in itertools.pairwise(borders):
        yield int(text[a]), slice(a, b)
