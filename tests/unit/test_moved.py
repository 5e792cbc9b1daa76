"""What else moved, by hand: scores of made-up answers, which questions an edit asks, what forgets and rests on what."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.corpus.statements import read_statement
from memlab.corpus.world import MASK, atlas
from memlab.errors import InputError
from memlab.evaluate.edited import sample
from memlab.record.fold import all_dependents, dependents
from memlab.record.hash_chain import EditRow
from memlab.record.memory_edits import still_there, teaching
from memlab.results import AnswerChange, EditEffects, Fact, GroupScore, Source


def row(group: str, before: str, after: str, right: tuple[bool, bool], preferred: bool | None = None) -> AnswerChange:
    prompt = f"{group} {before} {MASK}"
    return AnswerChange(group, prompt, before, after, 0.9, 0.4, *right, shared="", word=before, preferred=preferred)


ROWS = (
    row("efficacy", "Paris", "Lyon", (False, True), True),
    row("paraphrase", "Paris", "Lyon", (False, True), True),
    row("paraphrase", "Paris", "Paris", (False, False), False),
    row("neighborhood", "Rome", "Rome", (True, True)),
    row("neighborhood", "Oslo", "Oslo", (False, False)),
    row("neighborhood", "Bern", "Lyon", (True, False)),
    row("neighborhood", "Kyiv", "Kyiv", (True, True)),
)
MOVED = EditEffects(1, 0, "bert-knn", "m", "d", {"k": 1}, ROWS)


def test_scores_by_hand() -> None:
    efficacy, paraphrase, neighborhood = MOVED.scores
    assert efficacy == GroupScore("efficacy", 1, 0.0, 1.0, 1.0, 1.0)
    assert paraphrase == GroupScore("paraphrase", 2, 0.0, 0.5, 0.5, 0.5)
    assert neighborhood == GroupScore("neighborhood", 4, 0.75, 0.5, 0.75, None)
    assert MOVED.harmonic == pytest.approx(3 / (1 / 1 + 1 / 0.5 + 1 / 0.75))
    assert [r.before for r in MOVED.table] == ["Paris", "Paris", "Paris", "Bern"]
    assert MOVED.summary()["moved"] == 3
    assert json.loads(json.dumps(MOVED.to_dict()))["neighborhood"]["score"] == 0.75


def test_a_missing_group_has_no_harmonic_mean_and_a_zero_makes_it_zero() -> None:
    assert replace(MOVED, rows=ROWS[:3]).harmonic is None
    assert replace(MOVED, rows=(*ROWS[1:], row("efficacy", "Paris", "Paris", (False, False)))).harmonic == 0.0
    assert replace(MOVED, rows=()).summary()["efficacy"] is None


@pytest.mark.parametrize(
    ("sentence", "fact", "question"),
    [
        ("The capital of Wakanda is Birnin.", Fact("Wakanda", "capital", "Birnin"), 0),
        ("Lyon is the capital of France.", Fact("France", "capital", "Lyon"), 0),
        ("As its capital, France has Lyon.", Fact("France", "capital", "Lyon"), 2),
        ("Gold is written as Au in chemistry.", None, 0),
        ("The chemical symbol of gold is Au.", Fact("gold", "symbol", "Au"), 0),
        ("Dracula was written by Mozart.", Fact("Dracula", "author", "Mozart"), 1),
        ("Frogs sing.", None, 0),
    ],
)
def test_a_sentence_is_read_as_a_fact(sentence: str, fact: Fact | None, question: int) -> None:
    stated = read_statement(atlas(), sentence)
    if fact is None:
        assert stated is None
        return
    assert stated is not None
    assert (stated.fact.subject, stated.fact.relation, stated.fact.object) == (fact.subject, fact.relation, fact.object)
    assert stated.question == question


def test_every_statement_of_the_world_is_read_as_its_fact() -> None:
    """Of the facts of two relations; a template that fits another relation as well may be read as that one."""
    for fact in (*atlas().select("capital")[:40], *atlas().select("author")[:40]):
        for n in range(len(atlas().relation(fact.relation).statements)):
            stated = read_statement(atlas(), atlas().relation(fact.relation).state(fact, n))
            assert stated is not None
            assert (stated.fact.subject, stated.fact.object) == (fact.subject, fact.object)


def test_a_sample_is_the_same_each_time_and_keeps_order() -> None:
    things = [f"thing {i}" for i in range(500)]
    drawn = sample(things, 50)
    assert drawn == sample(things, 50) == sorted(drawn, key=things.index)
    assert len(set(drawn)) == 50
    assert sample(things[:50], 50) == things[:50]
    assert set(sample([*things, "one more"], 50)) - {"one more"} <= set(drawn)


@given(st.lists(st.lists(st.integers(1, 12), max_size=3), max_size=12))
def test_all_dependents_are_those_of_each(named: list[list[int]]) -> None:
    rows = [
        EditRow("w", str(n), n, "", "a", "forget", "s", {"forgets": [{"source": f"edit:{m}"} for m in names]})
        for n, names in enumerate(named, start=1)
    ]
    for r in rows:  # an edit can only name what is there already
        r.parameters["forgets"] = [s for s in r.parameters["forgets"] if int(s["source"][5:]) < r.sequence]
    found = all_dependents(rows)
    assert found == {r.sequence: tuple(d.sequence for d in dependents(rows, r.sequence)) for r in rows}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=6), st.integers(0, 20), st.integers(1, 8))
def test_a_source_is_there_while_one_character_is(removed: list[tuple[int, int]], start: int, length: int) -> None:
    gone = [Source("c", "d", a, a + n, "x") for a, n in removed]
    left = set(range(start, start + length)) - {i for s in gone for i in range(s.start, s.end)}
    source = Source("c", "d", start, start + length, "y")
    assert still_there([source], gone) == ([source] if left else [])
    assert still_there([source], [replace(s, document="e") for s in gone]) == [source]


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("", None, "nothing to teach"),
        ("x" * 2001, None, "at most 2000"),
        ("The capital is [MASK].", None, "word itself"),
        ("One\x00two", None, "contains a NUL"),
        ("One \ud800 two", None, "half a character"),
        ("One two", "", "no word"),
        ("One two", "three", "does not occur"),
        (7, None, "not int"),
    ],
)
def test_what_cannot_be_taught_is_one_message(text: str, value: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        teaching(text, value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_huge_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(InputError) as refused:
        teaching("word " * 400_000, None)
    assert len(str(refused.value)) < 200
