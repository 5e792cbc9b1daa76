"""The smallest set of neighbors whose removal changes the answer.

Entries i are in the order of their distances, with weights e_i = exp(score_i); the first k that are not
removed vote. The mixture's answer a loses to a word b when

    lambda (W_b - W_a) / W + (1 - lambda) (p_LM(b) - p_LM(a)) > 0,      W_y = sum of the e_i with value y

which, times W / lambda, is a sum with one term for each entry that votes:

    sum_i f_i > 0,   f_i = e_i (1[v_i = b] - 1[v_i = a] - c),   c = (1 - lambda) / lambda (p_LM(a) - p_LM(b))

Removing r of the first k + r entries leaves exactly k votes, and the best r to remove are those with the
smallest f_i. So the best removal of each size is known for each rival b, and the first size at which one
rival wins is the smallest: nothing else has to be tried. Of the words that no entry holds, only the one
with the largest p_LM can be a rival.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from memlab.reading.mixing import mix, remember

ROUNDING = 1e-12  # relative size of a sum that may be zero: such a tie is decided by mixing
WIDEST = 700.0  # difference of scores from which exp() of the smaller one underflows beside that of the larger


@dataclass(frozen=True)
class Removal:
    """What `smallest_removal` found: positions in the order of distances, and the last size that it tried.

    `removed` is empty where no set of at most `tried` entries changes the answer. `exact` is False where
    scores differ by more than double precision can weigh.
    """

    removed: tuple[int, ...]
    tried: int
    exact: bool


def smallest_removal(
    scores: np.ndarray,
    values: np.ndarray,
    logp_lm: np.ndarray,
    lam: float,
    k: int,
    most: int,
    least: int = 1,
    seconds: float = 1.0,
) -> Removal:
    """The smallest set of entries whose removal changes the answer, by ascending size.

    Args:
        scores: (M,) unnormalized log weights of the M nearest entries, nearest first; M should be k + most,
            or all there are.
        values: (M,) their token ids.
        logp_lm: (V,) the model's log-probabilities.
        lam: weight of the memory.
        k: how many entries vote.
        most, least: largest and smallest size to try.
        seconds: after this time no further size is tried.
    """
    begin = time.perf_counter()
    exact = bool(scores[0] - scores[-1] < WIDEST)
    answer = first_word(scores[:k], values[:k], logp_lm, lam)
    rivals, c = _rivals(values, np.exp(logp_lm), answer, lam)
    e = np.exp(scores - scores[0])
    f = e * ((values == rivals[:, None]) - 1.0 * (values == answer) - c[:, None])  # (B, M)
    f, rivals = f[(f > 0).any(1)], rivals[(f > 0).any(1)]
    tried = least - 1
    for r in range(least, most + 1):
        n = min(k + r, len(scores))
        if n <= r or len(rivals) == 0:
            return Removal((), most, exact)
        if time.perf_counter() - begin > seconds:
            break
        kept = np.partition(f[:, :n], r, axis=1)[:, r:]  # (B, n - r), the largest terms
        size = np.abs(kept).sum(1)
        margin = kept.sum(1) / np.where(size > 0, size, 1.0)
        for b in np.argsort(-margin, kind="stable"):
            if margin[b] < -ROUNDING:
                break
            out = np.argsort(f[b, :n], kind="stable")[:r]
            left = np.delete(np.arange(n), out)
            if first_word(scores[left], values[left], logp_lm, lam) != answer:
                return Removal(tuple(np.sort(out).tolist()), r, exact)
        tried = r
    return Removal((), tried, exact)


def first_word(scores: np.ndarray, values: np.ndarray, logp_lm: np.ndarray, lam: float) -> int:
    """The id that the mixture puts first, ties to the smaller id, as in a prediction."""
    return int(np.argmax(mix(logp_lm, remember(scores, values, len(logp_lm)).logp, lam)))


def _rivals(values: np.ndarray, p_lm: np.ndarray, answer: int, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Words that could take the answer's place, and their c."""
    if lam == 0.0:  # the memory has no weight
        return np.empty(0, np.int64), np.empty(0)
    held = np.unique(values)
    outside = p_lm.copy()
    outside[held] = -1.0
    outside[answer] = -1.0
    rivals = held[held != answer]
    if outside.max() > 0:
        rivals = np.append(rivals, outside.argmax())
    return rivals, (1 - lam) / lam * (p_lm[answer] - p_lm[rivals])
