"""The Workspaces page, the selector, links into workspaces, and shared links that only let look."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.errors import InputError
from memlab.ui.library.workspaces import exported, imported

APP, ASK, EDIT, HISTORY, WORKSPACES = "app.py", *(f"pages/{p}.py" for p in ("ask", "edit", "history", "workspaces"))
TEXT = "The capital of Wakanda is Birnin."
PROMPT = "The capital of Wakanda is [MASK]."

Open = Callable[..., AppTest]


def keys(page: AppTest) -> set[str | None]:
    return {button.key for button in page.button}


def unfold(page: AppTest, popover: str) -> AppTest:
    """Opens a popover, which draws its form."""
    page.session_state[popover] = True
    return page.run()


def submit(page: AppTest, label: str) -> AppTest:
    """Clicks the button of the form that is open."""
    (button,) = [b for b in page.button if b.label == label and b.proto.is_form_submitter]
    return button.click().run()


def names(lab: Lab) -> list[str]:
    return [info.name for info in lab.workspaces()]


def test_workspaces_are_made_copied_renamed_and_deleted(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach(TEXT)
    page = unfold(open_own(WORKSPACES), "workspaces.creating")
    page.text_input(key="workspaces.new").set_value("<b>")
    submit(page, "Create")
    assert "cannot name a workspace" in page.error[0].value
    page.text_input(key="workspaces.new").set_value("seminar 3")
    submit(page, "Create")
    assert not page.exception
    assert page.success[0].value == "Made seminar 3."
    assert not page.text_input  # the popover is closed
    submit(unfold(page, "workspaces.default.copying"), "Copy")
    assert page.success[0].value == "Copied default as default copy."
    assert names(own_lab) == ["default", "default copy", "seminar 3"]
    assert Lab.open(own_lab.home, "default copy").ask(PROMPT).answer == "Birnin"

    unfold(page, "workspaces.seminar 3.renaming").text_input(key="workspaces.seminar 3.new").set_value("seminar 4")
    submit(page, "Rename")
    assert page.success[0].value == "Renamed seminar 3 to seminar 4."
    repeated = unfold(page, "workspaces.default copy.deleting").text_input(key="workspaces.default copy.repeated")
    repeated.set_value("default")
    submit(page, "Delete for good")
    assert "repeat its name exactly" in page.error[0].value
    page.text_input(key="workspaces.default copy.repeated").set_value("default copy")
    submit(page, "Delete for good")
    assert page.success[0].value == "Deleted default copy."
    assert names(own_lab) == ["default", "seminar 4"]


def test_a_copy_may_hold_the_first_edits_only(open_own: Open, own_lab: Lab) -> None:
    for word in ("Birnin", "Zana"):
        own_lab.teach(f"The capital of Wakanda is {word}.")
    page = unfold(open_own(WORKSPACES), "workspaces.default.copying")
    page.number_input(key="workspaces.default.as_of").set_value(1)
    page.text_input(key="workspaces.default.copy").set_value("first")
    submit(page, "Copy")
    assert [(info.name, info.edits, info.base) for info in own_lab.workspaces()][1] == ("first", 1, "default at edit 1")


@pytest.mark.parametrize(("workspace", "offered"), [("default", 1), ("other", 3)])
def test_the_default_workspace_is_neither_renamed_nor_deleted(
    open_own: Open, own_lab: Lab, workspace: str, offered: int
) -> None:
    own_lab.workspaces.create("other")
    page = open_own(WORKSPACES)
    for way in ("copying", "renaming", "deleting"):
        page.session_state[f"workspaces.{workspace}.{way}"] = True
    assert sum(b.proto.is_form_submitter for b in page.run().button) == offered


def test_an_exported_file_is_imported_and_a_foreign_one_refused(own_lab: Lab) -> None:
    own_lab.teach(TEXT)
    file = exported(own_lab, "default")
    made = imported(own_lab, io.BytesIO(file), "../lesson <1>.zip", None)
    assert (made.name, made.instead_of, made.edits) == ("default 2", "default", 1)
    assert made.base == "default at edit 1, from _lesson _1_.zip"
    foreign = io.BytesIO()
    with zipfile.ZipFile(foreign, "w") as packed:
        packed.writestr("word/document.xml", "x")
    for content in (file[:-30], foreign.getvalue(), b""):
        with pytest.raises(InputError, match=r"^lesson\.zip cannot be imported: .* Nothing was changed\."):
            imported(own_lab, io.BytesIO(content), "lesson.zip", None)
    assert names(own_lab) == ["default", "default 2"]


def test_the_address_chooses_the_workspace_and_links_keep_it(open_own: Open, own_lab: Lab) -> None:
    own_lab.workspaces.create("Class 7b")
    Lab.open(own_lab.home, "Class 7b").teach(TEXT)
    page = open_own(APP, workspace="Class 7b")
    assert not page.exception
    assert page.selectbox(key="workspace").value == "Class 7b"
    stories = [parse_qs(link.proto.query_string) for link in page.get("page_link")]
    assert stories
    assert all(story["workspace"] == ["Class 7b"] for story in stories)
    assert not any("shared" in story for story in stories)
    page.switch_page(HISTORY).run()
    assert "Birnin" in " ".join(text.value for text in page.markdown)
    page.selectbox(key="workspace").set_value("default").run()
    assert "Nothing has been edited" in page.info[0].value


def test_what_a_page_keeps_stays_with_its_workspace(open_own: Open, own_lab: Lab) -> None:
    own_lab.workspaces.create("other")
    page = open_own(APP)
    page.session_state["edit.done"] = {"change": None, "seq": 1}
    page.session_state["undo.asked"] = 1
    page.run()
    assert "edit.done" in page.session_state
    page.selectbox(key="workspace").set_value("other").run()
    assert not page.exception
    assert "edit.done" not in page.session_state
    assert "undo.asked" not in page.session_state


def test_a_moment_of_one_workspace_is_no_moment_of_another(open_own: Open, own_lab: Lab) -> None:
    own_lab.workspaces.create("other")
    own_lab.teach(TEXT)
    page = open_own(APP, prompt=PROMPT, as_of="0")
    page.switch_page(ASK).run()
    assert page.select_slider(key="as_of").value == "0"
    page.selectbox(key="workspace").set_value("other").run()
    assert not page.exception
    assert not page.error


@pytest.mark.parametrize("script", [APP, ASK, EDIT])
def test_a_workspace_that_is_not_there_is_named_and_the_default_one_offered(open_own: Open, script: str) -> None:
    page = open_own(script, workspace="gone", prompt=PROMPT)
    assert not page.exception
    assert "There is no workspace 'gone' here" in page.error[0].value
    assert keys(page) == {"workspace.missing"}
    page.run()
    assert page.error
    page.button(key="workspace.missing").click().run()
    assert not page.exception
    assert not page.error
    assert page.title or page.subheader


def test_a_workspace_that_is_deleted_meanwhile_is_named(open_own: Open, own_lab: Lab) -> None:
    own_lab.workspaces.create("other")
    page = open_own(APP, workspace="other")
    own_lab.workspaces.delete("other", "other")
    for _ in range(3):
        page.run()
        assert "There is no workspace 'other' here" in page.error[0].value
    page.button(key="workspace.missing").click().run()
    assert not page.error
    assert page.selectbox(key="workspace").value == "default"


def test_a_shared_link_lets_look_everywhere_and_edit_nowhere(open_own: Open, own_lab: Lab) -> None:
    own_lab.workspaces.create("Class 7b")
    theirs = Lab.open(own_lab.home, "Class 7b")
    theirs.teach(TEXT)
    page = open_own(APP, workspace="Class 7b", shared="1", text="Something else is here.")
    assert "of someone else" in page.markdown[0].value
    links = [parse_qs(link.proto.query_string) for link in page.get("page_link")]
    assert all((link["workspace"], link["shared"]) == (["Class 7b"], ["1"]) for link in links)
    page.switch_page(EDIT).run()
    assert "shared to look at" in page.info[0].value
    assert keys(page) == {"sharing.copy", "finder.open"}
    page.switch_page(HISTORY).run()
    assert page.button(key="undo.1").disabled
    page.switch_page(WORKSPACES)
    page.session_state["workspaces.Class 7b.deleting"] = True
    assert not any(b.proto.is_form_submitter for b in page.run().button)
    page.selectbox(key="workspace").set_value("default").run()
    assert "sharing.copy" not in keys(page)


def test_the_write_path_refuses_too(open_own: Open, own_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a control be left enabled somewhere, what it calls still does nothing."""
    own_lab.teach(TEXT)
    monkeypatch.setattr("memlab.ui.edit.undo.may_edit", lambda lab: True)
    page = open_own(HISTORY, shared="1")
    page.button(key="undo.1").click().run()
    assert "shared to look at" in page.error[0].value
    monkeypatch.setattr("memlab.ui.app.sharing.may_edit", lambda lab: True)
    page = open_own(EDIT, shared="1", text="Something else is here.")
    page.button(key="edit.commit").click().run()
    assert "shared to look at" in page.error[0].value
    assert own_lab.head() == 1
