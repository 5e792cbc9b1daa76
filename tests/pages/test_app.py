"""The frame around the pages, and the Guide."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.errors import HomeError
from memlab.ui.words import LIMITS, WORDS

Open = Callable[..., AppTest]
APP = "app.py"


def test_the_guide_is_home(open_page: Open) -> None:
    page = open_page(APP)
    assert not page.exception
    assert not page.error
    assert page.title[0].value == "A language model with a memory"


def test_five_stories_are_one_click_away(open_page: Open, lab: Lab) -> None:
    links = open_page(APP).get("page_link")
    stories = lab.stories()
    assert len(stories) == 5
    assert len(links) == 6
    for story, link in zip(stories, links, strict=False):
        address = parse_qs(link.proto.query_string)
        assert address["prompt"] == [story.prompt]
        assert address["method"] == [story.method]
        assert {name: address[name] for name in story.settings} == {n: [str(v)] for n, v in story.settings.items()}


def test_words_and_limits_are_told(open_page: Open) -> None:
    page = open_page("pages/guide.py")
    assert not page.exception
    assert list(page.table[0].value.index) == list(WORDS)
    told = [text.value for text in page.markdown]
    assert all(f"- {limit}" in told for limit in LIMITS)


def test_the_model_decides_which_methods_are_offered(open_page: Open) -> None:
    page = open_page(APP, model="atlas-clm")
    page.switch_page("pages/ask.py").run()
    assert not page.exception
    assert page.segmented_control(key="method").options == ["knn-lm"]


def test_an_unknown_model_is_named(open_page: Open) -> None:
    page = open_page(APP, model="gpt-9")
    assert "There is no model 'gpt-9'" in page.error[0].value
    assert page.selectbox(key="model").value == "automatic"


def step(state: str, **more: object) -> SimpleNamespace:
    """What the engine says of one store that it builds."""
    values = {"name": "a", "title": "Memory", "fraction": 0.25, "message": "10 of 40", "state": state, "error": None}
    return SimpleNamespace(**{**values, **more})


def test_building_shows_how_far_it_is(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "progress", lambda self: [step("running"), step("done")])
    page = open_page(APP)
    assert [(bar.value, bar.text) for bar in page.get("progress")] == [(25, "Memory: 10 of 40")]


def test_a_failed_build_says_why(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "progress", lambda self: [step("failed", error="The disk is full.")])
    page = open_page(APP)
    assert not page.get("progress")
    assert page.error[0].value == "Memory was not built: The disk is full."


def test_built_shows_nothing(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "progress", lambda self: [step("done")])
    page = open_page(APP)
    assert not page.get("progress")
    assert not page.error


@pytest.mark.parametrize("script", [APP, "pages/guide.py", "pages/ask.py"])
def test_a_home_that_cannot_be_used_is_one_message(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    def refuse(home: str | None = None, workspace: str = "default") -> Lab:
        raise HomeError("The home folder /x cannot be written.")

    monkeypatch.setattr(Lab, "open", refuse)
    monkeypatch.setenv("MEMLAB_HOME", "/nowhere/at/all")
    page = open_page(script)
    assert not page.exception
    assert [error.value for error in page.error] == ["The home folder /x cannot be written."]
