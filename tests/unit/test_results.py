"""What travels between rooms: shapes, cuts, exports."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab import results
from memlab.results import (
    Article,
    Distribution,
    Fact,
    Neighbor,
    Prediction,
    PromptToken,
    TippingPoint,
)
from memlab.results.gate import constant

WORDS = ["[MASK]", "Paris", "Lyon", "Nice", "<script>"]
ENTRY = Neighbor(1, 1234, 1, "Paris", 0.12, 0.75, "The capital is ", "Paris", ".", "France", 15, 20)


def distribution(p: list[float]) -> Distribution:
    with np.errstate(divide="ignore"):
        return Distribution(np.log(p), WORDS)


def token(text: str, start: int, known: bool | None) -> PromptToken:
    return PromptToken(text, 0, start, start + len(text), known)


FRANCE = Prediction(
    prompt="The capital of France is [MASK].",
    method="bert-knn",
    model="hand",
    kind="masked",
    datastore="store",
    workspace="default",
    as_of=0,
    settings={"k": 2, "lam": 0.5},
    lm=distribution([0.0, 0.25, 0.5, 0.25, 0.0]),
    knn=distribution([0.0, 0.75, 0.25, 0.0, 0.0]),
    mixture=distribution([0.0, 0.5, 0.375, 0.125, 0.0]),
    gate=constant(0.5),
    neighbors=(ENTRY, replace(ENTRY, rank=2, entry=7, id=2, token="Lyon", value="Lyon", weight=0.25)),
    prompt_tokens=(token("The", 0, True), token("capital", 4, True)),
    tipping=TippingPoint(1 / 3, "Lyon", "Paris", (("Nice", 0.1, 0.2),)),
    articles=("France",),
    searched=40,
    entries=100,
)


def test_a_prediction_becomes_plain_json_of_the_agreed_shape() -> None:
    said = FRANCE.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    agreed = ["schema_version", "prompt", "method", "model", "datastore", "workspace", "as_of", "settings"]
    agreed += ["lm", "knn", "mixture", "gate", "neighbors", "timings_ms"]
    assert set(agreed) <= set(said)
    assert said["schema_version"] == 1
    assert said["lm"][0] == {"id": 2, "token": "Lyon", "p": 0.5}
    assert said["gate"] == {"kind": "constant", "knn_weight": 0.5}
    assert said["settings"] == {"k": 2, "lam": 0.5}
    assert set(said["timings_ms"]) == {"encode", "search", "mix", "total"}
    wanted = ["rank", "entry", "token", "distance", "weight", "left", "value", "right", "document", "source"]
    assert set(wanted) <= set(said["neighbors"][0])
    assert said["neighbors"][0]["source"] == "base"
    assert said["tipping"]["others"] == [{"token": "Nice", "from": 0.1, "to": 0.2}]
    assert said["answer"] == "Paris"
    assert "rest" not in said


def test_distributions_are_complete_sorted_and_sum_to_1() -> None:
    for side in ("lm", "knn", "mixture"):
        p = [word["p"] for word in FRANCE.to_dict()[side]]
        assert len(p) == len(WORDS)
        assert p == sorted(p, reverse=True)
        assert sum(p) == pytest.approx(1)


def test_a_cut_keeps_the_first_words_and_says_what_is_left() -> None:
    said = FRANCE.to_dict(top=1)
    assert [word["token"] for word in said["mixture"]] == ["Paris"]
    assert said["rest"] == pytest.approx({"lm": 0.5, "knn": 0.25, "mixture": 0.5})
    whole = FRANCE.to_dict(top=100)
    assert len(whole["lm"]) == len(WORDS)
    assert whole["rest"] == pytest.approx({"lm": 0, "knn": 0, "mixture": 0})


@given(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).filter(lambda p: sum(p) > 0.01), st.integers(1, 7))
def test_cut_and_rest_sum_to_1(weights: list[float], top: int) -> None:
    d = distribution([w / sum(weights) for w in weights])
    said = replace(FRANCE, lm=d).to_dict(top=top)
    assert sum(w["p"] for w in said["lm"]) + said["rest"]["lm"] == pytest.approx(1)


def test_a_distribution_reads_like_a_sorted_list() -> None:
    d = distribution([0.1, 0.2, 0.4, 0.2, 0.1])
    assert [w.token for w in d] == [w.token for w in d[:]] == ["Lyon", "Paris", "Nice", "[MASK]", "<script>"]
    assert d[0].p == pytest.approx(0.4)
    assert d[-1].token == "<script>"
    assert [w.id for w in d.top(2)] == [2, 1]
    assert len(d) == 5
    assert (d.rank(2), d.rank(4)) == (1, 5)
    assert d.of(1) == pytest.approx(0.2)


def test_entropy_counts_words_of_probability_0_as_nothing() -> None:
    assert distribution([0.5, 0.5, 0, 0, 0]).entropy == pytest.approx(np.log(2))
    assert distribution([1, 0, 0, 0, 0]).entropy == 0


def test_a_distribution_needs_a_word_for_every_probability() -> None:
    with pytest.raises(ValueError, match="2 words"):
        Distribution(np.zeros(3), ["a", "b"])


def test_results_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        FRANCE.prompt = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Fact("France", "capital", "Paris").object = "Lyon"  # type: ignore[misc]


def test_small_results_become_dictionaries() -> None:
    fact = Fact("France", "capital", "Paris", "frequent", "P36", "country")
    assert fact.to_dict()["exposure"] == "frequent"
    assert Article("a", "France", "text").to_dict() == {"id": "a", "title": "France", "kind": None, "text": "text"}


def test_csv_has_the_rows_of_the_neighbors() -> None:
    rows = list(csv.DictReader(io.StringIO(FRANCE.neighbors_csv())))
    assert [(r["rank"], r["value"], float(r["weight"])) for r in rows] == [("1", "Paris", 0.75), ("2", "Lyon", 0.25)]
    assert rows[0]["left"] == "The capital is "


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1"])
def test_csv_cells_never_run_as_formulas(text: str) -> None:
    nasty = replace(ENTRY, left=text, document=text)
    row = next(csv.DictReader(io.StringIO(replace(FRANCE, neighbors=(nasty,)).neighbors_csv(), newline="")))
    assert row["left"].startswith("'")
    assert row["document"].startswith("'")


def test_csv_keeps_quotes_commas_and_line_breaks() -> None:
    odd = replace(ENTRY, left='He said "no",\nand left ', document="a;b,c")
    row = next(csv.DictReader(io.StringIO(replace(FRANCE, neighbors=(odd,)).neighbors_csv(), newline="")))
    assert row["left"] == odd.left
    assert row["document"] == odd.document


def test_a_notebook_shows_text_as_text() -> None:
    nasty = "<script>alert(1)</script> & <b>"
    words = [*WORDS[:4], nasty]
    d = Distribution(np.log([0.1, 0.1, 0.1, 0.1, 0.6]), words)
    entry = replace(ENTRY, left=nasty, value=nasty, right=nasty, document=nasty)
    shown = replace(FRANCE, prompt=nasty, lm=d, knn=d, mixture=d, neighbors=(entry,))._repr_html_()
    assert "<script" not in shown
    assert "<b> " not in shown
    assert "&lt;script&gt;" in shown


def test_a_notebook_shows_the_formula_with_its_numbers() -> None:
    assert "0.50 × 0.75 + 0.50 × 0.25 = 0.50" in FRANCE._repr_html_()


def test_unknown_words_are_whole_words_in_order_and_once() -> None:
    tokens = (
        token("Zork", 0, False),
        token("meets", 5, True),
        token("a", 11, True),
        token("X", 13, False),
        token("y", 14, True),  # a piece: the whole word is unknown
        token(",", 15, False),
        token("Zork", 17, False),
    )
    assert replace(FRANCE, prompt_tokens=tokens).unknown_words == ("Zork", "Xy", ",")
    assert replace(FRANCE, prompt_tokens=(token("Zork", 0, None),)).unknown_words == ()


def test_every_name_of_the_package_is_found_in_its_module() -> None:
    import memlab.results as package

    assert sorted(package._MODULES) == sorted(package.__all__)
    for name, module in package._MODULES.items():
        found = getattr(package, name)
        assert getattr(found, "__module__", f"memlab.results.{module}") == f"memlab.results.{module}"
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=r"'memlab\.results' has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


@pytest.mark.parametrize(
    ("former", "name"), [("Moved", "EditEffects"), ("MovedRow", "AnswerChange"), ("WordMoved", "WordChange")]
)
def test_former_names_of_results_still_work_and_say_the_new_one(former: str, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=name):
        assert getattr(results, former) is getattr(results, name)
