"""Which end of a gate is the model alone, as declared and as the method computes it; and where the answer tips.

A `GateInfo` may leave open at which value of the gate the model answers alone, and it may be wrong. Every answer shows it:
from gate 0 to gate 1 probabilities move towards p_LM - p_memory where the model is at 1, and away from it where it is at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memlab.errors import InputError
from memlab.reading.mixing import tipping_point
from memlab.reading.mixture import Answer, Mixture
from memlab.results import Distribution, GateInfo, TippingPoint

CLOSE = 1e-4  # width at which the search for a tipping point ends
TRIED = 50  # steps in which a gate without a formula is moved
ROWS = 16  # positions of a text that are looked at
_OFF = 0.01  # a probability that a declared curve misses by more is no rounding
_FAINT = 1e-12  # sides that differ by less say nothing


Ends = tuple[np.ndarray, np.ndarray]  # log-probabilities (V',) with the gate at 0 and at 1


def settled(mixture: Mixture, said: Answer, row: int = 0, ends: Ends | None = None) -> GateInfo:
    """The gate of a mixture with `model_at` filled in: as declared, else as the method computes the answer at `row`.

    Args:
        said: the answer at that position. ends: the answer at both ends of the gate, where it is computed already.

    Raises:
        InputError: it is declared the other way round than the method computes it.
    """
    info = mixture.gate
    if info.mixes == "nothing" or said.knn is None:
        return info
    if info.mixes == "distributions" and info.model_at is not None:
        found = _by_weight(info, said)
    else:
        low, high = ends or (mixture.answer(row, 0.0).mixture, mixture.answer(row, 1.0).mixture)
        found = _by_ends(said, low, high)
    if found is None or found == info.model_at:
        return info
    if info.model_at is None:
        return replace(info, model_at=found)
    raise InputError(
        f"The gate {info.kind!r} is declared with model_at={info.model_at}, but its method gives the model's answer at "
        f"{info.symbol} = {found} and the memory's at {info.symbol} = {1 - found}. Declare it with model_at={found}, or "
        "mend what the mixture computes."
    )


def settled_of_text(info: GateInfo, mixture: Mixture, rows: np.ndarray) -> GateInfo:
    """The gate of a text; where `model_at` is not declared, as the first position computes it that has a memory."""
    if info.mixes != "nothing" and info.model_at is None:
        for row in rows[:ROWS]:
            found = settled(mixture, mixture.answer(int(row)), int(row))
            if found.model_at is not None:
                return found
    return info


def check_curve(info: GateInfo, said: Answer, ends: Ends) -> None:
    """Whether the answer lies on the curve that its gate declares.

    Raises:
        InputError: log p is said to be linear in the gate, and is not.
    """
    if info.curve != "log-linear" or said.knn is None or not 0 < said.gate < 1:
        return
    w, rest = info.memory_weight(said.gate), 1 - said.knn_weight  # the softmax may have only a part of the probability
    both = np.isfinite(said.lm) & np.isfinite(said.knn)
    if not both.any():
        return
    log = w * said.knn[both] + (1 - w) * said.lm[both]
    p = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    added = np.exp(ends[info.memory_end][both]) - rest * np.exp(said.knn[both])
    off = float(np.abs(added + rest * p - np.exp(said.mixture[both])).max())
    if off > _OFF:
        raise InputError(
            f"The gate {info.kind!r} is declared with curve='log-linear', but at {info.symbol} = {said.gate:.3f} a word is {off:.2f} "
            "more or less probable than that gives. Declare curve='computed'."
        )


def _by_ends(said: Answer, low: np.ndarray, high: np.ndarray) -> int | None:
    """0 or 1 from the log-probabilities (V',) with the gate at 0 and at 1; None where nothing can be seen."""
    assert said.knn is not None
    moved, apart = np.exp(high) - np.exp(low), np.exp(said.lm) - np.exp(said.knn)
    alike = float(moved @ apart)
    return None if abs(alike) < _FAINT else int(alike > 0)


def _by_weight(info: GateInfo, said: Answer) -> int | None:
    """The same where p = (1 - w) p_LM + w p_memory, from the weight w that the answer shows; None where both ends fit."""
    assert said.knn is not None
    lm, knn, mixture = (np.exp(log) for log in (said.lm, said.knn, said.mixture))
    apart = knn - lm
    size = float(apart @ apart)
    if size < _FAINT or info.model_at is None:
        return None
    weight, meant = float((mixture - lm) @ apart) / size, info.memory_weight(said.gate)
    reversed_ = abs(weight - (1 - meant)) < 1e-3 < 0.05 < abs(weight - meant)
    return 1 - info.model_at if reversed_ else info.model_at


def tipping_of(info: GateInfo, model: Distribution, memory: Distribution, at: Callable[[float], int]) -> TippingPoint:
    """Where the gate turns the answer: by lines that cross where p is linear in it, else by trying.

    Args:
        at: id of the first word with the gate at one value.
    """
    if info.mixes == "nothing" or (info.mixes == "distributions" and info.curve == "linear"):
        return tipping_point(model, memory, info)
    a, b = model[0], memory[0]
    if a.id == b.id:
        return TippingPoint(None, a.token, b.token, symbol=info.symbol)
    low, high = 0.0, 1.0  # weight of the model: at 1 its answer holds
    if info.curve == "computed":  # the answer may come and go: as far from the model's end as it holds without a break
        low = next((n / TRIED for n in reversed(range(TRIED)) if at(_gate(info, n / TRIED)) != a.id), 0.0)
        high = low + 1 / TRIED
    while high - low > CLOSE:
        middle = (low + high) / 2
        if at(_gate(info, middle)) == a.id:
            high = middle
        else:
            low = middle
    return TippingPoint(_gate(info, high), a.token, b.token, symbol=info.symbol)


def _gate(info: GateInfo, weight_of_model: float) -> float:
    """The value of the gate at which the model has this weight."""
    return weight_of_model if info.model_end else 1 - weight_of_model
