"""A setting moved: the same mixtures as one by one, and turns where the answer changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import InputError
from memlab.reading.mixing import mix, remember
from memlab.reading.sweep import SHOWN, Axis, Candidates, Voters, axis_of, sweep
from memlab.systems import bert_knn

V = 9


def word(i: int) -> str:
    return f"w{i}"


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float, float]:
    K = draw(st.integers(2, 12))
    distances = np.array(sorted(draw(st.lists(st.floats(0, 9), min_size=K, max_size=K))))
    values = np.array(draw(st.lists(st.integers(0, V - 1), min_size=K, max_size=K)))
    p = np.array(draw(st.lists(st.floats(0.001, 1), min_size=V, max_size=V)))
    return distances, values, p / p.sum(), draw(st.integers(1, K)), draw(st.floats(0.2, 5)), draw(st.floats(0.05, 0.95))


@given(cases(), st.sampled_from(["lam", "k", "scale"]))
def test_each_point_is_the_mixture_with_that_setting(case: tuple, over: str) -> None:
    distances, values, p_lm, k, divisor, lam = case
    points = {"lam": np.linspace(0, 1, 7), "k": np.arange(1.0, len(values) + 1), "scale": np.geomspace(0.3, 6, 7)}[over]
    current = {"lam": lam, "k": float(k), "scale": divisor}[over]
    swept = sweep(
        Axis(over, over, False, current, points),
        Voters(distances, Candidates.of(p_lm, values)),
        k,
        divisor,
        lam,
        word,
    )
    for i, value in enumerate(points):
        now = {"k": k, "scale": divisor, "lam": lam, over: value}
        n = int(now["k"])
        memory = remember(-distances[:n] / now["scale"], values[:n], V)
        p = np.exp(mix(np.log(p_lm), memory.logp, float(now["lam"])))
        assert p[int(swept.answers[i][1:])] == pytest.approx(p.max())
        for name, shown in zip(swept.words, swept.mixture[i], strict=True):
            assert shown == pytest.approx(p[int(name[1:])])
    assert len(swept.words) <= SHOWN


def test_turns_by_hand() -> None:
    """Model 0.7 / 0.3, memory 0.25 / 0.75: the lines cross where 0.4 (1 - lam) = 0.5 lam, at 4/9."""
    distances, values = np.array([0.0, np.log(3.0)]), np.array([1, 0])
    voters = Voters(distances, Candidates.of(np.array([0.7, 0.3, 0.0]), values))
    (turn,) = sweep(Axis("lam", "", False, 0.5, np.linspace(0, 1, 5)), voters, 2, 1.0, 0.5, word).turns
    assert (turn.before, turn.after) == ("w0", "w1")
    assert turn.at == pytest.approx(4 / 9)

    swept = sweep(Axis("k", "", True, 2.0, np.array([1.0, 2.0])), voters, 2, 1.0, 0.3, word)
    assert swept.answers == ("w1", "w0")  # 0.3 + 0.7 * 0.3 = 0.51 of w1 with one neighbor, 0.435 with both
    assert [turn.to_dict() for turn in swept.turns] == [{"at": 2.0, "before": "w1", "after": "w0"}]

    # with both, w1 needs 0.3 (2 q - 1) > 0.28: q > 29/30, and q = 1 / (1 + exp(-ln 3 / T)) is 29/30 at T = ln 3 / ln 29
    axis = Axis("scale", "", True, 1.0, np.geomspace(0.1, 5, 9))
    (turn,) = sweep(axis, voters, 2, 1.0, 0.3, word).turns
    assert turn.at == pytest.approx(np.log(3) / np.log(29), rel=1e-3)
    assert (turn.before, turn.after) == ("w1", "w0")


def test_only_settings_of_the_mixture_can_be_swept() -> None:
    settings = bert_knn.METHOD.settings()
    for over in ("temperature", "key", "articles", ""):
        with pytest.raises(InputError, match="k, scale, lam"):
            axis_of(bert_knn.METHOD, settings, over, 10, 100)
    with pytest.raises(InputError, match="2 points"):
        axis_of(bert_knn.METHOD, settings, "lam", 1, 100)
    assert axis_of(bert_knn.METHOD, settings, "k", 500, 40).values.tolist() == list(range(1, 41))
    assert settings.scale in axis_of(bert_knn.METHOD, settings, "scale", 10, 40).values
