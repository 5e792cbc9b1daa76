"""Addresses of views: what Present, the claims of lessons and the pages take from one, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab import Lab
from memlab.corpus.lessons import Step, bundled_lessons, step_of_address
from memlab.errors import MemlabError
from memlab.lab.view_address import PREFIXED, arguments_of, as_the_page_writes, tokens_of

STEPS = [step for lesson in bundled_lessons() for step in lesson.steps if step.page in PREFIXED]


def test_a_step_made_from_the_address_of_a_page_keeps_its_method_and_settings() -> None:
    step = step_of_address("http://x/read?text=One.&read.method=spalm&read.k=4&read.on.long_term=false", "a", "b")
    assert arguments_of("read", step.parameters) == {"method": "spalm", "k": 4, "as_of": None}
    assert arguments_of("read", step.parameters, 3)["as_of"] == 3
    step = step_of_address(
        "/generate?prompt=One&generate.method=knn-lm&generate.temperature=0.5&generate.knn_temperature=2&generate.tokens=7",
        "a",
        "b",
    )
    taken = {"method": "knn-lm", "temperature": 0.5, "knn_temperature": 2.0, "as_of": None}
    assert (arguments_of("generate", step.parameters), tokens_of(step.parameters)) == (taken, 7)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_the_link_of_a_bundled_step_says_what_present_and_the_claims_use(step: Step) -> None:
    link = as_the_page_writes(step.page, step.parameters)
    assert link[f"{step.page}.method"] == step.parameters["method"]
    assert "method" not in link
    used = arguments_of(step.page, step.parameters)
    assert used == arguments_of(step.page, link)
    assert used["method"] == step.parameters["method"]
    assert used.get("leave_out") == step.parameters.get("leave_out") == link.get("read.leave_out")
    if step.page == "generate":
        assert tokens_of(step.parameters) == tokens_of(link) == 12


def test_the_name_with_the_page_before_it_counts_and_automatic_is_left_to_the_lab() -> None:
    assert arguments_of("read", {"k": "3", "read.k": "4", "method": "automatic"}) == {"k": "4", "as_of": None}
    assert arguments_of("ask", {"prompt": "x", "method": "knn-lm", "lam": "0.3", "scale": "4", "as_of": "3"}) == {
        "method": "knn-lm",
        "lam": 0.3,
        "as_of": 3,
    }


@pytest.mark.parametrize(
    ("page", "address", "says"),
    [
        ("read", "read.method=lucky", "There is no method 'lucky'"),
        ("read", "method=lucky", "There is no method 'lucky'"),
        ("read", "read.method=bert-knn", "cannot read a text"),
        ("read", "read.method=spalm&read.k=0", "k is '0'; allowed is a whole number from 1"),
        ("read", "read.method=spalm&read.kk=4", "SPALM has no setting 'kk'"),
        ("read", "read.method=spalm&lam=0.5", "SPALM has no setting 'lam'"),
        ("read", "read.kk=4", "No method has a setting 'kk'"),
        ("read", "read.leave_out=all", "leave_out is 'all'; allowed is one of self, near, nothing"),
        ("read", "read.preset=best", "preset is 'best'; allowed is one of calibrated, paper"),
        ("generate", "generate.method=knn-lm&gate=open", "gate is 'open'; allowed is one of constant"),
        ("generate", "generate.tokens=0", "tokens is '0'; allowed is a whole number from 1 to 100"),
        ("ask", "method=knn-lm&lam=7", "lam is '7'; allowed is a number from 0 to 1"),
        ("ask", "as_of=yesterday", "as_of is 'yesterday'; allowed are now"),
    ],
)
def test_a_lesson_whose_step_names_what_there_is_not_is_refused(
    page: str, address: str, says: str, tmp_path: Path
) -> None:
    lab = Lab.open(tmp_path)
    with pytest.raises(MemlabError, match=says) as refused:
        lab.lessons.new("Mine", "", step_of_address(f"/{page}?prompt=x&{address}", "View", ""))
    assert str(refused.value).startswith("Step 1 of the lesson (View): ")
    assert [lesson for lesson in lab.lessons() if not lesson.bundled] == []
