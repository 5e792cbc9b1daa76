"""Causes of wrong answers, each from a hand-made answer at which exactly its definition applies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from memlab.evaluate.causes import ALONE, Evidence, diagnose, nearest_lambda
from memlab.figures.votes import ALONE as ALONE_IN_VOTES
from memlab.results import Fact, Gate, Neighbor, Prediction, lambda_gate
from memlab.results.cause import CAUSES, Repair
from memlab.results.gate import NO_GATE
from memlab.results.verdict import ids_of, verdict
from tests.unit.test_figures import prediction


def neighbor(p: Prediction, rank: int, token: str, weight: float, document: str) -> Neighbor:
    at = p.lm.words.index(token)
    return Neighbor(rank, 100 + rank, at, token, float(rank), weight, "", token, "", document, 0, 1)


def asked(lm: dict[str, float], knn: dict[str, float], lam: float, *passages: tuple[str, float, str]) -> Prediction:
    p = prediction(lm, knn, lam)
    return dataclasses.replace(p, neighbors=tuple(neighbor(p, n, *one) for n, one in enumerate(passages, 1)))


# Right is Bern. The model says Geneva; memory says Vienna.
SWISS = asked(
    {"Geneva": 0.6, "Bern": 0.4},
    {"Vienna": 0.7, "Bern": 0.3},
    0.6,
    ("Vienna", 0.5, "Austria"),
    ("Bern", 0.3, "Switzerland"),
    ("Vienna", 0.2, "Switzerland"),
)


def cause(p: Prediction, expected: str = "Bern", **known: object) -> tuple[str, str, list[tuple[str, bool]]]:
    evidence = Evidence(**{"right": ids_of(p, [expected]), "stated": True, **known})  # type: ignore[arg-type]
    found = diagnose(p, verdict(p, [expected]), evidence)
    assert found.name in CAUSES
    return found.name, found.sentence, [(repair.kind, repair.sure) for repair in found.repairs]


def test_the_threshold_of_one_passage_is_the_same_everywhere() -> None:
    assert ALONE == ALONE_IN_VOTES


def test_the_right_answer_is_no_single_word() -> None:
    assert cause(SWISS, "Port Louis")[0] == "not one word"


def test_a_method_without_memory() -> None:
    alone = dataclasses.replace(SWISS, gate=Gate(NO_GATE, 0.0, 0.0), knn=SWISS.lm, mixture=SWISS.lm, neighbors=())
    assert cause(alone, stated=False, editable=False) == (
        "no memory",
        "hand says Geneva with p = 0.60, and this method has no memory.",
        [],
    )


def test_memory_is_outvoted_and_lambda_repairs_it() -> None:
    # Bern: .9 lambda + .2 (1 - lambda); Geneva: .1 lambda + .8 (1 - lambda). They meet at 3/7 = 0.4286.
    p = asked({"Geneva": 0.8, "Bern": 0.2}, {"Bern": 0.9, "Geneva": 0.1}, 0.2, ("Bern", 0.9, "Switzerland"))
    name, sentence, repairs = cause(p, settable=True)
    assert (name, repairs) == ("memory outvoted", [("lambda", True)])
    assert sentence == "Memory says Bern with p = 0.90, but λ = 0.20 gives the model more: Geneva."
    assert nearest_lambda(p.lm.p, p.knn.p, ids_of(p, ["Bern"]), 0.2) == 0.43
    computed = dataclasses.replace(lambda_gate("learned"), mixes="vectors", symbol="g")
    gated = dataclasses.replace(p, gate=Gate(computed, 0.97, 0.0))
    assert cause(gated)[1] == "Memory says Bern with p = 0.90, but the gate is computed, g = 0.97: Geneva."
    assert cause(gated)[2] == []


def test_a_fact_is_missing() -> None:
    assert cause(SWISS, stated=False) == ("fact missing", "No passage in memory states Bern.", [("teach", False)])
    instead = Fact("Switzerland", "capital", "Vienna")
    name, sentence, repairs = cause(SWISS, stated=False, fact=instead)
    assert sentence == "Memory states that the capital of Switzerland is Vienna, not Bern."
    assert (name, repairs) == ("fact missing", [("correct", False), ("teach", False)])


def test_the_nearest_key_is_far() -> None:
    name, sentence, _ = cause(SWISS, far=0.9)  # the nearest is at 1.0
    assert name == "nearest key far away"
    assert (
        "the nearest key is at 1.0, and 99% of stored entries have a neighbor from another text within 0.9" in sentence
    )
    assert cause(SWISS, far=1.0)[0] != name  # not beyond it


def test_article_search_chose_the_wrong_articles() -> None:
    searched = dataclasses.replace(SWISS, articles=("Austria", "Vienna"))
    name, sentence, _ = cause(searched, home=("Switzerland",))
    assert (name, sentence) == (
        "passage of the wrong article",
        "Article search chose Austria and Vienna; Bern is stated in Switzerland.",
    )
    assert cause(dataclasses.replace(SWISS, articles=("Switzerland",)), home=("Switzerland",))[0] == "look-alikes"


def test_one_neighbor_decides_and_forgetting_it_repairs_it() -> None:
    # Without the first: p_kNN(Bern) = .09 / .09 = 1, so Bern has .6 + .4 * .4 = .76.
    p = asked(
        {"Geneva": 0.6, "Bern": 0.4},
        {"Vienna": 0.91, "Bern": 0.09},
        0.6,
        ("Vienna", 0.91, "Austria"),
        ("Bern", 0.09, "S"),
    )
    name, sentence, repairs = cause(p)
    assert (name, repairs) == ("one neighbor decides", [("forget", True), ("teach", False)])
    assert sentence == "One passage of Austria has 0.91 of the weight, and says Vienna."
    found = diagnose(p, verdict(p, ["Bern"]), Evidence(ids_of(p, ["Bern"]), True))
    assert found.repairs[0] == Repair("forget", "Forget this passage of Austria", True, entries=(101,))
    # With two more Vienna passages below it, forgetting one is not enough, and is not offered.
    still = asked(
        {"Geneva": 0.6, "Bern": 0.4}, {"Vienna": 0.99, "Bern": 0.01}, 0.6, ("Vienna", 0.91, "A"), ("Vienna", 0.08, "A")
    )
    assert cause(still)[2] == [("teach", False)]
    assert cause(asked({"Geneva": 1.0}, {"Vienna": 0.9, "Bern": 0.1}, 0.6, ("Vienna", 0.9, "A")))[0] == "look-alikes"


def test_most_of_the_weight_is_on_the_wrong_article() -> None:
    name, sentence, _ = cause(SWISS, home=("Bern",))
    assert name == "passage of the wrong article"
    assert sentence == "1.00 of the weight is on passages of Austria and Switzerland; Bern is stated in Bern."
    assert cause(SWISS, home=("Switzerland",))[0] == "look-alikes"  # exactly one half, not more


def test_look_alikes() -> None:
    name, sentence, repairs = cause(SWISS, settable=True)
    assert (name, repairs) == ("look-alikes", [("lambda", True), ("teach", False)])
    assert sentence == (
        "Passages that look alike say Vienna: they have 0.70 of the weight, and are from Austria and Switzerland."
    )
    assert cause(SWISS, editable=False)[2] == []


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("The capital is [MASK].", "The capital is Bern."),
        ("The capital is", "The capital is Bern."),
        ("Is it [MASK]?", "Is it Bern?"),
    ],
)
def test_what_is_taught_is_the_answered_question(prompt: str, text: str) -> None:
    p = dataclasses.replace(SWISS, prompt=prompt)
    (repair,) = diagnose(p, verdict(p, ["Bern"]), Evidence(ids_of(p, ["Bern"]), True)).repairs
    assert (repair.text, repair.word) == (text, "Bern")
    assert repair.to_dict() == {
        "kind": "teach",
        "label": "Teach the answer",
        "sure": False,
        "text": text,
        "word": "Bern",
    }


def test_the_nearest_lambda_by_hand() -> None:
    lm, knn = np.array([0.5, 0.3, 0.2]), np.array([0.0, 0.2, 0.8])
    # Word 1 is at .3 - .1 lambda, word 0 at .5 - .5 lambda, word 2 at .2 + .6 lambda: word 1 never leads.
    assert nearest_lambda(lm, knn, [1], 0.4) is None
    assert nearest_lambda(lm, knn, [0], 0.4) == 0.27  # .5 - .5 lambda > .2 + .6 lambda below 3/11
    assert nearest_lambda(lm, knn, [2], 0.1) == 0.28
    assert nearest_lambda(lm, knn, [2, 0], 0.5) == 0.5
    assert nearest_lambda(lm, knn, [], 0.5) is None
