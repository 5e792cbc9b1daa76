"""The page Memories: what there is, building by job, deleting."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab

Open = Callable[..., AppTest]
MEMORIES = "pages/memories.py"
TEXT = "Lake Hulda lies in the north of Sweden. The boats on Lake Hulda are green.\n\nThe hut at the lake is old.\n"


def build(page: AppTest, name: str, path: str) -> AppTest:
    page.segmented_control(key="memories.way").set_value("Folder on this computer").run()
    page.text_input(key="memories.path").set_value(path)
    page.text_input(key="memories.name").set_value(name)
    page.selectbox(key="memories.model").set_value("atlas-clm")
    return page.button(key="memories.build").click().run()


def there(lab: Lab) -> set[str]:
    return {store.name for store in lab.datastores()}


def test_a_memory_is_built_asked_and_deleted(open_own: Open, own_lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "lake.txt").write_text(TEXT)
    page = build(open_own(MEMORIES), "lake", str(tmp_path / "lake.txt"))
    assert not page.exception
    (job,) = own_lab.work.jobs()
    while not own_lab.work.job(job.id).over:
        time.sleep(0.1)
    page.run()
    assert page.success[0].value == "It is built. The list above has its first question."
    first = next(link.proto for link in page.get("link_button") if "Ask this memory" in link.proto.label)
    assert parse_qs(urlsplit(first.url).query) == {
        "model": ["atlas-clm"], "datastore": ["lake"], "prompt": ["Lake Hulda lies in the north of"],
    }  # fmt: skip
    assert "lake" in there(own_lab)
    asked = own_lab.ask("The boats on Lake Hulda are", datastore="lake", k=1, lam=1.0, search="all")
    assert (asked.neighbors[0].document, asked.answer) == ("lake", "green")

    page.text_input(key="memories.delete.repeated").set_value("lak")
    delete = next(b for b in page.button if b.label == "Delete for good")
    delete.click().run()
    assert "give its name once more" in page.error[0].value
    assert "lake" in there(own_lab)
    page.text_input(key="memories.delete.repeated").set_value("lake")
    next(b for b in page.button if b.label == "Delete for good").click().run()
    assert "Deleted lake." in [s.value for s in page.success]
    assert "lake" not in there(own_lab)


@pytest.mark.parametrize(
    ("name", "path", "says"),
    [
        ("", "lake.txt", "needs a name"),
        ("r/m", "lake.txt", "cannot name a datastore"),
        ("atlas-clm", "lake.txt", "There is a memory named 'atlas-clm' already"),
        ("lake", "", "There is no text to read"),
        ("lake", "gone.txt", "There is no file"),
    ],
)
def test_what_cannot_be_built_says_why_and_nothing_begins(
    name: str, path: str, says: str, open_own: Open, own_lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "lake.txt").write_text(TEXT)
    page = build(open_own(MEMORIES), name, str(tmp_path / path) if path else "")
    said = [e.value for e in page.error]
    while not all(job.over for job in own_lab.work.jobs()):
        time.sleep(0.1)
    said += [c.value for c in page.run().caption]
    assert any(says in s for s in said), said
    assert not page.exception
    assert "lake" not in there(own_lab)


def test_a_preview_says_how_files_are_read_and_about_how_large_the_memory_will_be(
    open_own: Open, own_lab: Lab, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"  # the home folder lies beside it
    texts.mkdir()
    (texts / "letters.csv").write_text("who,said\nAda,The boats on Lake Hulda are green.\nBo,\n")
    (texts / ".hidden.txt").write_text(TEXT)
    page = open_own(MEMORIES)
    page.segmented_control(key="memories.way").set_value("Folder on this computer").run()
    page.text_input(key="memories.path").set_value(str(texts))
    page.selectbox(key="memories.model").set_value("atlas-clm")
    page.button(key="memories.preview").click().run()
    assert "column" in page.error[0].value  # none of the usual names
    page.text_input(key="memories.column").set_value("said")
    page.checkbox(key="memories.hidden").set_value(True)
    page.button(key="memories.preview").click().run()
    assert not page.exception
    assert not page.error
    said = [info.value.replace("\\", "") for info in page.info]
    assert any(s.startswith("2 texts") and "entries a second" in s for s in said)
    assert any("1 row without text skipped" in s for s in said)
    table = page.dataframe[1].value
    assert sorted(table["Text"].str[:16]) == ["Lake Hulda lies ", "The boats on Lak"]
    assert own_lab.work.jobs() == []


def test_the_size_of_a_memory_that_cannot_be_read_yet_is_left_empty() -> None:
    def page() -> None:
        from memlab.memory.shelf import StoreInfo
        from memlab.ui.memories import memory_table

        built = StoreInfo("lake", "atlas-clm", "ffn", 12, 2, "flat", "ready")
        memory_table([built, StoreInfo("atlas-clm", "atlas-clm", "", 0, 0, "", "building")])

    table = AppTest.from_function(page).run().dataframe[0].value
    assert list(table["Entries"].fillna(-1)) == [12, -1]
    assert list(table["Texts"].fillna(-1)) == [2, -1]
