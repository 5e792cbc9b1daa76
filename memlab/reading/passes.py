"""What takes time when a passage is read: forward passes and searches, with as few of both as the sources need.

Local context and short-term memory are two passes of the model; long-term memory is a search of every token by the
keys of a pass (where the keys belong to another, frozen model: by those of its pass, without short-term memory).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Segments, Windows
from memlab.memory.found import Found
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.gates import KnnGate
from memlab.reading.mixture import before_of
from memlab.reading.states import Search, States, find_neighbors, read_states


@dataclass(frozen=True)
class Order:
    """What to read and with which sources.

    Args:
        lm: the model that answers. base: the model that makes the query keys: the same, its version without edits, or a
            frozen encoder.
        local, carried: how the text is read without and with short-term memory (None: without only).
        key: which representation of `base` is the key. search: None reads without long-term memory.
        asks: the gate that decides before the search whether to search; None searches always.
        keys_local: whether the keys are those of a reading without short-term memory, independent of what `lm` reads with.
    """

    lm: LanguageModel
    base: LanguageModel
    local: Windows
    carried: Segments | None
    key: str
    search: Search | None
    asks: KnnGate | None = None
    keys_local: bool = False

    @property
    def limit(self) -> int:
        """Tokens that both models can read at once."""
        return min(self.lm.limit, self.base.limit)


@dataclass(frozen=True)
class Side:
    """One way of reading the passage, with or without short-term memory: its states and neighbors."""

    states: States
    found: Found | None


@dataclass(frozen=True)
class Read:
    """A passage after the forward passes and searches. `carried` is None without short-term memory."""

    order: Order
    passage: Passage
    local: Side
    carried: Side | None
    asked: np.ndarray
    ms: Mapping[str, float]
    stopped: bool

    @property
    def full(self) -> Side:
        """The reading with all sources in use."""
        return self.carried or self.local


def read(
    order: Order,
    passage: Passage,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Read:
    """Forward passes and searches, with as few of both as the sources need."""
    start, N = time.perf_counter(), len(passage)
    hows: list[Windows | Segments] = [order.local, *([order.carried] if order.carried else [])]
    separate = order.base is not order.lm
    once = separate and order.keys_local
    passes = len(hows) + (1 if once else separate * len(hows))
    searches = order.search is not None and (1 if once else len(hows))
    todo, done = (passes + 2 * searches) * N, 0

    def step(what: str, weight: int) -> Callable[[int], None]:
        return lambda tokens: progress(min(1.0, (done + weight * tokens) / todo), f"{what}: {tokens} of {N} tokens")

    states, keyed = [], []
    for how in hows:
        states.append(
            read_states(order.lm, passage.ids, how, "last" if separate else order.key, step("reading", 1), stop)
        )
        done += N
    if separate:
        keyed_hows = hows[:1] if order.keys_local else hows
        for how in keyed_hows:
            keyed.append(read_states(order.base, passage.ids, how, order.key, step("encoding", 1), stop))
            done += N
        keyed = keyed * len(hows) if order.keys_local else keyed
    keyed = keyed or states
    predicted = np.logical_and.reduce([s.predicted for s in (*states, *keyed)])
    states, keyed = ([replace(s, predicted=predicted) for s in some] for some in (states, keyed))
    forward, asked = time.perf_counter(), predicted
    sides: list[Side] = []
    for state, query in zip(states, keyed, strict=True):
        asked = predicted & order.asks.asks(before_of(order.lm, state)) if order.asks else predicted
        found = None
        if order.search is not None and once and sides:
            found = sides[0].found  # the same queries
        elif order.search is not None:
            found = find_neighbors(
                order.search, query, asked, passage.text, passage.ids, passage.spans, step("searching", 2), stop
            )
            done += 2 * N
        sides.append(Side(state, found))
    end = time.perf_counter()
    ms = {"forward": 1e3 * (forward - start), "search": 1e3 * (end - forward)}
    return Read(order, passage, sides[0], sides[1] if len(sides) > 1 else None, asked, ms, stop())
