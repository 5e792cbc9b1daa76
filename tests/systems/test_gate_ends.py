"""A gate says which of its ends is the model; words, curves and tipping points follow it, whatever the direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from memlab import Lab
from memlab.errors import InputError, MemlabError, NotFound
from memlab.figures.live import live_answer
from memlab.figures.mixing import in_numbers, in_words, tipping, tipping_texts
from memlab.figures.sides import said, sides
from memlab.figures.sources import forced, panels
from memlab.figures.strip import colorings
from memlab.reading.gate_ends import tipping_of
from memlab.results import Distribution, GateInfo, Prediction
from memlab.results.batch import weight_of_memory
from memlab.systems.registry import registered
from memlab.ui.ask.prompt import examples
from memlab.ui.mixture.of_token import as_prediction
from memlab.ui.mixture.texts import head
from memlab.ui.system_page.methods import address
from tests.systems.vector_gates import GATE, GATES, REVERSED, SYSTEM, model_at

PROMPT = "The capital of Peru is"
PASSAGE = "The capital of Norway is Oslo. Norway lies in Europe."
RIGHT = [name for name in GATES if not name.startswith("toy-wrong")]


@pytest.fixture(scope="module", autouse=True)
def toys() -> Iterator[None]:
    with registered(SYSTEM):
        yield


@pytest.fixture(scope="module")
def asked(built_home: object) -> dict[str, Prediction]:
    lab = Lab.open(built_home)  # type: ignore[arg-type]
    return {name: lab.ask(PROMPT, name) for name in RIGHT}


def by_hand(name: str, p: Prediction, gate: float) -> np.ndarray:
    """(V,) the mixture as the toy declares it, from its two sides."""
    w = 1 - gate if model_at(name) else gate
    w = w * w if name == "toy-bent" else w
    if p.gate.info.mixes == "distributions":
        return (1 - w) * p.lm.p + w * p.knn.p
    z = (1 - w) * p.lm.logp + w * p.knn.logp
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


@pytest.mark.parametrize("name", RIGHT)
def test_the_end_of_the_model_is_found(name: str, asked: dict[str, Prediction]) -> None:
    p = asked[name]
    info = p.gate.info
    assert p.lm[0].id != p.knn[0].id, "the prompt must tell the two sides apart"
    assert (info.model_end, info.memory_end) == (model_at(name), 1 - model_at(name))
    assert p.gate.value == GATE
    assert p.gate.memory_weight == pytest.approx(GATE if model_at(name) == 0 else 1 - GATE)
    np.testing.assert_allclose(p.mixture.p, by_hand(name, p, GATE), atol=1e-9)
    assert weight_of_memory(p) == p.gate.memory_weight


@pytest.mark.parametrize("name", RIGHT)
def test_json_says_both_weights(name: str, asked: dict[str, Prediction]) -> None:
    p = asked[name]
    gate, memory = p.to_dict()["gate"], p.gate.memory_weight
    if p.gate.info.mixes == "vectors":
        assert gate["local_weight"] == pytest.approx(1 - memory)
        assert gate.get("value", gate["local_weight"]) == GATE
    else:
        assert gate["knn_weight"] == pytest.approx(memory)
        assert gate.get("value", gate["knn_weight"]) == GATE
    assert p.to_dict()["gate_info"]["model_at"] == model_at(name)


@pytest.mark.parametrize("name", RIGHT)
def test_sentences_name_the_right_end(name: str, asked: dict[str, Prediction]) -> None:
    p = asked[name]
    symbol, at, other = p.gate.info.symbol, model_at(name), 1 - model_at(name)
    model, memory = p.lm[0].token, p.knn[0].token
    if p.gate.info.mixes == "vectors":
        assert f"The model alone ({symbol} = {at}): {model}." in said(p)
        assert f"The memory alone ({symbol} = {other}): {memory}." in said(p)
        assert f"without memory ({symbol} = {at}) {p.lm.of(p.mixture[0].id):.2f}" in p.formula()
        assert f"{symbol} = {at}: the model alone {p.lm.of(p.mixture[0].id):.3f}" in in_numbers(p)
        weighed = "what was retrieved" if name != "toy-worded" else "remembered words"
        own = "the model's state" if name != "toy-worded" else "own guess"
        assert f"that of {weighed if at else own}" in in_words(p)
        formula = "".join(text for _, text in head(p))
        if name == "toy-worded":
            assert formula.startswith(f"softmax of {symbol} × remembered words + (1 − {symbol}) × own guess = answer")
            assert p.formula().startswith("softmax of (0.30 × remembered words + 0.70 × own guess) = ")
        else:  # nothing is claimed of a curve that is not declared
            assert formula.startswith("what was retrieved and the model's state give the answer")
            assert "softmax" not in in_words(p) + p.formula()
    else:
        assert [side.name for side in sides(p)] == ["model", "memory", "mixture"]
        assert "".join(text for _, text in head(p)).startswith(f"{symbol} × " if at == 0 else f"(1 − {symbol}) × ")
    assert (("memory", "remembered words") in head(p)) == (name == "toy-worded")
    assert p.gate.info.share == ("share" if name == "toy-worded" else "weight")


@pytest.mark.parametrize("name", RIGHT)
def test_the_slider_is_the_method_with_its_gate_forced(name: str, asked: dict[str, Prediction]) -> None:
    p = asked[name]
    live = live_answer(p)
    for value in (0.0, 0.1, GATE, 0.5, 0.9, 1.0):
        stop, expected = live.stops.index(value), by_hand(name, p, value)
        np.testing.assert_allclose(live.p(stop), expected[list(live.ids)], atol=1e-9)
        assert live.ids[live.first[stop]] == expected.argmax()
    assert live.stops[live.at] == GATE


@pytest.mark.parametrize("name", RIGHT)
def test_the_sweep_and_the_slider_run_the_same_way(name: str, asked: dict[str, Prediction], lab: Lab) -> None:
    p = asked[name]
    swept, live = lab.explain.sweep(p, "gate", points=11), live_answer(p)
    for value, answer in zip(swept.values, swept.answers, strict=True):
        assert live.words[live.first[live.stops.index(round(float(value), 2))]] == answer
    ends = (p.lm[0].token, p.knn[0].token)
    assert (swept.answers[0], swept.answers[-1]) == (ends[::-1] if model_at(name) else ends)
    assert swept.turns


@pytest.mark.parametrize("name", RIGHT)
def test_the_answer_tips_where_it_is_said_to(name: str, asked: dict[str, Prediction]) -> None:
    p = asked[name]
    at, side = p.tipping.lam, 1 if model_at(name) else -1  # to this side of it the model answers
    assert at is not None
    assert 0 < at < 1
    assert p.tipping.symbol == p.gate.info.symbol
    near, far = (by_hand(name, p, at + step) for step in (side * 2e-3, -side * 2e-3))
    a, b = p.lm[0].id, p.knn[0].id
    if p.gate.info.mixes == "vectors":  # up to there the model's answer holds, against whatever other word
        assert near.argmax() == a
        assert far.argmax() != a
    else:  # there the two answers change places; another word may be before both
        assert near[a] > near[b]
        assert far[a] < far[b]
    text = tipping(p)
    assert f"{'from' if side > 0 else 'up to'} {p.gate.info.symbol} = {at:.2f}" in text or p.tipping.others
    texts = tipping_texts(p)
    if texts.start is not None:  # distributions: who decides at either side of it
        sides_ = (texts.below, texts.above) if side < 0 else (texts.above, texts.below)
        assert "the model decides" in sides_[0]
        assert "memory decides" in sides_[1]


def test_a_declaration_that_contradicts_the_method_is_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match=r"'bent' is declared with curve='log-linear', .* Declare curve='computed'"):
        lab.ask(PROMPT, "toy-wrong-bent")
    for name in ("toy-wrong", "toy-wrong-sum"):
        with pytest.raises(InputError, match=r"'toy' is declared with model_at=1, .* Declare it with model_at=0"):
            lab.ask(PROMPT, name)


@pytest.mark.parametrize("name", ["toy-reversed", "toy-bent", "toy-worded", "toy-sum-reversed"])
def test_reading_and_generating_follow_the_gate(name: str, lab: Lab) -> None:
    trace = lab.read(PASSAGE, name)
    assert trace.gate_info.model_end == model_at(name)
    token = next(t for t in trace if t.gate is not None)
    coloring = colorings(trace)["gate"]
    assert coloring.of(token) == pytest.approx(GATE if model_at(name) == 0 else 1 - GATE)
    assert ("1 − " in coloring.reading) == bool(model_at(name))
    g = lab.generate(PROMPT, name, max_tokens=1)
    assert g.gate_info == trace.gate_info
    for of, step in (
        (trace, lab.reading.step(trace, token.position)),
        (g, lab.generation.step(g, g.node_of(0))),
    ):
        p = as_prediction(of, step)
        live = live_answer(p)
        for value in (0.0, GATE, 0.5, 1.0):
            got = live.p(live.stops.index(value))
            np.testing.assert_allclose(got, by_hand(name, p, value)[list(live.ids)], atol=1e-6)
        rows = {row["gate"]: row["first word"] for row in forced(of, step)}
        model_row = next(text for gate, text in rows.items() if gate.endswith("the model alone"))
        assert model_row.startswith(p.lm[0].token)
        titles = [title for title, _, _ in panels(of, step)]
        symbol = trace.gate_info.symbol
        vectors = trace.gate_info.mixes == "vectors"
        assert (f"Memory ({symbol} = {1 - model_at(name)})" if vectors else "Memory") in titles


def test_an_answer_that_comes_and_goes_tips_where_it_stops_for_good() -> None:
    """A curve without a formula: b wins below 0.2 and between 0.4 and 0.6 of the model's weight, a elsewhere."""
    words = ["a", "b"]
    model, memory = (Distribution(np.log(p), words) for p in (np.array([0.9, 0.1]), np.array([0.1, 0.9])))

    def first(gate: float) -> int:
        return int(gate < 0.2 or 0.4 < gate < 0.6)

    usual = replace(REVERSED, model_at=1)
    assert tipping_of(usual, model, memory, first).lam == pytest.approx(0.6, abs=1e-3)
    assert tipping_of(replace(REVERSED, model_at=0), model, memory, lambda w: first(1 - w)).lam == pytest.approx(
        0.4, abs=1e-3
    )


