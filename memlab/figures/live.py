"""An answer for every value of its gate, so that a page can follow a slider without asking again.

Where distributions are mixed, p = lambda p_kNN + (1 - lambda) p_LM is linear in lambda. Where vectors are mixed before the
softmax, the logits are linear in the gate g: log p(g) = (1 - g) log p(0) + g log p(1) - Z(g), with p(0) and p(1) the
distributions at its ends, and Z(g) the logarithm of the sum over all words. So both are exact functions of their two
ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.results import Prediction
from memlab.serialize import as_json

STEP = 0.01
_LEADING = 20  # words without memory that can come first: more than enough, since their order never changes


@dataclass(frozen=True)
class LiveAnswer:
    """The words that matter at any value of the gate, and the probabilities that are mixed.

    Args:
        mixes: "distributions", "vectors" or "nothing".
        stops: values of the gate, ascending; `at` is the index of the answer's value.
        ids: the words, ascending; `words` their tokens. lm, knn: their probabilities on either side (at the two ends).
        added: what is added to each word after the softmax, and `scale` the weight of the softmax (vectors only).
        norms: Z at each stop (vectors only).
        shown: indexes of the words that are drawn, in their order. first: index of the first word at each stop.
    """

    mixes: str
    stops: tuple[float, ...]
    at: int
    ids: tuple[int, ...]
    words: tuple[str, ...]
    lm: tuple[float, ...]
    knn: tuple[float, ...]
    added: tuple[float, ...]
    scale: float
    norms: tuple[float, ...]
    shown: tuple[int, ...]
    first: tuple[int, ...]

    def p(self, stop: int) -> list[float]:
        """Probability of each word at a stop, as the page computes it."""
        s, out = self.stops[stop], []
        for lm, knn, added in zip(self.lm, self.knn, self.added, strict=True):
            if self.mixes != "vectors":
                out.append(s * knn + (1 - s) * lm)
            elif s in (0, 1) or not (lm and knn):
                out.append(added + self.scale * (knn if s == 0 else lm if s == 1 else 0.0))
            else:
                out.append(
                    added + self.scale * float(np.exp((1 - s) * np.log(knn) + s * np.log(lm) - self.norms[stop]))
                )
        return out

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


def live_answer(p: Prediction, rows: int = 8, also: Sequence[int] = (), stops: Sequence[float] = ()) -> LiveAnswer:
    """The answer for every value of its gate.

    Args:
        rows: words that are drawn. also: word ids that are always drawn. stops: values of the gate besides the hundredths.
    """
    mixes = p.gate.info.mixes
    value = 0.0 if mixes == "nothing" else float(p.gate.value)
    places = [value] if mixes == "nothing" else sorted({*np.round(np.arange(0, 1 + STEP / 2, STEP), 2), value, *stops})
    at = np.array(places)
    lm, knn = p.lm.p, p.knn.p
    if mixes == "vectors":
        scale = 1 - p.gate.knn_weight
        added = np.clip(p.counterfactuals["0"].p - scale * knn, 0, None) if p.gate.knn_weight else np.zeros_like(lm)
        norms, winners = _of_vectors(p.lm.logp, p.knn.logp, at, scale, added)
    else:
        scale, added, norms = 1.0, np.zeros_like(lm), np.zeros(len(at))
        near = np.union1d(np.flatnonzero(knn), p.lm.order[:_LEADING])
        winners = near[(at[:, None] * knn[near] + (1 - at)[:, None] * lm[near]).argmax(1)]
    drawn = _drawn(p, [*also, *dict.fromkeys(winners.tolist())], rows)
    ids = sorted({*drawn, *winners.tolist(), p.lm[0].id, p.knn[0].id})
    place = {word: n for n, word in enumerate(ids)}
    return LiveAnswer(
        mixes,
        tuple(float(s) for s in places),
        places.index(value),
        tuple(ids),
        tuple(p.mixture.words[i] for i in ids),
        tuple(lm[ids].tolist()),
        tuple(knn[ids].tolist()),
        tuple(added[ids].tolist()),
        scale,
        tuple(norms.tolist()),
        tuple(place[i] for i in drawn),
        tuple(place[i] for i in winners.tolist()),
    )


def _of_vectors(
    lm: np.ndarray, knn: np.ndarray, at: np.ndarray, scale: float, added: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Z (n,) and the first word (n,) at n values of the gate, from the log-probabilities (V,) at its ends."""
    both = np.isfinite(lm) & np.isfinite(knn)
    norms, winners = np.zeros(len(at)), np.zeros(len(at), int)
    for n, g in enumerate(at):
        if g in (0, 1):
            log = lm if g == 1 else knn
        else:
            log = np.full_like(lm, -np.inf)
            log[both] = (1 - g) * knn[both] + g * lm[both]
            top = log.max()
            norms[n] = top + np.log(np.exp(log - top).sum())
        winners[n] = (added + scale * np.exp(log - norms[n])).argmax()
    return norms, winners


def _drawn(p: Prediction, first: Sequence[int], rows: int) -> list[int]:
    """Word ids: the required ones, then rank by rank from model and memory; sorted by the mean of both sides.

    Neither the words nor their order depend on the gate, so that bars do not jump while it moves.
    """
    lm, knn = p.lm, p.knn
    chosen = dict.fromkeys(first[:rows])
    for same_rank in zip(lm.top(rows), knn.top(rows), strict=True):
        for word in same_rank:
            if word.p > 0 and len(chosen) < rows:
                chosen.setdefault(word.id)
    return sorted(chosen, key=lambda i: (-(lm.of(i) + knn.of(i)), i))
