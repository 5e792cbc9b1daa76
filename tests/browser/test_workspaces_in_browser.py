"""Two windows, two workspaces, and a link that only lets look."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from memlab import Lab
from tests.browser.navigation import go_to

pytestmark = pytest.mark.browser

WAKANDA = "The capital of Wakanda is [MASK]."
ASK = f"ask?prompt={quote(WAKANDA)}"
BIRNIN = "The capital of Wakanda is Birnin."

Window = Callable[[str], Page]


@pytest.fixture(scope="module")
def home(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder of these tests' own; nobody edits its workspace "default"."""
    folder = tmp_path_factory.mktemp("workspaces")
    shutil.copytree(
        built_home / "datastores", folder / "datastores", copy_function=os.link, ignore=shutil.ignore_patterns(".*")
    )
    return folder


@pytest.fixture(scope="module")
def server(home: Path, serve: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    with serve(home) as address:
        yield address


def workspace(home: Path, name: str, taught: str = "") -> str:
    """Makes a workspace, with one edit or none."""
    Lab.open(home).workspaces.create(name)
    if taught:
        Lab.open(home, name).teach(taught)
    return name


def without(page: Page, word: str) -> None:
    """Waits until the address does not have this word."""
    page.wait_for_function("word => !location.search.includes(word)", arg=word)


def says(page: Page, word: str) -> None:
    """Waits until the completed sentence has this word in the gap."""
    sentence = page.locator(".sentence")
    expect(sentence).to_contain_text(f"is {word}")


def choose(page: Page, workspace: str) -> None:
    """Takes a workspace in the bar."""
    box = page.get_by_role("combobox", name="Workspace")
    box.scroll_into_view_if_needed()
    # A list closes when the page scrolls, and the page tells so only with its next frame: a person's click comes later.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box.click()
    page.get_by_role("option", name=workspace, exact=True).click()


def test_windows_of_one_workspace_see_each_other_and_those_of_two_never(window: Window, home: Path) -> None:
    for name in ("class", "other"):
        workspace(home, name)
    here, same, other = (window(f"{ASK}&workspace={name}") for name in ("class", "class", "other"))
    for page in (here, same, other):
        says(page, "Kazakhstan")
    go_to(here, "Edit memory")
    here.get_by_label("Text", exact=True).fill(BIRNIN)
    here.get_by_role("button", name="Preview").click()
    here.get_by_role("button", name="Commit").click()
    expect(here.locator("[data-testid=stAlert]").first).to_contain_text("Edit 1")
    for page, word in ((same, "Birnin"), (other, "Kazakhstan")):
        page.get_by_test_id("stMain").get_by_role("button", name="Ask Shortcut").click()
        says(page, word)
    other.wait_for_url(re.compile("workspace=other"))
    choose(here, "other")
    expect(here.get_by_role("heading", name="Preview")).to_be_visible()
    expect(here.get_by_text("Edit 1: ")).to_have_count(0)
    assert [len(Lab.open(home, name).history()) for name in ("class", "other")] == [1, 0]


def test_a_shared_link_lets_look_and_a_copy_lets_edit(window: Window, home: Path) -> None:
    workspace(home, "teacher", BIRNIN)
    page = window(f"{ASK}&workspace=teacher&shared=1")
    says(page, "Birnin")
    expect(page.get_by_text("You are looking at the workspace")).to_be_visible()
    go_to(page, "History")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    go_to(page, "Edit memory")
    expect(page.get_by_text("shared to look at")).to_be_visible()
    expect(page.get_by_role("button", name="Preview")).to_have_count(0)
    page.wait_for_url(re.compile("shared=1"))
    page.get_by_role("button", name="Make my copy").click()
    page.wait_for_url(re.compile(r"workspace=teacher(\+|%20)copy"))
    expect(page.get_by_role("button", name="Preview")).to_be_visible()
    go_to(page, "History")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("button", name="Redo")).to_be_visible()
    without(page, "shared")
    assert [len(Lab.open(home, name).history()) for name in ("teacher", "teacher copy")] == [1, 2]


def test_a_link_to_a_deleted_workspace_names_it_and_offers_the_default_one(window: Window) -> None:
    page = window(f"{ASK}&workspace=gone")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("no workspace 'gone'")
    go_to(page, "History")
    page.wait_for_url(re.compile("/history"))
    page.wait_for_url(re.compile("/history"))
    expect(page.get_by_test_id("stAlert").first).to_contain_text("no workspace 'gone'")
    page.go_back()
    # History has a button of this name, too: wait until the app has gone back as well.
    page.wait_for_url(re.compile("/ask"))
    page.get_by_role("button", name="Show this view in the workspace default").click()
    says(page, "Kazakhstan")
    expect(page.get_by_text("There is no")).to_have_count(0)
    without(page, "gone")


def test_every_way_through_the_app_keeps_the_workspace(window: Window, home: Path) -> None:
    workspace(home, "ways", BIRNIN)
    page = window("?workspace=ways")
    page.get_by_role("link", name="Ask this").first.click()
    page.wait_for_url(re.compile(r"/ask\?(.*&)?workspace=ways"))
    for name, path in (("Edit memory", "edit"), ("History", "history"), ("Workspaces", "workspaces")):
        go_to(page, name)
        page.wait_for_url(re.compile(rf"/{path}\?(.*&)?workspace=ways"))
    go_to(page, "History")
    page.get_by_role("link", name="Ask as of this edit").click()
    says(page, "Birnin")
    page.reload()
    says(page, "Birnin")
    page.wait_for_url(re.compile("workspace=ways"))
    choose(page, "default")
    says(page, "Kazakhstan")
    expect(page.get_by_text("There is no")).to_have_count(0)
    without(page, "ways")
    without(page, "as_of")


def test_share_gives_the_link_to_this_view(window: Window, home: Path) -> None:
    workspace(home, "shown", BIRNIN)
    page = window(f"{ASK}&workspace=shown")
    says(page, "Birnin")
    page.get_by_role("button", name="Share").click()
    link = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(link).to_contain_text("shared=1")
    visitor = window(urlsplit(link.inner_text().strip())._replace(scheme="", netloc="").geturl().lstrip("/"))
    says(visitor, "Birnin")
    expect(visitor.get_by_role("button", name="Make my copy")).to_be_visible()
    expect(page.get_by_role("button", name="Make my copy")).to_have_count(0)


def test_a_workspace_is_taken_along_and_brought_in(window: Window, home: Path, tmp_path: Path) -> None:
    workspace(home, "taken", BIRNIN)
    page = window("workspaces")
    row = page.locator(".st-key-workspaces-row-taken")
    with page.expect_download() as download:
        row.get_by_role("button", name="Export").click()
    file = tmp_path / "taken.zip"
    download.value.save_as(file)
    page.get_by_test_id("stPopoverButton").filter(has_text="Import").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("taken.zip")).to_be_visible()
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Import").click()
    told = "Imported as taken 2, since there is a workspace taken already: 1 edit."
    expect(page.get_by_text(told)).to_be_visible()
    assert Lab.open(home, "taken 2").history()[0].remembers == Lab.open(home, "taken").history()[0].remembers
    (tmp_path / "bad.zip").write_bytes(file.read_bytes()[:-30])
    page.get_by_test_id("stPopoverButton").filter(has_text="Import").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "bad.zip")
    expect(page.get_by_text("bad.zip", exact=True)).to_be_visible()
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Import").click()
    expect(page.get_by_text("bad.zip cannot be imported")).to_be_visible()
    assert [info.name for info in Lab.open(home).workspaces() if "taken" in info.name] == ["taken", "taken 2"]
