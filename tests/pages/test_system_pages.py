"""Pages made from declarations: one for each system, the list of systems, models, and the navigation."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from memlab import Lab
from memlab.bundle import bundle
from memlab.corpus.lessons import read_lesson
from memlab.declare import Page, System, reserved
from memlab.errors import InputError, MemlabError
from memlab.record.kinds import EditKind, FormField, unregister_kind
from memlab.systems import registry as registry_module
from memlab.systems.registry import registered, registry
from memlab.ui.app.navigation import address_of, groups
from memlab.ui.plain import plain
from memlab.ui.system_page.outcome import csv_of, flat, tables
from memlab.ui.system_page.panels import own_panels
from tests.pages.conftest import SECONDS
from tests.systems.threshold_knn import SYSTEM as TOY

Open = Callable[..., AppTest]
NAMES = list(registry().systems)


@pytest.fixture
def toy() -> Iterator[System]:
    with registered(TOY) as system:
        yield system


@pytest.fixture
def open_system(built_home: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The page of a system at an address."""
    monkeypatch.setenv("MEMLAB_HOME", str(built_home))
    return system_page


def system_page(name: str, **address: str) -> AppTest:
    page = AppTest.from_string(
        "from memlab.systems.registry import registry\nfrom memlab.ui.system_page import system_page\n"
        f"system_page(registry().system({name!r}))\n",
        default_timeout=SECONDS,
    )
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def said(page: AppTest) -> str:
    return "\n".join(e.value.replace("\\", "") for e in [*page.title, *page.subheader, *page.markdown, *page.caption])


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_its_system_declares(open_system: Open, name: str) -> None:
    system, page = registry().system(name), open_system(name)
    assert not page.exception
    assert not page.error
    text = said(page)
    assert page.title[0].value == system.title
    assert system.summary in text
    assert system.paper in text
    tables_ = [table.value for table in page.table]
    for method in system.methods:
        assert method.help in text
        assert all(reason in text for reason in method.unable.values())
        shown = [[name.replace("\\", "") for name in t["name"]] for t in tables_ if "what it does" in t.columns]
        assert not method.fields() or [f.name for f in method.fields()] in shown
    reported = [t.values.tolist() for t in tables_]
    for table in system.reported:
        assert [[row.get(c) for c in table.columns if c in row] for row in table.rows] in reported
    assert all(any(plain(word) in t.index for t in tables_) for word in system.words)


@pytest.mark.parametrize("name", NAMES)
def test_methods_link_to_the_pages_where_they_work(open_system: Open, name: str) -> None:
    system, page = registry().system(name), open_system(name)
    links = [link.proto.url for link in page.get("link_button")]
    for method in system.methods:
        parameter = f"method={method.name}".replace("+", "%2B")
        for ability, start in (("ask", "ask?"), ("read", "read?"), ("generate", "generate?")):
            there = [link for link in links if link.startswith(start) and parameter in link]
            assert bool(there) == method.can(ability), (method.name, ability)


def test_a_study_is_a_form_a_job_and_a_saved_run(toy: System, own_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(own_lab.home))
    study = toy.studies[0]
    page = system_page(toy.name)
    assert not page.exception
    assert study.title in [expander.label for expander in page.expander]
    (run,) = [button for button in page.button if button.label == "Run"]
    run.click().run()
    assert not page.exception
    job_id = page.query_params["run"]
    job_id = job_id if isinstance(job_id, str) else job_id[0]
    job = own_lab.work.wait(job_id, SECONDS)
    assert (job.state, job.parameters["system"], job.parameters["study"]) == ("done", toy.name, study.name)
    shown = system_page(toy.name, run=job_id)  # the permanent link
    assert not shown.exception
    assert not shown.error
    assert "permanent link" in said(shown)
    for name, value in job.result.items():
        if isinstance(value, int):
            assert any(name in t.value.index for t in shown.table)
    again = next(button for button in shown.button if button.label == "Run again")
    again.click().run()
    assert len(own_lab.work.jobs(kind="study")) == 2
    while not all(j.over for j in own_lab.work.jobs()):
        time.sleep(0.05)


@pytest.mark.parametrize("run", ["nothing-like-it", ""])
def test_a_run_that_is_not_there_is_named(open_system: Open, run: str) -> None:
    page = open_system("knn_lm", run=run)
    assert not page.exception
    assert "no saved run" in page.error[0].value


