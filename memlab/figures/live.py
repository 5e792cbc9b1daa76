"""An answer for every value of its gate, so that a page can follow a slider without asking again.

With w the weight of the memory, which is the gate itself or 1 minus the gate (`GateInfo.model_at`):

- "linear": p = w p_kNN + (1 - w) p_LM, where distributions are mixed.
- "log-linear": log p = w log p_kNN + (1 - w) log p_LM - Z(w), where logits are linear in the gate; p_LM and p_kNN are the
  distributions at its ends, and Z is the logarithm of the sum over all words.
- "computed": the method computes p with its gate forced to each value (`Prediction.forced`).

So the first two are exact functions of their two ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.results import Prediction
from memlab.serialize import as_json

STEP = 0.01
COARSE = 0.02  # where each value is computed by the method
_LEADING = 20  # words without memory that can come first: more than enough, since their order never changes


@dataclass(frozen=True)
class LiveAnswer:
    """The words that matter at any value of the gate, and the probabilities that are mixed.

    Args:
        mixes: "distributions", "vectors" or "nothing". curve, model_at: how p follows the gate, as its `GateInfo` says.
        stops: values of the gate, ascending; `at` is the index of the answer's value.
        ids: the words, ascending; `words` their tokens. lm, knn: their probabilities on either side (at the two ends).
        added: what is added to each word after the softmax, and `scale` the weight of the softmax (log-linear only).
        norms: Z at each stop (log-linear only). computed: the probabilities of the words at each stop (computed only).
        shown: indexes of the words that are drawn, in their order. first: index of the first word at each stop.
    """

    mixes: str
    curve: str
    model_at: int
    stops: tuple[float, ...]
    at: int
    ids: tuple[int, ...]
    words: tuple[str, ...]
    lm: tuple[float, ...]
    knn: tuple[float, ...]
    added: tuple[float, ...]
    scale: float
    norms: tuple[float, ...]
    computed: tuple[tuple[float, ...], ...]
    shown: tuple[int, ...]
    first: tuple[int, ...]

    def p(self, stop: int) -> list[float]:
        """Probability of each word at a stop, as the page computes it."""
        if self.curve == "computed":
            return list(self.computed[stop])
        s = self.stops[stop]
        w, out = 1 - s if self.model_at else s, []
        for lm, knn, added in zip(self.lm, self.knn, self.added, strict=True):
            if self.curve == "linear":
                out.append(w * knn + (1 - w) * lm)
            elif w in (0, 1) or not (lm and knn):
                out.append(added + self.scale * (knn if w == 1 else lm if w == 0 else 0.0))
            else:
                out.append(
                    added + self.scale * float(np.exp(w * np.log(knn) + (1 - w) * np.log(lm) - self.norms[stop]))
                )
        return out

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


def live_answer(p: Prediction, rows: int = 8, also: Sequence[int] = (), stops: Sequence[float] = ()) -> LiveAnswer:
    """The answer for every value of its gate.

    Args:
        rows: words that are drawn. also: word ids that are always drawn. stops: values of the gate besides the hundredths.
    """
    info = p.gate.info
    places = _places(p, stops)
    at = np.array(places)
    weights = 1 - at if info.model_end else at
    lm, knn = p.lm.p, p.knn.p
    scale, added, norms, computed = 1.0, np.zeros_like(lm), np.zeros(len(at)), np.zeros((len(at), 0))
    if info.curve == "computed":
        computed = _computed(p, places)
        winners = computed.argmax(1)
    elif info.curve == "log-linear":
        scale = 1 - p.gate.knn_weight
        if p.gate.knn_weight:
            added = np.clip(p.counterfactuals[str(info.memory_end)].p - scale * knn, 0, None)
        norms, winners = _log_linear(p.lm.logp, p.knn.logp, weights, scale, added)
    else:
        near = np.union1d(np.flatnonzero(knn), p.lm.order[:_LEADING])
        winners = near[(weights[:, None] * knn[near] + (1 - weights)[:, None] * lm[near]).argmax(1)]
    drawn = _drawn(p, [*also, *dict.fromkeys(winners.tolist())], rows)
    ids = sorted({*drawn, *winners.tolist(), p.lm[0].id, p.knn[0].id})
    place = {word: n for n, word in enumerate(ids)}
    return LiveAnswer(
        info.mixes,
        info.curve,
        info.model_end,
        tuple(places),
        places.index(_value(p)),
        tuple(ids),
        tuple(p.mixture.words[i] for i in ids),
        tuple(lm[ids].tolist()),
        tuple(knn[ids].tolist()),
        tuple(added[ids].tolist()),
        scale,
        tuple(norms.tolist()),
        tuple(tuple(row) for row in computed[:, ids].tolist()) if computed.size else (),
        tuple(place[i] for i in drawn),
        tuple(place[i] for i in winners.tolist()),
    )


def _value(p: Prediction) -> float:
    return 0.0 if p.gate.info.mixes == "nothing" else float(p.gate.value)


def _places(p: Prediction, stops: Sequence[float]) -> list[float]:
    """The values of the gate, ascending: its own alone without memory, its two ends and its own without `forced`."""
    info, value = p.gate.info, _value(p)
    if info.mixes == "nothing":
        return [value]
    if info.curve != "computed":
        step = STEP
    elif p.forced is None:
        return sorted({0.0, value, 1.0} if p.counterfactuals else {value})
    else:
        step = COARSE
    return sorted(float(s) for s in {*np.round(np.arange(0, 1 + step / 2, step), 2), value, *stops})


def _computed(p: Prediction, places: Sequence[float]) -> np.ndarray:
    """(n, V) probabilities with the gate at each value, as the method computes them."""
    own = p.gate.value
    ends = {0.0: p.counterfactuals.get("0"), 1.0: p.counterfactuals.get("1")}
    out = []
    for value in places:
        known = p.mixture if value == own else ends.get(value)
        if known is None:
            assert p.forced is not None
            known = p.forced(value)
        out.append(known.p)
    return np.stack(out)


def _log_linear(
    lm: np.ndarray, knn: np.ndarray, weights: np.ndarray, scale: float, added: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Z (n,) and the first word (n,) at n weights of the memory, from the log-probabilities (V,) at its ends."""
    both = np.isfinite(lm) & np.isfinite(knn)
    norms, winners = np.zeros(len(weights)), np.zeros(len(weights), int)
    for n, w in enumerate(weights):
        if w in (0, 1):
            log = knn if w == 1 else lm
        else:
            log = np.full_like(lm, -np.inf)
            log[both] = w * knn[both] + (1 - w) * lm[both]
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
