"""A first question from the texts themselves."""

from __future__ import annotations

from memlab.corpus.first_prompt import first_prompt

TEXT = "Short one. The boats on Lake Hulda are green!\n\nThe hut at the lake\nis old. No end here is found at all"


def test_the_first_whole_sentence_is_asked_without_its_last_word() -> None:
    assert first_prompt([TEXT], "causal") == "The boats on Lake Hulda are"
    assert first_prompt([TEXT], "masked") == "The boats on Lake Hulda are [MASK]!"


def test_a_word_that_cannot_be_an_answer_is_passed_over() -> None:
    assert first_prompt(["", TEXT], "masked", lambda word: word != "green") == "The hut at the lake is [MASK]."


def test_texts_without_a_whole_sentence_give_none() -> None:
    assert first_prompt(["no sentence", "Too short."], "causal") is None
    assert first_prompt([], "causal") is None
