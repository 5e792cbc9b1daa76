"""What systems add to lessons, and the hints that they give where memlab refuses something."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memlab import Lab
from memlab.corpus.lesson_actions import read_action, read_claims
from memlab.corpus.lessons import Lesson, Step, read_lesson
from memlab.declare import LessonAction, LessonClaim, System
from memlab.errors import InputError, LoadError, MemlabError
from memlab.lab.lesson_run import LessonRun
from memlab.reading.workspace import OpenLab
from memlab.systems.plain import SYSTEM as PLAIN
from memlab.systems.registry import registered, registry
from memlab.systems.spalm.knn import knn_method
from memlab.ui.present.pictures import named

counted: list[tuple[str, str]] = []  # workspace, what


def count(lab: OpenLab, arguments: Mapping[str, str]) -> None:
    """The toy's action."""
    counted.append((lab.context.workspace, arguments["what"] + arguments.get("more", "")))


def check(arguments: Mapping[str, str]) -> None:
    """The toy's check."""
    if arguments["what"] == "nothing":
        raise InputError("Nothing cannot be counted.")


def how_many(lab: OpenLab, parameters: Mapping[str, str], as_of: int | None) -> str:
    """The toy's claim."""
    return str(sum(what == parameters["what"] for _, what in counted))


ACTION = LessonAction("count one", ("what", "more?"), f"{__name__}:count", f"{__name__}:check")
CLAIM = LessonClaim(
    "how many", "how many were counted", "system-counting", f"{__name__}:how_many", label="counted so far"
)
TOY = replace(
    PLAIN, name="counting", methods=(), recipes=(), lesson_actions=(ACTION,), lesson_claims=(CLAIM,),
    hints={"encoder-decoder": "Count it instead."},
)  # fmt: skip
STEP = {
    "title": "Counting", "note": "one", "page": "system-counting", "parameters": {"what": "bird"},
    "do": {"verb": "count one", "what": "bird"}, "claims": {"how many": "1"},
}  # fmt: skip
LESSON = {
    "format": "memlab-lesson", "version": 2, "name": "counting", "title": "Counting", "about": "", "minutes": 1,
    "steps": [STEP],
}  # fmt: skip


@pytest.fixture
def toy() -> Iterator[System]:
    counted.clear()
    with registered(TOY) as system:
        yield system


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path)


def lesson(**changes: Any) -> Lesson:
    return read_lesson(json.dumps({**LESSON, "steps": [{**STEP, **changes}]}))


def test_a_lesson_does_and_claims_what_a_system_from_outside_declares(toy: System, lab: Lab) -> None:
    kept = lab.lessons.import_(json.dumps(LESSON))
    assert lab.lessons.get(kept.name).steps[0].do == lesson().steps[0].do
    run = LessonRun(lab, kept)
    (found,) = run.check(1)
    assert (found.claim, found.says, found.found, found.holds) == ("how many", "1", "1", True)
    assert [named(claim) for claim in (found.claim, "active", "answer")] == ["counted so far", "active edits", "answer"]
    assert counted == [(run.workspace, "bird")]
    run.end()
    assert toy.to_dict()["lesson_actions"] == ["count one"]


def test_without_the_system_the_words_are_unknown_and_the_allowed_ones_are_listed() -> None:
    with pytest.raises(
        InputError, match=r"does 'count one'. Allowed: teach, .*undo all, modify, replace fact, ask everything"
    ):
        lesson()
    with pytest.raises(InputError, match=r"claims 'how many'. Allowed: answer, .*active, conflicts"):
        lesson(do=None)


def test_a_system_that_went_is_said_when_the_lesson_is_given(lab: Lab) -> None:
    counted.clear()
    with registered(TOY):
        given = lesson()
    run = LessonRun(lab, given)
    with pytest.raises(InputError, match="No system here declares the lesson action 'count one'"):
        run.reach(1)
    run.end()
    assert counted == []


def test_arguments_are_checked_by_the_system(toy: System, lab: Lab) -> None:
    with pytest.raises(InputError, match=r"with more. It takes: more, what"):
        lesson(do={"verb": "count one", "more": "s"})
    with pytest.raises(InputError, match=r"Step 1 of the lesson \(Counting\): Nothing cannot be counted"):
        lab.lessons.save(lesson(do={"verb": "count one", "what": "nothing"}))


