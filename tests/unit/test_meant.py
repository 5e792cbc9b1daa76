"""Prompts as people type them, what the bundled world answers to them, and tables of prompts."""

from __future__ import annotations

import pytest

from memlab.corpus.expected import expected
from memlab.corpus.meant import for_kind, respelt, suggestion, with_gap
from memlab.corpus.prompt_table import prompts_of, table_of
from memlab.corpus.world import MASK, atlas
from memlab.errors import InputError

CLOZE, NEXT = f"The capital of France is {MASK}.", "The capital of France is"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("The capital of France is [mask].", CLOZE),
        ("The capital of France is <MASK>.", CLOZE),
        ("The capital of France is ____.", CLOZE),
        ("What is the capital of France?", CLOZE),
        ("who were the founders of Rome ?", f"The founders of Rome were {MASK}."),
        (CLOZE, CLOZE),
        (NEXT, NEXT),
        ("snake_case and a__b", "snake_case and a__b"),
        ("Who wrote the Odyssey?", "Who wrote the Odyssey?"),
    ],
)
def test_gaps_and_questions(typed: str, read: str) -> None:
    assert with_gap(typed) == read


@pytest.mark.parametrize(
    ("prompt", "kind", "read"),
    [
        (f"The capital of France is {MASK}", "masked", CLOZE),
        (f"the capital of france is {MASK}", "masked", CLOZE),
        (NEXT, "masked", CLOZE),
        (CLOZE, "causal", NEXT),
        ("the capital of france is", "causal", NEXT),
        (f"My cat is {MASK}", "masked", f"My cat is {MASK}."),
        # Not plain: left as they are.
        ("The capital of France is Paris.", "masked", "The capital of France is Paris."),
        (f"The {MASK} of France is Paris.", "causal", f"The {MASK} of France is Paris."),
        (MASK, "masked", MASK),
        ("", "masked", ""),
    ],
)
def test_what_a_kind_of_model_can_read(prompt: str, kind: str, read: str) -> None:
    assert for_kind(atlas(), prompt, kind) == read


def test_suggestions_are_offered_only_where_there_is_one() -> None:
    assert suggestion(atlas(), "The capital of France is Paris.", "masked") == CLOZE
    assert suggestion(atlas(), f"In berlin they eat {MASK}.", "masked") == f"In Berlin they eat {MASK}."
    assert suggestion(atlas(), CLOZE, "masked") is None
    assert suggestion(atlas(), "Who wrote it?", "masked") is None


def test_words_that_a_model_has_never_met_are_respelt_as_the_names_most_like_them() -> None:
    assert respelt(atlas(), f"The capital of Frnace is {MASK}.", ("Frnace",)) == CLOZE
    assert respelt(atlas(), f"The capital of france and Germny is {MASK}.", ("Germny",)) == (
        f"The capital of france and Germany is {MASK}."  # only what the model has never met
    )
    assert respelt(atlas(), "Frnaces and Frnace", ("Frnace",)) == "Frnaces and France"  # whole words
    assert respelt(atlas(), f"A qwzx is {MASK}.", ("qwzx",)) is None
    assert respelt(atlas(), CLOZE, ()) is None


def test_every_question_of_the_world_has_its_answer_in_any_spelling() -> None:
    world = atlas()
    for fact in world.facts[::97]:
        for n, _ in enumerate(world.relation(fact.relation).questions):
            for kind in ("masked", "causal"):
                asked = world.relation(fact.relation).ask(fact, n, kind)
                if fact.subject.casefold() not in asked.casefold():
                    continue
                found = expected(world, asked.rstrip(".").lower().replace("[mask]", MASK))
                assert found is not None, asked
                assert fact.object in found.answers
    assert expected(world, "Nothing is known of this.") is None
    assert expected(world, f"The capital of Paris is {MASK}.") is None  # a city has none


def test_a_table_of_prompts() -> None:
    lines = ["prompt,expected", f'"{CLOZE}",Paris', "", '"Say ""a"", b",', "x,Bern | Berne"]
    table = prompts_of(lines)
    assert table.lines == ("", CLOZE, "", 'Say "a", b', "x")
    assert table.expected == (None, "Paris", None, None, "Bern | Berne")
    assert prompts_of([CLOZE, "a, b"]).lines == (CLOZE, "a, b")
    assert table_of(["Answer,PROMPT", "Paris,x"], "answer").expected == (None, "Paris")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["prompt,expected", "x"], "no column 'answer'"),
        ([], "no column 'prompt'. The columns are: none"),
        (["prompt,answer", "a, b, c"], "Line 2 has 3 cells"),
        (["prompt,answer", 'a,"b'], "Line 2 is not a line of a CSV table"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        table_of(lines, "answer")


def test_a_prompt_with_two_gaps_stays_as_it_is_typed() -> None:
    assert for_kind(atlas(), "two [MASK] [MASK]", "masked") == "two [MASK] [MASK]"
    assert for_kind(atlas(), "one [MASK]", "masked") == "one [MASK]."
