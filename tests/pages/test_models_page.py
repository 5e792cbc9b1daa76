"""The page Models: adding a model by a job, what is said of it, a question to it, removing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.lm.adding import beside
from memlab.results import Article
from tests.forks import ForkedModule, Forks

Open = Callable[..., AppTest]
MODELS = "pages/models.py"


@pytest.fixture(autouse=True)
def converting_in_a_fork(forked: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a process that has imported torch already."""

    def popen(command: list[str], *, stdin: int, stdout: BinaryIO, stderr: BinaryIO, env: dict[str, str]) -> Any:
        return ForkedModule(forked, command, stdout, stderr)

    monkeypatch.setattr(beside, "Popen", popen)


def submit(page: AppTest, label: str) -> AppTest:
    """Clicks the button of a form."""
    (button,) = [b for b in page.button if b.label == label and b.proto.is_form_submitter]
    return button.click().run()


def test_a_model_is_added_asked_and_removed(
    open_own: Open, own_lab: Lab, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    page = open_own(MODELS)
    assert not page.exception
    assert "models.add.smollm2" in {button.key for button in page.button}
    submit(page, "Add")
    assert "No model is given" in page.error[0].value

    page.text_input(key="models.what").set_value(str(tiny("llama")))
    page.text_input(key="models.name").set_value("mine")
    submit(page, "Add")
    (job,) = own_lab.work.jobs()
    while not own_lab.work.job(job.id).over:
        time.sleep(0.1)
    page.run()
    assert not page.exception
    assert page.success[0].value.startswith("mine is added")
    assert "mine" in [heading.value for heading in page.subheader]
    (about,) = [c.value for c in page.caption if "tiny-llama" in c.value]
    (info,) = [m for m in own_lab.models() if m.path.name == "mine"]
    assert about.replace("\\", "") == (
        f"causal · llama · {info.size_mb:.1f} MB · width 32 · {info.vocabulary:,} words · type float32 · license not stated · "
        "the folder tiny-llama"
    )
    (link,) = [e.proto.url for e in page.get("link_button") if "%2Fmine&" in e.proto.url]
    assert "method=base" in link  # it has made no memory yet
    assert "prompt=The" in link

    own_lab.build([Article("lake", "lake", "The hut at the lake is old.")], "lake", model="mine")
    page.session_state["models.mine.removing"] = True
    page.run()
    assert "Needed by the datastore lake" in page.warning[0].value
    page.text_input(key="models.mine.repeated").set_value("mine")
    submit(page, "Remove for good")
    assert "needed by the datastore lake" in page.error[0].value
    page.checkbox(key="models.mine.anyway").set_value(True)
    page.text_input(key="models.mine.repeated").set_value("min")
    submit(page, "Remove for good")
    assert "give its name once more" in page.error[0].value
    page.text_input(key="models.mine.repeated").set_value("mine")
    submit(page, "Remove for good")
    assert "Removed the model mine." in [s.value for s in page.success]
    assert own_lab.library.names() == []
