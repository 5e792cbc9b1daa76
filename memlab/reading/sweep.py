"""Answer and probabilities as functions of one setting or of the gate, from one search and no further forward pass.

The mixture's first word can only be a word that some neighbor holds, or the model's first word among all
others. So each point needs the probabilities of these few candidates: (P, U) for P points and U candidates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from memlab.declare import Method
from memlab.errors import InputError
from memlab.reading.mixing import envelope
from memlab.reading.mixture import Mixture
from memlab.results import Sweep, Turn

SHOWN = 6  # words whose probabilities are shown
LEAST = 0.005  # probability that a word must reach somewhere to be shown without winning
CLOSE = 1e-4  # relative width at which the search for a turn ends
REACH = 30.0  # a divisor is swept from a 30th of its value to 30 times it
GATE = "gate"
CONSTANT = "constant"  # kind of gate


@dataclass(frozen=True)
class Candidates:
    """Words that can be the answer: their ids, the model's probabilities, and which of them each neighbor holds.

    ids: (U,) ascending. p_lm: (U,). place: (K,) position in `ids` of each neighbor's value.
    """

    ids: np.ndarray
    p_lm: np.ndarray
    place: np.ndarray

    @staticmethod
    def of(p_lm: np.ndarray, values: np.ndarray) -> Candidates:
        """Args: p_lm (V,), values (K,) token ids of the neighbors."""
        outside = p_lm.copy()
        outside[values] = -1.0
        ids = np.unique(np.append(values, outside.argmax()))
        return Candidates(ids, p_lm[ids], np.searchsorted(ids, values))

    def votes(self, e: np.ndarray) -> np.ndarray:
        """(P, U) p_kNN from weights (P, K) of the neighbors."""
        order = np.argsort(self.place, kind="stable")
        first = np.unique(self.place[order], return_index=True)[1]
        p = np.zeros((len(e), len(self.ids)))
        p[:, np.unique(self.place)] = np.add.reduceat(e[:, order], first, axis=1)
        return p / e.sum(1, keepdims=True)

    def first_votes(self, e: np.ndarray) -> np.ndarray:
        """(K, U) p_kNN of the first 1, 2 ... K neighbors, from weights (K,)."""
        each = np.zeros((len(e), len(self.ids)))
        each[np.arange(len(e)), self.place] = e
        return each.cumsum(0) / e.cumsum()[:, None]


@dataclass(frozen=True)
class Voters:
    """The neighbors of one question, nearest first: distances (K,) as the method uses them, and what they hold."""

    distances: np.ndarray
    candidates: Candidates

    def weights(self, divisor: float | np.ndarray) -> np.ndarray:
        """(..., K) exp(-(d - d_1) / divisor)."""
        return np.exp(-(self.distances - self.distances[0]) / np.asarray(divisor)[..., None])


@dataclass(frozen=True)
class Axis:
    """What is swept: name and label of the setting, the values (P,), the present one, whether to draw a log axis."""

    over: str
    label: str
    log: bool
    current: float
    values: np.ndarray


def divisor_of(method: Method) -> str:
    """The setting by which a method divides distances."""
    assert method.knn is not None
    return method.knn.divisor


def sweepable(method: Method, gate: str = CONSTANT) -> tuple[str, ...]:
    """What can be swept of an answer that a gate of this kind mixed.

    Lambda, k and the divisor where p_kNN is mixed in by a constant lambda. Otherwise the gate alone: one that is computed may
    change with k and the divisor.
    """
    return ("lam", "k", method.knn.divisor) if method.knn is not None and gate == CONSTANT else (GATE,)


def axis_of(method: Method, settings: Any, over: str, points: int, most: int) -> Axis:
    """The values of a setting to sweep: lambda from 0 to 1, k from 1 to `most`, a divisor around its present value.

    Raises:
        InputError: the method has no such setting, or fewer than two points.
    """
    allowed = sweepable(method)
    if over not in allowed:
        names = ", ".join(f.name for f in method.fields() if f.name in allowed)
        raise InputError(f"{method.title} cannot be swept over {over!r}. Allowed: {names}.")
    if points < 2:
        raise InputError(f"A sweep has at least 2 points, not {points}.")
    field = next(f for f in method.fields() if f.name == over)
    current = float(getattr(settings, over))
    if over == "lam":
        return Axis(over, field.label, False, current, np.union1d(np.linspace(0.0, 1.0, points).round(12), current))
    if over == "k":
        values = np.arange(1.0, most + 1) if most <= points else np.unique(np.geomspace(1, most, points).round())
        return Axis(over, field.label, True, current, np.union1d(values, min(current, most)))
    low, high = max(field.low or 0.0, current / REACH), min(field.high or np.inf, current * REACH)
    return Axis(over, field.label, True, current, np.union1d(np.geomspace(low, high, points), current))


def sweep(axis: Axis, voters: Voters, k: int, divisor: float, lam: float, words: Callable[[int], str]) -> Sweep:
    """Sweeps lambda ("lam"), k ("k"), or the divisor of the distances (any other name).

    Args:
        voters: at least as many neighbors as the largest k.
        k, divisor, lam: the settings that are not swept.
        words: what a person reads for an id.
    """
    start = time.perf_counter()
    c = voters.candidates
    near = Voters(voters.distances[:k], Candidates(c.ids, c.p_lm, c.place[:k]))
    if axis.over == "lam":
        memory = near.candidates.votes(near.weights(divisor)[None])  # (1, U)
        mixture = axis.values[:, None] * memory + (1 - axis.values[:, None]) * c.p_lm
        turns = _turns_of_lambda(c.p_lm, memory[0])
    elif axis.over == "k":
        every = lam * c.first_votes(voters.weights(divisor)) + (1 - lam) * c.p_lm  # (K, U)
        mixture = every[axis.values.astype(int) - 1]
        turns = _changes(every.argmax(1))
    else:

        def at(value: float | np.ndarray) -> np.ndarray:
            return lam * near.candidates.votes(near.weights(np.atleast_1d(value))) + (1 - lam) * c.p_lm

        mixture = at(axis.values)
        turns = _turns_between(axis.values, mixture.argmax(1), lambda value: int(at(value)[0].argmax()))
    first = mixture.argmax(1)
    shown = _words_to_show(mixture, first, int(np.abs(axis.values - axis.current).argmin()))
    names = [words(int(c.ids[u])) for u in shown]
    return Sweep(
        over=axis.over,
        label=axis.label,
        log=axis.log,
        current=axis.current,
        values=axis.values,
        words=tuple(n if names.count(n) == 1 else f"{n} ({c.ids[u]})" for n, u in zip(names, shown, strict=True)),
        mixture=mixture[:, shown],
        answers=tuple(words(int(c.ids[u])) for u in first),
        turns=tuple(Turn(at_, words(int(c.ids[a])), words(int(c.ids[b]))) for at_, a, b in turns),
        ms=1e3 * (time.perf_counter() - start),
    )


def sweep_gate(mixture: Mixture, value: float, points: int, words: Callable[[int], str]) -> Sweep:
    """Sweeps the gate of one answer from 0 to 1: counterfactuals, since a learned gate has one value for each context.

    Args:
        mixture: of one row. value: of the gate as computed. points: at least 2.

    Raises:
        InputError: fewer than two points.
    """
    start = time.perf_counter()
    if points < 2:
        raise InputError(f"A sweep has at least 2 points, not {points}.")
    values = np.union1d(np.linspace(0.0, 1.0, points).round(12), value)

    def at(g: float) -> np.ndarray:
        return np.exp(mixture.answer(0, g).mixture)

    p = np.stack([at(float(g)) for g in values])  # (P, V')
    first = p.argmax(1)
    turns = []
    for i in np.flatnonzero(first[1:] != first[:-1]):
        low, high, after = float(values[i]), float(values[i + 1]), int(first[i + 1])
        while high - low > CLOSE:
            middle = (low + high) / 2
            found = int(at(middle).argmax())
            low, high, after = (middle, high, after) if found == first[i] else (low, middle, found)
        turns.append(Turn(high, words(int(first[i])), words(after)))
    shown = _words_to_show(p, first, int(np.abs(values - value).argmin()))
    names = [words(u) for u in shown]
    return Sweep(
        over=GATE,
        label=mixture.gate.symbol,
        log=False,
        current=value,
        values=values,
        words=tuple(n if names.count(n) == 1 else f"{n} ({u})" for n, u in zip(names, shown, strict=True)),
        mixture=p[:, shown],
        answers=tuple(words(int(u)) for u in first),
        turns=tuple(turns),
        ms=1e3 * (time.perf_counter() - start),
    )


def _words_to_show(mixture: np.ndarray, first: np.ndarray, current: int) -> list[int]:
    """At most SHOWN candidates: those that win at most points, then the most probable ones at the present value."""
    longest = np.argsort(-np.bincount(first, minlength=mixture.shape[1]), kind="stable")
    winners = [int(u) for u in longest if u in first]
    present = [int(u) for u in np.argsort(-mixture[current], kind="stable") if mixture[:, u].max() > LEAST]
    return list(dict.fromkeys([*winners, *present]))[:SHOWN]


def _turns_of_lambda(p_lm: np.ndarray, p_knn: np.ndarray) -> list[tuple[float, int, int]]:
    parts = [part for part in envelope(p_lm, p_knn) if part[1] < part[2]]
    return [(b[1], a[0], b[0]) for a, b in pairwise(parts)]


def _changes(first: np.ndarray) -> list[tuple[float, int, int]]:
    """Where the winner of the first 1, 2 ... K neighbors changes: the smallest k with the new one."""
    return [(float(i + 2), int(first[i]), int(first[i + 1])) for i in np.flatnonzero(first[1:] != first[:-1])]


def _turns_between(
    values: np.ndarray, first: np.ndarray, winner: Callable[[float], int]
) -> list[tuple[float, int, int]]:
    """Turns between neighboring points, located by bisection of the logarithm."""
    out = []
    for i in np.flatnonzero(first[1:] != first[:-1]):
        low, high, after = float(values[i]), float(values[i + 1]), int(first[i + 1])
        while high / low > 1 + CLOSE:
            middle = float(np.sqrt(low * high))
            found = winner(middle)
            if found == first[i]:
                low = middle
            else:
                high, after = middle, found
        out.append((high, int(first[i]), after))
    return out
