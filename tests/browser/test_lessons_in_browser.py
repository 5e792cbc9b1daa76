"""Presenting a lesson by the space bar, comparing with a pinned view, many prompts, the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
PROMPT = "The capital of France is [MASK]."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_space_bar_tells_a_question_step_by_step(window: Window, theme: str) -> None:
    page = window("present?lesson=what-memory-adds&step=3", theme=theme)
    expect(page.get_by_role("heading", name="A fact that it met once")).to_be_visible()
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("button", name="Next")).to_be_enabled()
    for stage in ("Model", "Search", "Distances", "Memory"):
        page.keyboard.press("Space")
        expect(main.locator("strong", has_text=stage)).to_be_visible()
        expect(main.get_by_text("Leonardo da Vinci")).to_have_count(0)  # the class is still guessing
    page.keyboard.press("Space")
    expect(main.get_by_text("Leonardo da Vinci").first).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Look at who spoke")).to_be_visible()
    page.wait_for_url("**step=4**")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", name="A fact that it met once")).to_be_visible()


def test_no_key_is_lost_while_the_page_is_still_drawing(window: Window) -> None:
    page = window("present?lesson=what-memory-adds&step=3")
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    for stage in range(2, 6):
        page.keyboard.press("Space")
        page.wait_for_url(f"**stage={stage}**")  # told before the picture is made, which is not waited for
    expect(page.get_by_test_id("stMain").locator("strong", has_text="Memory")).to_be_visible()


def test_a_pinned_view_stands_beside_the_present_one_also_over_a_link(window: Window) -> None:
    page = window(f"ask?prompt={quote(PROMPT)}")
    page.get_by_role("button", name="Pin as A").click()
    page.wait_for_url("**a=**")
    page.get_by_label("Prompt", exact=True).fill("The capital of Japan is [MASK].")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="A and B side by side")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").nth(1)).to_have_text("Tokyo")
    again = window(page.url.split("/", 3)[3])
    expect(again.get_by_test_id("stMetricValue").nth(0)).to_have_text("Paris")
    expect(again.get_by_test_id("stMetricValue").nth(1)).to_have_text("Tokyo")


def test_a_report_opens_without_the_server(window: Window, chromium, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = window(f"ask?prompt={quote(PROMPT)}&lam=0.6")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    context = chromium.new_context(offline=True)
    report = context.new_page()
    report.goto(file.as_uri())
    expect(report.get_by_role("heading", level=1)).to_contain_text("Paris")
    expect(report.locator(".js-plotly-plot .bars").first).to_be_visible()
    report.screenshot(path=tmp_path / "report.png", full_page=True)
    context.close()


def test_many_prompts_give_a_table_and_say_which_lines_cannot_be_asked(window: Window, tmp_path: Path) -> None:
    page = window("batch")
    page.get_by_label("Prompts").fill("\n".join([PROMPT, "two [MASK] [MASK]", "The painter of Mona Lisa was [MASK]."]))
    page.get_by_role("button", name="Ask all").click()
    expect(page.get_by_text("2 of 3 answered.")).to_be_visible()
    expect(page.get_by_text("Line 2:")).to_be_visible()
    page.screenshot(path=tmp_path / "batch.png")
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="CSV").click()
    assert "Leonardo da Vinci" in Path(download.value.path()).read_text()
