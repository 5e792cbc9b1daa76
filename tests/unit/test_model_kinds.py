"""Kinds of models: what each is asked, and that an unknown kind is refused by name."""

from __future__ import annotations

import pytest

from memlab.corpus.model_kinds import (
    CAUSAL,
    MASKED,
    MODEL_KINDS,
    ModelKind,
    around_answer,
    kind_of_prompt,
    model_kind,
    of_kind,
)
from memlab.declare import KINDS, PROMPTED
from memlab.errors import InputError
from memlab.lm.engine_kinds import ENGINE_KINDS, engine_kind


def test_an_unknown_kind_is_refused_with_a_sentence() -> None:
    with pytest.raises(InputError) as refused:
        model_kind("seq2seq")
    assert str(refused.value) == "memlab has no prompts for seq2seq models, only for masked and causal ones."
    with pytest.raises(InputError, match="no charts for seq2seq models"):
        of_kind({"masked": 1, "causal": 2}, "seq2seq", "charts")


def test_every_kind_that_is_asked_can_be_run() -> None:
    assert set(ENGINE_KINDS) == set(MODEL_KINDS)
    assert engine_kind("causal").auto_class().__name__ == "AutoModelForCausalLM"
    with pytest.raises(InputError, match="no engine for seq2seq models"):
        engine_kind("seq2seq")


def test_every_kind_that_a_method_may_declare_is_an_object_or_refused_by_name() -> None:
    assert set(PROMPTED) <= set(MODEL_KINDS) <= set(KINDS)
    for name in KINDS:
        if name in MODEL_KINDS:
            assert model_kind(name).name == name
        else:
            with pytest.raises(InputError, match=name):
                model_kind(name)


@pytest.mark.parametrize(
    ("kind", "prompt", "around", "answer"),
    [
        (MASKED, "Bern is in [MASK].", ("Bern is in ", "."), "Swiss"),
        (CAUSAL, "Bern is in", ("Bern is in ", ""), " Swiss"),
    ],
)
def test_a_sentence_with_a_gap_as_each_kind_is_asked(
    kind: ModelKind, prompt: str, around: tuple[str, str], answer: str
) -> None:
    assert kind.prompt("Bern is in [MASK].") == prompt
    assert kind.around("Bern is in [MASK].") == kind.around(prompt) == around_answer(prompt) == around
    assert kind.answer("Swiss") == answer
    assert kind_of_prompt(prompt) is kind
    assert kind_of_prompt(kind.example) is kind
    assert kind.wording("[X] is in [Y].") == prompt.replace("Bern", "[X]")


def test_what_leaves_nothing_to_ask() -> None:
    assert MASKED.prompt("Bern is in") is None
    assert CAUSAL.prompt("[MASK] is in Switzerland.") is None
    assert CAUSAL.wording("[Y] is the capital of [X].") is None  # the subject would not be read
    assert MASKED.wording("[Y] is the capital of [X].") == "[MASK] is the capital of [X]."
