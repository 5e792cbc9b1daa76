"""Losses of mixtures by hand, also where 32 bits cannot hold the probability."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from memlab.lm.model import LanguageModel
from memlab.memory.found import Found
from memlab.reading.cache import Attended
from memlab.reading.mixture import KnnMixture, MixtureInputs
from memlab.reading.states import States

ROW = np.zeros(1, np.int64)


def mixture(lm: LanguageModel, lam: float | None, cached: Attended | None = None) -> KnnMixture:
    """Two words that the model finds 1 and e^-200 likely; memory remembers the first."""
    scores = torch.full((1, lm.V), -1000.0)
    scores[0, :2] = torch.tensor([0.0, -200.0])
    states = States(np.ones(1, bool), torch.zeros(1, lm.d), torch.zeros(1, lm.d), scores)
    found = None if lam is None else Found(np.zeros((1, 1), int), np.zeros((1, 1), int), np.ones((1, 1)), 1)
    inputs = MixtureInputs(lm, states, lm.V, found, cached, lam_cache=0.1)
    return KnnMixture(inputs, None if lam is None else np.array([lam]))


@pytest.mark.parametrize(("lam", "rest"), [(None, 1.0), (0.0, 1.0), (0.25, 0.75), (1.0, 0.0)])
def test_a_word_beyond_32_bits_has_its_loss(
    tiny_lm: Callable[[str], LanguageModel], lam: float | None, rest: float
) -> None:
    sides = mixture(tiny_lm("llama"), lam).sides(ROW)
    expected = 200 - math.log(rest) if rest else math.inf
    assert sides.mixture[0, 1] == 0
    assert sides.losses(np.array([1]))[0] == pytest.approx(expected)
    assert sides.losses_of_lm(np.array([1]))[0] == pytest.approx(200)
    assert sides.losses(np.array([0]))[0] == pytest.approx(0, abs=1e-6)


def test_the_cache_takes_its_share_of_it(tiny_lm: Callable[[str], LanguageModel]) -> None:
    cached = Attended(torch.ones(1, 1), torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.long))
    sides = mixture(tiny_lm("llama"), 0.25, cached).sides(ROW)
    assert sides.losses(np.array([1]))[0] == pytest.approx(200 - math.log(0.75 * 0.9), rel=1e-6)
