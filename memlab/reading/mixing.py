"""From neighbors to a distribution, and mixing it with the model's: what all kNN methods share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.declare import Method
from memlab.results import Distribution, TippingPoint


@dataclass(frozen=True)
class Memory:
    """p_kNN of one question.

    logp: (V,) float64 log p_kNN, -inf for words that no neighbor remembers.
    weights: (k,) each neighbor's share of p_kNN; they sum to 1.
    """

    logp: np.ndarray
    weights: np.ndarray


def remember(scores: np.ndarray, values: np.ndarray, V: int) -> Memory:
    """p_kNN(y) = sum_i 1[v_i = y] softmax_i(scores): equal values add up.

    Args:
        scores: (k,) unnormalized log weights of the neighbors, for example -d_i / T.
        values: (k,) their token ids.
        V: number of words.
    """
    assert len(scores) == len(values) > 0
    w = np.exp(scores - scores.max())
    w /= w.sum()
    p = np.zeros(V)
    np.add.at(p, values, w)
    with np.errstate(divide="ignore"):
        return Memory(np.log(p), w)


def knn_distances(method: Method, squared: np.ndarray) -> np.ndarray:
    """Distances as a method uses and shows them, from squared ones: their root where it declares that."""
    return np.sqrt(squared) if method.knn is not None and method.knn.root else squared


def knn_memory(method: Method, squared: np.ndarray, values: np.ndarray, V: int, settings: Any) -> Memory:
    """p_kNN of one question, by the divisor and distances that the method declares.

    Args:
        squared: (k,) squared L2 distances. values: (k,) token ids. V: number of words.
        settings: the method's; its divisor is read from them.
    """
    assert method.knn is not None, f"{method.name} makes no p_kNN"
    return remember(-knn_distances(method, squared) / getattr(settings, method.knn.divisor), values, V)


def mix(logp_lm: np.ndarray, logp_knn: np.ndarray, lam: float) -> np.ndarray:
    """log(lambda p_kNN + (1 - lambda) p_LM), (V,). lambda 0 and 1 return the array of one side itself."""
    if lam == 0.0:
        return logp_lm
    if lam == 1.0:
        return logp_knn
    return np.logaddexp(np.log(lam) + logp_knn, np.log1p(-lam) + logp_lm)


def tipping_point(lm: Distribution, knn: Distribution) -> TippingPoint:
    """The lambda above which memory's first word b beats the model's first word a.

    Every word's mixture is a line in lambda from p_LM to p_kNN; the winners from 0 to 1 are the upper
    envelope of these lines. For the pair (a, b) the lines cross at
    lambda* = D_LM / (D_LM + D_kNN), D_LM = p_LM(a) - p_LM(b), D_kNN = p_kNN(b) - p_kNN(a).
    Words that win in between are those of the envelope other than a and b.
    """
    a, b = lm[0], knn[0]
    if a.id == b.id:
        return TippingPoint(None, a.token, b.token)
    d_lm, d_knn = a.p - lm.of(b.id), b.p - knn.of(a.id)
    others = tuple(
        (lm.words[i], start, end) for i, start, end in envelope(lm.p, knn.p) if i not in (a.id, b.id) and start < end
    )
    crossing = d_lm / (d_lm + d_knn) if d_lm + d_knn > 0 else 1.0
    return TippingPoint(crossing, a.token, b.token, others)


def envelope(p_lm: np.ndarray, p_knn: np.ndarray) -> list[tuple[int, float, float]]:
    """Which word wins for which lambda: (id, from, to) from 0 to 1, the upper envelope of V lines.

    Walks from crossing to crossing; each step looks at all words at once.
    """
    out = []
    lam, winner = 0.0, int(np.lexsort((-p_knn, -p_lm))[0])
    while True:
        gap = p_lm[winner] - p_lm + lam * ((p_knn[winner] - p_knn) - (p_lm[winner] - p_lm))  # >= 0
        closing = (p_knn - p_knn[winner]) - (p_lm - p_lm[winner])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.where(closing > 1e-15, lam + np.maximum(gap, 0.0) / closing, np.inf)
        at[winner] = np.inf
        step = float(at.min())
        if not step < 1.0:
            out.append((winner, lam, 1.0))
            return out
        meeting = np.flatnonzero(at <= step + 1e-15)
        rising = meeting[np.argmax(closing[meeting])]
        out.append((winner, lam, step))
        lam, winner = step, int(rising)