def test_a_result_becomes_tables_and_a_csv() -> None:
    document = {
        "task": "x",
        "results": [{"method": "a", "score": {"p": 0.5, "n": 3}}],
        "rows": [{"q": "=1+1", "right": True}, {"q": "b", "words": ["c", "d"]}],
        "note": [],
    }
    assert tables(document) == ["results", "rows"]
    assert flat(document["results"][0]) == {"method": "a", "score.p": 0.5, "score.n": 3}
    lines = csv_of(document).splitlines()
    assert lines[0] == "q,right,words"
    assert len(lines) == 3
    assert json.dumps(["c", "d"]).replace('"', '""') in lines[2]


def test_systems_are_listed_and_the_broken_ones_with_the_reason(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = registry().with_system(object(), "shattered")
    monkeypatch.setattr(registry_module, "_kept", [broken])
    page = open_page("pages/systems.py")
    assert not page.exception
    assert [heading.value for heading in page.subheader] == [s.title for s in registry().systems.values()]
    assert len(page.error) == 1
    assert "shattered" in page.error[0].value
    assert "expected a memlab.declare.System" in page.error[0].value


def test_every_model_says_what_it_can_do(open_page: Open, lab: Lab) -> None:
    page = open_page("pages/models.py")
    assert not page.exception
    assert not page.error
    text = said(page)
    assert [heading.value for heading in page.subheader] == [model.name for model in lab.models()]
    assert "**Ask** with BERT-kNN, Model alone" in text
    assert "**Read** with SPALM, SPALM + kNN-LM" in text
    assert "No method can continue a prompt with this model" in text
    links = [link.proto.url for link in page.get("link_button")]
    assert all(any(f"model={model.name}" in link for link in links) for model in lab.models())


def test_the_navigation_holds_every_page_and_every_system(toy: System) -> None:
    script = (
        "import streamlit as st\nfrom memlab.ui.app.navigation import all_pages\n"
        "for group, pages in all_pages().items():\n"
        "    st.text(' '.join([group, *(page.url_path or 'guide' for page in pages)]))\n"
    )
    page = AppTest.from_string(script, default_timeout=SECONDS).run()
    assert not page.exception
    shown = {line.value.split()[0]: line.value.split()[1:] for line in page.text}
    assert list(shown) == ["Start", "Explore", "Change", "Systems", "Library"]
    files = {page.name for pages in groups().values() for page in pages}
    there = {path.stem for path in (bundle() / "pages").glob("*.py")}
    assert there == files
    assert shown["Systems"] == ["systems", *(address_of(system) for system in registry().systems.values())]
    assert {path for paths in shown.values() for path in paths} >= there  # addresses are those of the files
    assert address_of(toy) == "system-threshold-knn"


def test_a_system_brings_pages_of_its_own() -> None:
    """In the group that it names, drawn by its code, and allowed in lessons; a page that cannot be loaded is one sentence."""
    brought = (
        Page("tides", "Explore", "Tides", "High and low water.", "waves", f"{__name__}:draw_tides"),
        Page("ebb", "Library", "Ebb", "Low water.", code="not_there_at_all:draw"),
    )
    assert not [p for p in (*reserved.PAGES, *registry().pages) if p in ("tides", "ebb")]
    with registered(replace(TOY, name="tidal", pages=brought, methods=(), chapters=(), commands=(), work=())):
        assert [p.name for p in groups()["Explore"]] == ["ask", "tides", "batch", "read", "generate"]
        assert [p.name for p in groups()["Library"]] == ["models", "ebb", "memories", "workspaces"]
        assert read_lesson(LESSON.replace("PAGE", "tides")).steps[0].page == "tides"
        script = (
            "import streamlit as st\nfrom memlab.ui.app.navigation import all_pages\n"
            "found = {page.url_path: page for pages in all_pages().values() for page in pages}\n"
            "for name in ('tides', 'ebb'):\n    found[name]._page()\n"
        )
        page = AppTest.from_string(script, default_timeout=SECONDS).run()
        assert not page.exception
        assert page.title[0].value == "High water at nine"
        assert page.error[0].value.startswith("The code of the page 'ebb' of the system 'tidal'")
        for wrong, why in (
            (replace(brought[0], name="ask"), "the page 'ask', a name that memlab itself uses"),
            (replace(brought[0], name="modify"), "the page 'modify', and so does the system 'constrained_ft'"),
        ):
            taken = replace(TOY, name="taken", pages=(wrong,), methods=(), chapters=(), commands=(), work=())
            with pytest.raises(InputError, match=why), registered(taken):
                pass
    with pytest.raises(InputError, match="There is no page 'tides'"):
        read_lesson(LESSON.replace("PAGE", "tides"))
    with pytest.raises(ValueError, match="allowed is one of Start, Explore"):
        Page("tides", "Sea", "Tides", "High and low water.")
    with pytest.raises(ValueError, match="small letters"):
        Page("Ti des", "Explore", "Tides", "High and low water.")


LESSON = json.dumps(
    {
        "format": "memlab-lesson",
        "version": 1,
        "name": "the-sea",
        "title": "The sea",
        "about": "Tides.",
        "minutes": 1,
        "steps": [{"title": "High water", "note": "Look.", "page": "PAGE", "parameters": {}}],
    }
)


def draw_tides() -> None:
    st.title("High water at nine")


def test_no_page_and_no_figure_names_a_method() -> None:
    named = re.compile(r"spalm|knn-lm|bert-knn|bert_knn|knn_lm|continuous_cache", re.IGNORECASE)
    rooms = [bundle() / "pages", bundle() / "memlab" / "ui", bundle() / "memlab" / "figures"]
    files = [bundle() / "app.py", *(f for room in rooms for f in room.rglob("*.py") if f.parent.name != "systems")]
    assert len(files) > 50
    assert [str(file) for file in files if named.search(file.read_text("utf-8"))] == []


def test_an_edit_is_a_form_a_preview_a_record_and_an_undo_and_panels_are_drawn(
    own_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(own_lab.home))
    note = FormField("note", "Note", "A short note.")
    size = FormField("size", "Size", "How large.", "number", required=False)
    kind = EditKind(
        "page-note", "page notes", check_note, lambda rows, head: len(rows), note_summary, form=(note, size)
    )
    declared = replace(
        TOY, name="noted", edits=(kind,), methods=(), chapters=(), commands=(), work=(), panels=f"{__name__}:drawn"
    )
    with registered(declared):
        page = system_page("noted")
        assert not page.exception
        assert "drawn for noted in default" in said(page)
        page.text_input(key="page-note.note").set_value("x" * 9)
        button(page, "Preview").click().run()
        assert "A note has at most 8 characters" in page.error[0].value
        page.text_input(key="page-note.note").set_value("*short*")
        page.number_input(key="page-note.size").set_value(3.0)
        button(page, "Preview").click().run()
        assert "Would be edit 1:** Noted *short*" in said(page)
        assert ["note", "size"] in [list(table.value.index) for table in page.table]
        assert own_lab.head() == 0
        button(page, "Record").click().run()
        assert "Noted *short*" in page.success[0].value.replace("\\", "")
        (edit,) = own_lab.history()
        assert (edit.kind, edit.parameters) == ("page-note", {"note": "*short*", "size": 3})
        button(page, "Undo").click().run()
        assert not page.exception
        assert [(e.kind, e.active) for e in own_lab.history()] == [("page-note", False), ("undo", True)]
    unregister_kind("page-note")


def check_note(parameters: Mapping[str, Any], sequence: int) -> None:
    if len(parameters["note"]) > 8:
        raise InputError("A note has at most 8 characters.")


def note_summary(parameters: Mapping[str, Any]) -> str:
    return f"Noted {parameters['note']}"


def drawn(lab: Lab, system: System) -> None:
    st.caption(f"drawn for {system.name} in {lab.workspace}")


def button(page: AppTest, label: str) -> Button:
    return next(b for b in page.button if b.label == label)


@pytest.mark.parametrize(
    ("panels", "why"),
    [
        ("not_there_at_all:panels", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("memlab.ui.plain:nothing", "AttributeError: module 'memlab.ui.plain' has no attribute 'nothing'"),
        ("memlab.ui.plain:_JOINER", "it is a str; expected is a function"),
        (f"{__name__}:note_summary", "TypeError: note_summary() takes 1 positional argument but 2 were given"),
    ],
)
def test_panels_that_cannot_be_drawn_are_one_sentence(lab: Lab, panels: str, why: str) -> None:
    with pytest.raises(MemlabError) as refused:
        own_panels(lab, replace(TOY, panels=panels))
    assert str(refused.value).startswith(f"The panels of the system 'threshold_knn' ({panels}) cannot be shown: ")
    assert why in str(refused.value)
