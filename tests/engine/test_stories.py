"""The guide's five stories come out as their texts say."""

from __future__ import annotations

import re

import pytest

from memlab import Lab, Prediction
from memlab.corpus.stories import stories
from memlab.corpus.world import atlas
from memlab.ui.idea import idea

TOLD = {story.name: story for story in stories()}


def told(lab: Lab, name: str) -> Prediction:
    story = TOLD[name]
    return lab.ask(story.prompt, story.method, **story.settings)


def test_model_memory_and_mixture_know_the_frequent_fact(lab: Lab) -> None:
    p = told(lab, "frequent")
    assert {p.lm[0].token, p.knn[0].token, p.answer} == {TOLD["frequent"].fact.object}


@pytest.mark.parametrize("name", ["rare", "unseen"])
def test_memory_gives_what_the_model_does_not_know(lab: Lab, name: str) -> None:
    p, fact = told(lab, name), TOLD[name].fact
    assert fact.exposure == name
    assert p.lm[0].token != fact.object
    assert p.knn[0].token == p.answer == fact.object


def test_the_model_alone_finds_the_kind_and_memory_the_answer(lab: Lab) -> None:
    p, fact = told(lab, "kind"), TOLD["kind"].fact
    assert p.answer == p.lm[0].token != fact.object
    assert p.answer in atlas().names_of_kind["continent"]
    assert p.knn[0].token == fact.object
    assert p.tipping.lam is not None
    assert p.tipping.lam < 1


def test_memory_misleads_a_model_that_was_right(lab: Lab) -> None:
    p, fact = told(lab, "misled"), TOLD["misled"].fact
    assert p.lm[0].token == fact.object != p.answer == p.knn[0].token


def test_the_guides_picture_shows_the_numbers_of_the_fourth_story(lab: Lab) -> None:
    picture = idea()
    p = lab.ask(TOLD["kind"].prompt, TOLD["kind"].method, lam=0.75)
    shown = [p.lm[0], p.knn[0], *p.mixture[:2]]
    assert re.findall(r">(\w+ 0\.\d\d)<", picture) == [f"{word.token} {word.p:.2f}" for word in shown]
