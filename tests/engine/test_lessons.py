"""Lessons: the bundled ones hold what their notes say; files that are none are refused with the reason."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from memlab import Fact, Lab
from memlab.corpus.lessons import Lesson, Step, bundled_lessons, named_after, read_lesson, step_of_address
from memlab.errors import InputError, NotFound
from memlab.lab.lesson_run import LessonRun, checked, holds


@pytest.fixture
def lab(built_home: Path, tmp_path: Path) -> Lab:
    folder = tmp_path / "home"
    shutil.copytree(
        built_home / "datastores", folder / "datastores", copy_function=os.link, ignore=shutil.ignore_patterns(".*")
    )
    return Lab.open(folder)


def ask(lab: Lab, step: Step):  # type: ignore[no-untyped-def]
    return lab.ask(**step.parameters)  # type: ignore[arg-type]


def test_every_question_of_the_bundled_lessons_is_answered(lab: Lab) -> None:
    lessons = bundled_lessons()
    assert [lesson.name for lesson in lessons] == [
        "what-memory-adds",
        "when-it-misleads",
        "editing-and-forgetting",
        "beliefs-made-consistent",
        "changing-the-weights",
        "a-learned-gate",
        "reading-with-memory",
        "generating-with-memory",
        "a-memory-of-facts",
    ]
    for lesson in lessons:
        assert lesson.minutes == 10
        for step in lesson.steps:
            if step.page == "ask" and step.parameters:
                said = ask(lab, step)
                assert said.neighbors or said.method == "base"  # the model alone has no memory to show


NAMES = [lesson.name for lesson in bundled_lessons()]


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_of_a_bundled_lesson_holds_when_it_is_given(lab: Lab, name: str) -> None:
    run = LessonRun(lab, lab.lessons.get(name))
    checks = [check for n in range(1, len(run.lesson.steps) + 1) for check in run.check(n)]
    assert len(checks) >= 4
    assert [check for check in checks if not check.holds] == []
    assert lab.history() == []  # the lesson has a workspace of its own
    run.end()
    assert [info.name for info in lab.workspaces()] == ["default"]


def test_going_back_in_a_lesson_shows_what_was_there_before_its_edits(lab: Lab) -> None:
    run = LessonRun(lab, lab.lessons.get("editing-and-forgetting"))
    assert [run.reach(n) for n in (4, 1, 2, 3)] == [2, 0, 1, 1]  # one edit a step that does one, each made once
    assert [check.holds for check in run.check(1)] == [True, True]
    assert [check.holds for check in run.check(3)] == [True]
    assert len(run.lab.history()) == 2
    other = LessonRun(lab, run.lesson)  # given twice at the same time
    assert (other.reach(1), other.workspace) == (0, "lesson Editing and forgetting 2")
    run.end()
    run.end()
    assert [info.name for info in lab.workspaces()] == ["default", other.workspace]


def test_a_claim_that_does_not_hold_says_what_was_found(lab: Lab) -> None:
    asked = {"prompt": "The capital of France is [MASK].", "method": "bert-knn"}
    step = Step("a", "", "ask", asked, claims={"answer": "Lyon", "not model": "paris", "active": "1"})
    lesson = Lesson("x", "x", "", 1, (step,))
    assert read_lesson(lesson.to_json()) == lesson
    assert [(check.found, check.holds) for check in checked(lab, step, None)] == [
        ("Paris", False),
        ("Paris", False),
        ("0", False),
    ]
    with pytest.raises(InputError, match="does not show"):
        checked(lab, replace(step, claims={"conflicts": "none"}), None)
    for claim, says, found, right in (
        ("says", "b", "abc", True),
        ("gains", "x", "+0.00", False),
        ("gains", "x", "+0.31", True),
        ("gains", "x", "no such token", False),
        ("not answer", "B", "b", False),
    ):
        assert holds(claim, says, found) == right


def test_the_first_two_lessons_tell_the_truth(lab: Lab) -> None:
    adds, misleads = ({step.title: step for step in lesson.steps} for lesson in bundled_lessons()[:2])
    assert ask(lab, adds["A fact that it met once"]).answer == "Leonardo da Vinci"
    unseen = ask(lab, adds["A fact from after training"])
    assert (unseen.answer, unseen.lm[0].token != "Homer") == ("Homer", True)
    assert ask(lab, adds["Right kind, wrong answer"]).answer == "Europe"
    assert ask(lab, adds["Why λ is tuned"]).answer == "Europe"
    assert ask(lab, misleads["A good answer first"]).answer == "amphibian"
    outvoted = ask(lab, misleads["Look-alikes outvote the one who knows"])
    assert (outvoted.answer, [n.value for n in outvoted.neighbors[:2]]) == ("mammal", ["amphibian"] * 2)
    assert ask(lab, misleads["A smaller λ repairs it"]).answer == "amphibian"
    known, nobody = misleads["A good answer first"], misleads["Asked for what nobody knows"]
    assert ask(lab, nobody).answer in {f.subject for f in lab.facts("capital")}  # a country, not a city
    assert ask(lab, nobody).neighbors[0].distance > ask(lab, known).neighbors[0].distance
    assert ask(lab, misleads["Memory alone can be silly"]).answer == "Co"
    assert ask(lab, misleads["... and at λ = 1 it decides"]).answer == "Georg Brandt"
    assert ask(lab, misleads["Everybody speaks equally loud"]).answer != "Africa"


def test_the_lesson_on_editing_tells_the_truth(lab: Lab) -> None:
    steps = {step.title: step for step in bundled_lessons()[2].steps}
    before = ask(lab, steps["Before"])
    lab.teach(steps["Teach one sentence"].parameters["text"])
    after = ask(lab, steps["After"])
    assert (after.answer, after.lm.of(after.mixture[0].id)) == ("Birnin", 0.0)
    asked = steps["Correct a fact"].parameters
    lab.correct(Fact(asked["subject"], asked["relation"], asked["object"]), asked["new"])
    assert ask(lab, steps["It took"]).answer == "Lyon"
    assert ask(lab, steps["It took too much"]).answer == "Seine"
    assert ask(lab, steps["What did not move"]).answer == "Paris"
    asked = steps["Forget"].parameters
    lab.forget(fact=Fact(asked["subject"], asked["relation"], asked["object"]))
    assert ask(lab, steps["Forgotten means forgotten"]).answer != "Homer"
    assert lab.ask("The Iliad was written by [MASK].").answer == "Homer"
    for edit in lab.history():
        lab.undo(edit.seq, anyway=True)
    assert ask(lab, steps["Before"]).mixture.logp.tolist() == before.mixture.logp.tolist()


def test_lessons_of_ones_own_are_kept_exchanged_and_deleted(lab: Lab) -> None:
    step = step_of_address("http://localhost:8501/ask?prompt=The+capital+of+France+is+%5BMASK%5D.&lam=0.5", "a", "b")
    mine = lab.lessons.save(Lesson(named_after("My lesson!"), "My lesson!", "", 5, (step,)))
    assert lab.lessons.get("my-lesson") == mine
    assert step.parameters == {"prompt": "The capital of France is [MASK].", "lam": "0.5"}
    assert lab.lessons.import_(mine.to_json()).name == "my-lesson-2"
    lab.lessons.delete("my-lesson")
    assert [lesson.name for lesson in lab.lessons() if not lesson.bundled] == ["my-lesson-2"]
    with pytest.raises(NotFound):
        lab.lessons.get("my-lesson")
    with pytest.raises(InputError, match="bundled"):
        lab.lessons.save(bundled_lessons()[0])


GOOD = bundled_lessons()[0].to_dict()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 3}, "version 3"),
        ({"format": "else"}, "not a lesson"),
        ({"steps": []}, "0 steps"),
        ({"minutes": "ten"}, "whole number"),
        ({"name": "../../x"}, "cannot name"),
        ({"steps": [{"title": "a", "note": "b", "page": "nowhere"}]}, "no page 'nowhere'"),
        ({"steps": [{"title": "a", "note": "b", "page": "ask", "parameters": {"k": 3}}]}, "not all text"),
        ({"steps": [{"title": "a", "note": "b", "page": "edit", "do": {"verb": "burn"}}]}, "does 'burn'"),
        ({"steps": [{"title": "a", "note": "b", "page": "edit", "do": {"verb": "teach"}}]}, "It takes: text"),
        ({"steps": [{"title": "a", "note": "b", "page": "ask", "do": {"verb": "undo all"}}]}, "shows the page ask"),
        ({"steps": [{"title": "a", "note": "b", "page": "ask", "claims": {"truth": "x"}}]}, "claims 'truth'"),
        ({"steps": [{"title": "a", "note": "b", "page": "read", "claims": {"perplexity": "3"}}]}, "lower or higher"),
        ({"steps": [{"title": "a", "note": "b", "page": "system-<x>"}]}, "no page"),
    ],
)
def test_a_bad_lesson_file_is_refused(change: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_lesson(json.dumps({**GOOD, **change}))


def test_a_lesson_with_an_unknown_method_or_setting_is_refused(lab: Lab) -> None:
    for parameters, says in (({"method": "magic"}, "magic"), ({"method": "bert-knn", "lam": "7"}, "lam is '7'")):
        bad = {**GOOD, "name": "x", "steps": [{"title": "a", "note": "", "page": "ask", "parameters": parameters}]}
        with pytest.raises(InputError, match=says):
            lab.lessons.import_(json.dumps(bad))
    assert all(lesson.bundled for lesson in lab.lessons())
