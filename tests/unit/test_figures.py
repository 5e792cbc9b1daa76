"""Figures from hand-made predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from memlab.figures import three_answers, union
from memlab.figures.mixing import tipping_of_distributions
from memlab.figures.sides import two
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, literal, share, shares, tint
from memlab.results import Distribution, Prediction, TippingPoint
from memlab.results.gate import constant


def prediction(lm: dict[str, float], knn: dict[str, float], lam: float) -> Prediction:
    """A prediction over the words of both, mixed with `lam`."""
    words = list(dict.fromkeys([*lm, *knn]))
    p_lm = np.array([lm.get(word, 0.0) for word in words])
    p_knn = np.array([knn.get(word, 0.0) for word in words])
    with np.errstate(divide="ignore"):
        logs = [np.log(p) for p in (p_lm, p_knn, lam * p_knn + (1 - lam) * p_lm)]
    a, b = words[int(p_lm.argmax())], words[int(p_knn.argmax())]
    return Prediction(
        prompt="The capital of France is [MASK].",
        method="bert-knn",
        model="hand",
        kind="masked",
        datastore="hand",
        workspace="default",
        as_of=0,
        settings={"lam": lam},
        lm=Distribution(logs[0], words),
        knn=Distribution(logs[1], words),
        mixture=Distribution(logs[2], words),
        gate=constant(lam),
        neighbors=(),
        prompt_tokens=(),
        tipping=TippingPoint(0.5, a, b),
    )


FRANCE = prediction({"Lyon": 0.5, "Paris": 0.41, "Nice": 0.09}, {"Paris": 0.93, "Lyon": 0.07}, 0.3)


def test_union_holds_all_top_words_in_an_order_that_lambda_does_not_change() -> None:
    words = [word.token for word in union(FRANCE)]
    assert words == ["Paris", "Lyon", "Nice"]
    for lam in (0.0, 0.5, 1.0):
        moved = prediction({"Lyon": 0.5, "Paris": 0.41, "Nice": 0.09}, {"Paris": 0.93, "Lyon": 0.07}, lam)
        assert [word.token for word in union(moved)] == words


def test_union_keeps_the_first_words_of_all_three_when_cut() -> None:
    lm = {f"m{i}": 0.1 for i in range(10)}
    knn = {f"k{i}": 0.1 for i in range(10)}
    words = {word.token for word in union(prediction(lm, knn, 0.5), rows=4)}
    assert len(words) == 4
    assert {"m0", "k0"} <= words


def test_the_three_charts_are_aligned() -> None:
    figure = three_answers(FRANCE)
    model, memory, mixture = figure.data
    assert list(model.y) == list(memory.y) == list(mixture.y) == [0, 1, 2]
    assert list(model.customdata) == list(memory.customdata) == list(mixture.customdata) == ["Paris", "Lyon", "Nice"]
    assert [bar.marker.color for bar in figure.data] == [MODEL, MEMORY, MIXTURE]
    assert {axis.matches for axis in (figure.layout.yaxis2, figure.layout.yaxis3)} == {"y"}
    assert list(mixture.x) == pytest.approx([0.3 * 0.93 + 0.7 * 0.41, 0.3 * 0.07 + 0.7 * 0.5, 0.7 * 0.09])


def test_the_first_word_of_each_chart_is_solid() -> None:
    solid = [
        [bar.customdata[i] for i, o in enumerate(bar.marker.opacity) if o == 1] for bar in three_answers(FRANCE).data
    ]
    assert solid == [["Lyon"], ["Paris"], ["Paris"]]


def test_long_words_are_cut_in_labels_and_whole_on_hover() -> None:
    word = "Llanfairpwllgwyngyllgogerychwyrndrobwll"
    figure = three_answers(prediction({word: 1.0}, {word: 1.0}, 0.5))
    assert figure.layout.yaxis.ticktext[0].strip() == "Llanfairpwllgwyngyllgog…"
    assert figure.data[0].customdata[0] == word


def test_words_with_markup_are_labels_not_markup() -> None:
    figure = three_answers(prediction({"<b>x</b>": 0.6, "$y$": 0.4}, {"&amp;": 1.0}, 0.5))
    text = json.dumps(figure.to_dict(), default=str)
    assert "<b>x" not in text
    assert "$y$" not in text
    assert "&amp;amp;" in text


def test_literal_and_share() -> None:
    assert literal("<a> & $") == "&lt;a&gt; &amp; &#36;"
    assert [share(p) for p in (0.0, 0.001, 0.0051, 0.926, 1.0)] == ["0.00", "<0.01", "0.01", "0.93", "1.00"]
    assert shares([0.4231, 0.4192, 0.0891, 0.0, 0.001, 0.002]) == ["0.423", "0.419", "0.09", "0.00", "<0.01", "<0.01"]
    assert shares([0.25, 0.25]) == ["0.25", "0.25"]  # the same, and so shown
    assert tint("#102030", 0.5) == "rgba(16, 32, 48, 0.5)"


@pytest.mark.parametrize(("lam", "text"), [(0.3, "0.30"), (0.0, "0.00"), (1 - 0.3, "0.70"), (0.425, "0.425")])
def test_lambda_is_printed_as_short_as_it_is(lam: float, text: str) -> None:
    assert two(lam) == text


@pytest.mark.parametrize(
    ("point", "lam", "words"),
    [
        (TippingPoint(0.42, "Lyon", "Paris"), 0.5, "Memory wins from λ = 0.42: Paris instead of Lyon."),
        (TippingPoint(0.42, "Lyon", "Paris"), 0.5, "At λ = 0.50 memory decides."),
        (TippingPoint(0.42, "Lyon", "Paris"), 0.2, "At λ = 0.20 the model decides."),
        (TippingPoint(None, "Paris", "Paris"), 0.2, "Model and memory agree on Paris: no λ changes the answer."),
        (TippingPoint(1.0, "Lyon", "Paris"), 0.2, "Memory (Paris) cannot win below λ = 1"),
        (
            TippingPoint(0.4, "A", "B", (("C", 0.3, 0.5),)),
            0.2,
            "In between, another word wins: C from λ = 0.30 to 0.50.",
        ),
    ],
)
def test_tipping_point_in_words(point: TippingPoint, lam: float, words: str) -> None:
    assert words in tipping_of_distributions(point, lam)