def test_a_declaration_is_checked() -> None:
    usual = ("w", "the memory", ("the model", "the memory"), True)
    for wrong, words in (
        ({"model_at": 2}, "model_at is 2; allowed is 0 or 1"),
        ({"curve": "straight"}, "curve is 'straight'; allowed is one of linear, log-linear, computed"),
        ({"mixes": "distributions", "curve": "computed"}, "a mixture of distributions is linear in its weight"),
        ({"combined": "{memory} of {nothing}"}, "combined is"),
    ):
        with pytest.raises(ValueError, match=words):
            GateInfo("toy", *usual, **{"mixes": "vectors", **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mixes is 'words'"):
        GateInfo("toy", *usual, "words")
    assert GateInfo("toy", *usual, "vectors").curve == "computed"
    assert GateInfo("toy", *usual, "distributions").curve == "linear"


def test_a_reader_with_a_model_of_its_own_kind_answers(lab: Lab) -> None:
    assert lab.ask(PROMPT, "toy-own").answer == lab.ask(PROMPT, "base", "atlas-clm").answer


def test_where_there_is_no_model_of_a_kind_one_sentence_says_so(lab: Lab) -> None:
    with pytest.raises(NotFound, match=r"memlab ships no seq2seq model.*\."):
        lab.ask(PROMPT, "toy-none")
    with pytest.raises(MemlabError, match="for masked and causal ones"):
        lab.question(lab.inventory.stories()[0].fact, kind="seq2seq")


def test_a_link_without_an_example_names_the_method_alone(lab: Lab) -> None:
    own, causal = lab.methods()["toy-own"], lab.methods()["toy-usual"]
    assert address(lab, own, "ask") == {"method": "toy-own"}
    assert address(lab, own, "read") == {"read.method": "toy-own"}
    assert set(address(lab, causal, "ask")) == {"prompt", "method"}
    assert examples(lab, own) == {}
    assert examples(lab, causal)
