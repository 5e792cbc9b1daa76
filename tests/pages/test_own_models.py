"""A model of one's own on the pages, and jobs that ended early."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.bundle import assets
from memlab.results import Article
from tests.pages import panel

Open = Callable[..., AppTest]
TEXT = "Lake Hulda lies in the north of Sweden. The boats on Lake Hulda are green. The hut at the lake is old. "
PROMPT = "The boats on Lake Hulda are"


def test_a_model_of_ones_own_is_asked_with_its_own_memory(open_own: Open, own_lab: Lab, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(assets() / "models" / "atlas-clm", mine)
    own_lab.build([Article("lake", "lake", 3 * TEXT)], "lake", model=str(mine), keys=("last",))
    page = open_own("app.py", model=str(mine))
    page.switch_page("pages/ask.py").run()
    page.text_input(key="prompt").set_value(PROMPT)
    next(button for button in page.button if button.label == "Ask").click().run()
    assert not page.exception
    assert not page.error
    assert page.segmented_control(key="method").value == "knn-lm"
    p = own_lab.ask(PROMPT, method="knn-lm", model=str(mine))
    assert p.datastore == "lake"
    assert page.selectbox(key="key").value == p.settings["key"] == "last"
    assert p.answer in panel.sentence(page)


def test_another_model_and_the_papers_settings_come_with_a_key_that_its_memory_has(
    open_own: Open, own_lab: Lab, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(assets() / "models" / "atlas-clm", mine)
    own_lab.build([Article("lake", "lake", 3 * TEXT)], "lake", model=str(mine), keys=("last",))
    page = open_own("app.py")
    page.switch_page("pages/ask.py").run()
    page.text_input(key="prompt").set_value(PROMPT)
    next(button for button in page.button if button.label == "Ask").click().run()
    assert page.selectbox(key="key").value == "ffn"
    page.selectbox(key="model").set_value(str(mine)).run()
    assert not page.error
    assert page.selectbox(key="key").value == "last"
    page.segmented_control(key="preset").set_value("paper").run()
    assert not page.error
    assert page.selectbox(key="key").value == "last"
    assert own_lab.ask(PROMPT, model=str(mine), preset="paper").settings["key"] == "last"
    page.switch_page("pages/read.py").run()
    assert not page.error
    assert page.segmented_control(key="read.preset").value == "paper"


def test_a_build_that_fails_on_an_uploaded_file_says_so_in_words(open_own: Open, own_lab: Lab) -> None:
    kept = own_lab.building.keep_texts([("letters.jsonl", b'{"text": "a b c"}\n{"text": \n')])
    order = own_lab.building.order([str(kept[0])], "letters", "atlas-clm")
    jobs = [own_lab.work.wait(own_lab.work.submit("build", "Building letters", **order).id, 60) for _ in range(2)]
    assert [job.state for job in jobs] == ["failed", "failed"]
    page = open_own("app.py")
    said = "\n".join(caption.value.replace("\\", "") for caption in page.caption)
    assert "letters.jsonl" in said
    assert str(kept[0].parent) not in said
    assert not [button for button in page.button if button.label == "Resume"]
    assert "2 jobs ended early" in [expander.label for expander in page.expander]
    page.button(key="jobs.dismiss").click().run()
    assert not [e for e in page.expander if "ended early" in e.label]
    assert len(own_lab.work.jobs()) == 2  # only no longer shown
