"""The frame around the pages, and the Guide."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.errors import HomeError
from memlab.lab.jobs import Work
from memlab.record.job_info import JobInfo
from memlab.record.new_rows import now
from memlab.results import Article, Fact
from memlab.systems.registry import registry
from memlab.ui.app.finder import places
from memlab.ui.app.navigation import address_of, groups
from memlab.ui.guide import LIMITS, WORDS

Open = Callable[..., AppTest]
APP = "app.py"


def test_the_guide_is_home(open_page: Open) -> None:
    page = open_page(APP)
    assert not page.exception
    assert not page.error
    assert page.title[0].value == "A language model with a memory"


def test_five_stories_are_one_click_away(open_page: Open, lab: Lab) -> None:
    links = open_page(APP).get("page_link")
    stories = lab.inventory.stories()
    assert len(stories) == 5
    assert len(links) == 8  # one for each story, a real model, a question of one's own, and the systems
    assert links[5].proto.page == "models"  # none was added
    for story, link in zip(stories, links, strict=False):
        address = parse_qs(link.proto.query_string)
        assert address["prompt"] == [story.prompt]
        assert address["method"] == [story.method]
        assert {name: address[name] for name in story.settings} == {n: [str(v)] for n, v in story.settings.items()}


def test_the_sixth_story_asks_a_model_that_was_added(
    open_own: Open, own_lab: Lab, tiny: Callable[[str], Path], documents: list[Article]
) -> None:
    folder = shutil.copytree(tiny("llama"), own_lab.home / "models" / "real")

    def address() -> dict[str, list[str]]:
        page = open_own(APP)
        assert not page.exception
        return parse_qs(page.get("page_link")[5].proto.query_string)

    assert address() == {"prompt": ["The capital of France is"], "model": [str(folder)], "method": ["base"]}
    own_lab.build(documents[:5], "letters", str(folder), ("ffn",))
    assert address() == {"prompt": ["The capital of France is"], "model": [str(folder)], "datastore": ["letters"]}


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
    assert page.segmented_control(key="method").options == ["kNN-LM", "Model alone"]
    reasons = "\n".join(caption.value for caption in page.caption)
    for reason in ("BERT-kNN needs a masked model", "SPALM needs a model trained for it", "Continuous cache"):
        assert reason.lower() in reasons.lower()


def test_an_unknown_model_is_named(open_page: Open) -> None:
    page = open_page(APP, model="gpt-9")
    assert "There is no model 'gpt-9'" in page.error[0].value
    assert page.selectbox(key="model").value == "automatic"


def job(state: str, **more: object) -> JobInfo:
    """What the engine says of a job."""
    values = {field.name: None for field in fields(JobInfo)}
    told = {"id": "a", "title": "Memory", "fraction": 0.25, "message": "10 of 40", "state": state, "stop": False}
    return JobInfo(**{**values, **told, "resumable": True, "created": now(), "ended": now(), **more})  # type: ignore[arg-type]


def test_work_in_the_background_shows_how_far_it_is(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "jobs", lambda self, limit=50, kind=None: [job("running"), job("done", id="b")])
    page = open_page(APP)
    assert [(bar.value, bar.text) for bar in page.get("progress")] == [(25, "**Memory**")]
    assert not page.button(key="jobs.panel.stop.a").disabled


def test_a_failed_job_says_why_and_can_be_resumed(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "jobs", lambda self, limit=50, kind=None: [job("failed", error="The disk is full.")])
    page = open_page(APP)
    assert not page.get("progress")
    assert any("The disk is full." in caption.value for caption in page.caption)
    assert page.button(key="jobs.panel.resume.a").label == "Resume"


def test_without_jobs_there_is_no_panel(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "jobs", lambda self, limit=50, kind=None: [])
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


def test_the_finder_leads_to_every_page_and_every_system(lab: Lab, open_page: Open) -> None:
    found = places(lab)
    leads_to = {place.page for line, place in found.items() if line.startswith(("Page: ", "System: "))}
    assert leads_to == {page.name for pages in groups().values() for page in pages} | {
        address_of(system) for system in registry().systems.values()
    }
    page = open_page(APP).switch_page("pages/systems.py").run()  # its links are made as the finder's
    linked = {link.proto.page for link in page.get("page_link")}
    assert found["System: BeliefBank"].page in linked


def test_the_finder_names_relations_as_a_person_does(lab: Lab) -> None:
    found = places(lab)
    assert found["Fact: France · official language · French"].parameters == {
        "prompt": lab.question(Fact("France", "official_language", "French"))
    }
    assert not [line for line in found if "_" in line]
