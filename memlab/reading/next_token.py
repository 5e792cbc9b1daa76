"""A model with its memory, reading token by token and predicting the next one; the search runs in parallel.

The search starts as soon as there is a key, in a thread of its own. Meanwhile the output projection is computed
(and, where the keys come from another model, the forward pass of the model that answers), and the caller can
describe the previous token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import faiss
import numpy as np
from torch import Tensor

from memlab.lm.passage import scores_of
from memlab.lm.stream import Stream
from memlab.lm.threads import for_single_tokens
from memlab.memory.found import Found
from memlab.memory.retrieval import search_everywhere
from memlab.reading.mixture import Mixture, MixtureInputs, Sides, before_of
from memlab.reading.passes import Order
from memlab.reading.states import States
from memlab.reading.tracing import Mixing

_ONE = np.ones(1, bool)
_ROW = np.zeros(1, np.int64)


@contextmanager
def next_token(order: Order, mixing: Mixing) -> Iterator[NextToken]:
    """A causal model with its memory, and a thread for the searches."""
    one_thread = partial(faiss.omp_set_num_threads, 1)  # a single query does not use more
    with for_single_tokens(order.lm), ThreadPoolExecutor(1, initializer=one_thread) as searches:
        yield NextToken(order, mixing, searches)


class NextToken:
    """A causal model with its memory, reading token by token and giving the distributions of the next one."""

    def __init__(self, order: Order, mixing: Mixing, searches: Executor) -> None:
        self.order, self.mixing, self.searches = order, mixing, searches
        self.words = order.lm.V + (len(order.search.store.words) if order.search else 0)
        separate = order.base is not order.lm  # the keys come from a frozen encoder
        self.lm = Stream(order.lm, "last" if separate else order.key)
        self.encoder = Stream(order.base, order.key) if separate else None
        self.ms = {"forward": 0.0, "search": 0.0, "mix": 0.0}

    def read(self, ids: Sequence[int]) -> None:
        """Reads further tokens, and starts the search unless a gate decides first whether to search."""
        start = time.perf_counter()
        if self.encoder is not None:
            self.begin(self.encoder.read(ids)[1])
        hidden, keys = self.lm.read(ids)
        self.states = States(_ONE, hidden, keys)
        if self.encoder is None:
            self.begin(keys)
        self.ms["forward"] += 1e3 * (time.perf_counter() - start)

    def begin(self, query: Tensor) -> None:
        """Starts to search for the neighbors of a key (1, d), unless a gate decides first."""
        self.query = query.numpy()
        self.waiting = self.searches.submit(self.search) if self.order.asks is None else None

    def search(self) -> tuple[Found | None, float]:
        """The neighbors (1, k), and milliseconds; None without memory."""
        search, start = self.order.search, time.perf_counter()
        found = None if search is None else search_everywhere(search.store, self.query, search.k)
        return found, 1e3 * (time.perf_counter() - start)

    def next(self) -> tuple[Sides, Found | None]:
        """The predictions of every side for the next token, (1, V') each, and the neighbors (1, k)."""
        start = time.perf_counter()
        if self.mixing.mixer.gate.mixes != "vectors":
            self.states = replace(self.states, scores=scores_of(self.order.lm, self.states.hidden))
        self.ms["forward"] += 1e3 * (time.perf_counter() - start)
        found = self.found()
        start = time.perf_counter()
        sides = self.mixture(found).sides(_ROW)
        self.ms["mix"] += 1e3 * (time.perf_counter() - start)
        return sides, found

    def found(self) -> Found | None:
        """The neighbors (1, k); None without memory, all -1 where the gate skips the search."""
        search, asks = self.order.search, self.order.asks
        if search is not None and asks is not None and not asks.asks(before_of(self.order.lm, self.states))[0]:
            none = np.full((1, search.k), -1)
            return Found(none, none, np.full((1, search.k), np.inf), 0)
        found, took = self.search() if self.waiting is None else self.waiting.result()
        self.ms["search"] += took
        return found

    def mixture(self, found: Found | None) -> Mixture:
        """The prediction of the next token, as a mixture of one row."""
        return self.mixing.mixer.mixture(MixtureInputs(self.order.lm, self.states, self.words, found))
