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
from playwright.sync_api import Browser, Page, expect

from memlab import Lab

pytestmark = pytest.mark.browser

WAKANDA = "The capital of Wakanda is [MASK]."
ASK = f"ask?prompt={quote(WAKANDA)}"

Window = Callable[[str], Page]


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(
        built_home / "datastores", folder / "datastores", copy_function=os.link, ignore=shutil.ignore_patterns(".*")
    )
    Lab.open(folder).create_workspace("other")
    return folder


@pytest.fixture
def window(home: Path, serve: Callable[[Path], AbstractContextManager[str]], chromium: Browser) -> Iterator[Window]:
    with serve(home) as address:
        contexts = []

        def open_window(path: str) -> Page:
            contexts.append(chromium.new_context(viewport={"width": 1280, "height": 800}))
            page = contexts[-1].new_page()
            page.set_default_timeout(60_000)
            page.goto(f"{address}/{path}")
            page.wait_for_selector("[data-testid=stMain] :is(h1, h3, [data-testid=stAlert])")
            return page

        yield open_window
        for context in contexts:
            context.close()


def says(page: Page, word: str) -> None:
    """Waits until the completed sentence has this word in the gap."""
    sentence = page.locator("[data-testid=stHtml]").first
    expect(sentence).to_contain_text(f"is {word}", timeout=60_000)


def choose(page: Page, workspace: str) -> None:
    """Takes a workspace in the sidebar."""
    page.get_by_role("combobox", name="Workspace").click()
    page.get_by_role("option", name=workspace, exact=True).click()


def test_windows_of_one_workspace_see_each_other_and_those_of_two_never(window: Window, home: Path) -> None:
    here, same, other = window(ASK), window(ASK), window(f"{ASK}&workspace=other")
    for page in (here, same, other):
        says(page, "Kazakhstan")
    here.get_by_test_id("stSidebarNav").get_by_text("Edit memory").click()
    here.get_by_label("Text", exact=True).fill("The capital of Wakanda is Birnin.")
    here.get_by_role("button", name="Preview").click()
    here.get_by_role("button", name="Commit").click()
    expect(here.locator("[data-testid=stAlert]").first).to_contain_text("Edit 1", timeout=60_000)
    for page, word in ((same, "Birnin"), (other, "Kazakhstan")):
        page.get_by_test_id("stMain").get_by_role("button", name="Ask", exact=True).click()
        says(page, word)
    assert "workspace=other" in other.url
    choose(here, "other")
    expect(here.get_by_role("heading", name="Preview")).to_be_visible()
    expect(here.get_by_text("Edit 1: ")).to_have_count(0)
    assert [len(Lab.open(home, name).history()) for name in ("default", "other")] == [1, 0]


def test_a_shared_link_lets_look_and_a_copy_lets_edit(window: Window, home: Path) -> None:
    Lab.open(home, "other").teach("The capital of Wakanda is Birnin.")
    page = window(f"{ASK}&workspace=other&shared=1")
    says(page, "Birnin")
    expect(page.get_by_text("You are looking at the workspace")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_text("History", exact=True).click()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    page.get_by_test_id("stSidebarNav").get_by_text("Edit memory").click()
    expect(page.get_by_text("shared to look at")).to_be_visible()
    expect(page.get_by_role("button", name="Preview")).to_have_count(0)
    assert "shared=1" in page.url
    page.get_by_role("button", name="Make my copy").click()
    page.wait_for_url(re.compile(r"workspace=other(\+|%20)copy"))
    expect(page.get_by_role("button", name="Preview")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_text("History", exact=True).click()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("button", name="Redo")).to_be_visible()
    assert "shared" not in page.url
    assert [len(Lab.open(home, name).history()) for name in ("other", "other copy")] == [1, 2]


def test_a_link_to_a_deleted_workspace_names_it_and_offers_the_default_one(window: Window) -> None:
    page = window(f"{ASK}&workspace=gone")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("no workspace 'gone'")
    page.get_by_test_id("stSidebarNav").get_by_text("History", exact=True).click()
    page.wait_for_url(re.compile("/history"))
    expect(page.get_by_test_id("stAlert").first).to_contain_text("no workspace 'gone'")
    page.go_back()
    page.get_by_role("button", name="Show this view in the workspace default").click()
    says(page, "Kazakhstan")
    expect(page.get_by_text("There is no")).to_have_count(0)
    assert "gone" not in page.url


def test_every_way_through_the_app_keeps_the_workspace(window: Window, home: Path) -> None:
    Lab.open(home, "other").teach("The capital of Wakanda is Birnin.")
    page = window("?workspace=other")
    page.get_by_role("link", name="Ask this").first.click()
    page.wait_for_url(re.compile(r"/ask\?(.*&)?workspace=other"))
    for name, path in (("Edit memory", "edit"), ("History", "history"), ("Workspaces", "workspaces")):
        page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()
        page.wait_for_url(re.compile(rf"/{path}\?(.*&)?workspace=other"))
    page.get_by_test_id("stSidebarNav").get_by_text("History", exact=True).click()
    page.get_by_role("link", name="Ask as of this edit").click()
    says(page, "Birnin")
    page.reload()
    says(page, "Birnin")
    assert "workspace=other" in page.url
    choose(page, "default")
    says(page, "Kazakhstan")
    expect(page.get_by_text("There is no")).to_have_count(0)
    page.wait_for_function("() => !location.search.includes('other') && !location.search.includes('as_of')")


def test_share_gives_the_link_to_this_view(window: Window, home: Path) -> None:
    Lab.open(home, "other").teach("The capital of Wakanda is Birnin.")
    page = window(f"{ASK}&workspace=other")
    says(page, "Birnin")
    page.get_by_role("button", name="Share this view").click()
    link = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(link).to_contain_text("shared=1")
    visitor = window(urlsplit(link.inner_text().strip())._replace(scheme="", netloc="").geturl().lstrip("/"))
    says(visitor, "Birnin")
    expect(visitor.get_by_role("button", name="Make my copy")).to_be_visible()
    expect(page.get_by_role("button", name="Make my copy")).to_have_count(0)


def test_a_workspace_is_taken_along_and_brought_in(window: Window, home: Path, tmp_path: Path) -> None:
    Lab.open(home, "other").teach("The capital of Wakanda is Birnin.")
    page = window("workspaces")
    row = page.get_by_test_id("stVerticalBlock").filter(has_text=re.compile("^other"))
    with page.expect_download() as download:
        row.get_by_role("button", name="Export").last.click()
    file = tmp_path / "other.zip"
    download.value.save_as(file)
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("other.zip")).to_be_visible()
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Import").click()
    told = "Imported as other 2, since there is a workspace other already: 1 edit."
    expect(page.get_by_text(told)).to_be_visible()
    assert Lab.open(home, "other 2").history()[0].remembers == Lab.open(home, "other").history()[0].remembers
    (tmp_path / "bad.zip").write_bytes(file.read_bytes()[:-30])
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "bad.zip")
    expect(page.get_by_text("bad.zip", exact=True)).to_be_visible()
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Import").click()
    expect(page.get_by_text("bad.zip cannot be imported")).to_be_visible()
    assert [info.name for info in Lab.open(home).workspaces()] == ["default", "other", "other 2"]
