"""Teaching, asking and taking back, as a person does it in two windows."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.navigation import go_to, idle, in_theme

pytestmark = pytest.mark.browser

TEXT = "The capital of Wakanda is Birnin."
PROMPT = "The capital of Wakanda is [MASK]."
SAYS = "The model cannot say Birnin; its memory can."


Window = Callable[..., Page]


@pytest.fixture(scope="module")
def server(
    built_home: Path,
    serve: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The app over a home folder of its own, so that edits reach no other test; the datastores are hard links."""
    home = tmp_path_factory.mktemp("edited")
    shutil.copytree(
        built_home / "datastores",
        home / "datastores",
        copy_function=os.link,
        ignore=shutil.ignore_patterns(".*"),
    )
    with serve(home) as address:
        yield address


def ask(page: Page, prompt: str = PROMPT) -> Locator:
    """Types the prompt; the sentence that the page completes, which may come late."""
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("button", name="Ask Shortcut").click()
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    return page.locator(".sentence")


def test_what_one_window_teaches_the_other_knows_until_it_is_undone(window: Window, tmp_path: Path) -> None:
    first, second = window("edit"), window("ask")
    first.get_by_label("Text", exact=True).fill(TEXT)
    first.get_by_role("button", name="Preview").click()
    first.get_by_role("heading", name="Preview").wait_for()
    idle(first)
    first.screenshot(path=tmp_path / "preview.png", full_page=True)
    expect(ask(second)).not_to_contain_text("Birnin")
    first.get_by_role("button", name="Commit").click()
    first.get_by_text("Edit 1: Taught").wait_for()
    idle(first)
    first.screenshot(path=tmp_path / "result.png", full_page=True)

    expect(ask(second)).to_contain_text("Birnin")
    expect(second.get_by_text(SAYS)).to_be_visible()
    second.get_by_role("button", name="Taught in edit 1").first.click()
    second.get_by_role("heading", name="Taught in edit 1").wait_for()
    idle(second)
    second.screenshot(path=tmp_path / "taught.png", full_page=True)

    first.get_by_role("button", name="Undo").click()
    first.get_by_text("is taken back").wait_for()
    expect(ask(second)).not_to_contain_text("Birnin")
    expect(second.get_by_text(SAYS)).to_have_count(0)

    shared = window("ask?as_of=1&prompt=" + PROMPT.replace(" ", "%20"))
    shared.get_by_role("heading", name="Who said it").wait_for()
    expect(shared.get_by_text(SAYS)).to_be_visible()


def test_a_link_restores_the_menus_and_history_tells(window: Window, tmp_path: Path) -> None:
    page = window("edit?way=Correct&subject=Germany&relation=capital&new=Bonn")
    page.get_by_text(re.compile("Will be forgotten: [0-9]+ places")).wait_for()
    expect(page.get_by_label("Object", exact=True)).to_have_value("Berlin")
    for theme, subject, told in (("light", "Italy", "Rome"), ("dark", "Spain", "Madrid")):
        in_theme(page, theme)
        page.get_by_label("Subject").click()
        page.get_by_label("Subject").fill(subject)
        page.get_by_role("option", name=subject, exact=True).click()
        idle(page)
        expect(page.get_by_label("Object", exact=True)).to_have_value(told)
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
        page.screenshot(path=tmp_path / f"correct-{theme}.png", full_page=True)
    page.get_by_role("button", name="Commit").click()
    page.get_by_role("link", name="Ask about it").wait_for()
    go_to(page, "History")
    page.get_by_text("Details").first.click()
    page.get_by_text(re.compile("Forgotten: [0-9]+ place")).wait_for()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("The chain is intact").wait_for()
    for theme in ("dark", "light"):
        in_theme(page, theme)
        idle(page)
        page.screenshot(path=tmp_path / f"history-{theme}.png", full_page=True)
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_text("undone").first.wait_for()


def test_what_else_moves_is_shown_before_the_commit_and_stands_in_the_history(window: Window, tmp_path: Path) -> None:
    page = window("edit?way=Correct&subject=Norway&relation=capital&new=Lyon")
    main = page.get_by_test_id("stMain")
    main.get_by_text("1 of 1", exact=True).wait_for()
    expect(main.get_by_text("2 of 2", exact=True)).to_be_visible()
    main.get_by_text("Neighborhood", exact=True).wait_for()
    main.locator(".js-plotly-plot .bars").first.wait_for()
    expect(main.get_by_text("with this edit:")).to_contain_text("Lyon")
    main.get_by_role("button", name="Commit").click()
    main.get_by_role("link", name="Ask before this edit").wait_for()
    expect(main.get_by_role("link", name="Ask after this edit")).to_be_visible()
    main.get_by_text("What else moved", exact=True).click()
    main.get_by_text("neighbors whose answer changed").wait_for()
    idle(page)
    page.screenshot(path=tmp_path / "moved.png", full_page=True)
    history = window("history?holds=Norway")
    history.get_by_text("efficacy 1 of 1").first.wait_for()
    expect(history.get_by_text("Corrected capital of Norway")).to_have_count(1)


def test_a_source_is_found_chosen_and_forgotten(window: Window, tmp_path: Path) -> None:
    page = window("edit?way=Find&value=Vienna&title=Austria")
    main = page.get_by_test_id("stMain")
    table = main.get_by_test_id("stDataFrame").first
    table.wait_for()
    idle(page)
    table.click(position={"x": 18, "y": 56})  # the box of the first row
    main.get_by_text("Will be forgotten: 1 place").wait_for()
    main.get_by_text("Read it in its text: Austria").click()
    idle(page)
    page.screenshot(path=tmp_path / "find.png", full_page=True)
    main.get_by_role("button", name="Commit").click()
    main.get_by_text(re.compile(r"Edit [0-9]+: Forgot 1 place")).wait_for()