def test_a_claim_belongs_to_its_page(toy: System, lab: Lab) -> None:
    run = LessonRun(lab, lesson(page="system-knn-lm", do=None))
    with pytest.raises(InputError, match="claims 'how many', which the page system-knn-lm does not show"):
        run.check(1)
    run.end()


@pytest.mark.parametrize(
    ("code", "why"), [("not_there_at_all:f", "ModuleNotFoundError"), (f"{__name__}:nothing", "AttributeError")]
)
def test_code_that_is_missing_is_named(lab: Lab, code: str, why: str) -> None:
    wrong = replace(TOY, lesson_actions=(replace(ACTION, run=code),), lesson_claims=(replace(CLAIM, find=code),))
    with registered(wrong):
        run = LessonRun(lab, lesson())
        with pytest.raises(
            LoadError, match=f"The code of the lesson action 'count one' of the system .* cannot be loaded: .*{why}"
        ):
            run.reach(1)
        run.end()
        run = LessonRun(lab, lesson(do=None))
        with pytest.raises(LoadError, match=f"The code of the lesson claim 'how many' of the system .*{why}"):
            run.check(1)
        run.end()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(ACTION, name="Count!"),
        lambda: replace(ACTION, run="count"),
        lambda: replace(ACTION, arguments=("what it is",)),
        lambda: replace(ACTION, arguments=("verb",)),
        lambda: replace(CLAIM, name="not how many"),
        lambda: replace(CLAIM, find=""),
        lambda: replace(TOY, hints={"rain": "Take an umbrella."}),
    ],
)
def test_wrong_declarations_are_refused_when_they_are_made(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot name|does not name code|would be the opposite|no situation 'rain'"):
        wrong()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"lesson_actions": (replace(ACTION, name="teach"),)},
            "the lesson action 'teach', a name that memlab itself uses",
        ),
        (
            {"lesson_actions": (replace(ACTION, name="solve"),)},
            "the lesson action 'solve', and so does the system 'beliefbank'",
        ),
        ({"lesson_claims": (CLAIM, CLAIM)}, "the lesson claim 'how many' twice"),
    ],
)
def test_names_that_are_taken_are_the_reason_why_a_system_is_not_used(changes: dict[str, Any], why: str) -> None:
    found = registry().with_system(replace(TOY, **changes), "counting")
    assert why in next(u.reason for u in found.unavailable if u.name == "counting")


def test_actions_of_the_systems_that_ship_are_checked() -> None:
    assert read_action({"verb": "modify", "subject": "a", "relation": "b", "new": "c"}, "step 1") is not None
    assert read_claims({"conflicts": "some"}, "step 1") == {"conflicts": "some"}
    with pytest.raises(InputError, match=r"claims conflicts 'many'. Allowed: some or none"):
        read_claims({"conflicts": "many"}, "step 1")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"delta": "wide"}, "delta is 'wide'; it must be a number or auto"),
        ({"norm": "l7"}, "norm is 'l7'. Allowed: none, inf, l2"),
        ({"method": "magic"}, "method is 'magic'. Allowed: ft, ftm"),
    ],
)
def test_a_wrong_edit_of_weights_is_refused_when_the_lesson_is_kept(lab: Lab, how: dict[str, str], why: str) -> None:
    do = {"verb": "modify", "subject": "France", "relation": "capital", "new": "Lyon", **how}
    step = Step("Weights", "", "modify", {}, do=read_action(do, "step 1"))
    with pytest.raises(InputError, match=why):
        lab.lessons.save(Lesson("x", "x", "", 1, (step,)))


def test_hints_come_from_the_systems(toy: System) -> None:
    assert registry().hint("encoder-decoder").endswith("memlab believe --model NAME. Count it instead.")
    assert "memlab modify --reencode NAME" in registry().hint("edited weights")


def test_forgetting_in_a_memory_of_its_own_names_the_commands_of_its_system(lab: Lab) -> None:
    with pytest.raises(MemlabError, match=r"is not a datastore: .* Other ways: `memlab facts --help`\.$"):
        lab.forget(document="x", datastore="atlas-fae-facts")


def test_spalm_takes_the_settings_of_the_method_that_it_is_made_of() -> None:
    assert knn_method().name == "knn-lm"
