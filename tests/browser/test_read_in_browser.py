"""The Read page as a person uses it: type, click, move with the keyboard, switch, share, stop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from memlab import Lab
from memlab.figures.strip import described
from tests.browser.navigation import idle

pytestmark = pytest.mark.browser

TEXT = "The capital of Myanmar is Naypyidaw. The discoverer of hydrogen was Henry Cavendish."
SOURCES = ("Model", "Memory", "Mixture")

Window = Callable[..., Page]


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def token(page: Page, word: str) -> Locator:
    return page.get_by_role("option", name=re.compile(f"^{re.escape(word)};")).first


def chart(page: Page) -> Locator:
    """The three sources of the chosen token."""
    return page.locator(".js-plotly-plot").first


def test_type_click_switch_and_share(window: Window, lab: Lab, tmp_path: Path) -> None:
    page = window("read")
    page.get_by_placeholder("Type or paste a passage").fill(TEXT)
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.get_by_text(described(lab.read(TEXT)))).to_be_visible()
    assert parameters(page)["text"] == TEXT
    expect(token(page, "Naypyidaw")).to_have_attribute("aria-selected", "true")  # the most helped one
    expect(token(page, "Naypyidaw")).to_have_attribute("aria-label", re.compile("memory helps by"))

    token(page, "hydrogen").click()
    page.wait_for_url(re.compile("token=10(&|$)"))
    expect(chart(page)).to_contain_text("hydrogen")
    token(page, "hydrogen").press("ArrowRight")
    token(page, "was").press("ArrowRight")
    token(page, "Henry Cavendish").press("Enter")
    page.wait_for_url(re.compile("token=12(&|$)"))
    expect(chart(page)).to_contain_text("Henry Cavendish")
    expect(token(page, "Henry Cavendish")).to_have_attribute("aria-selected", "true")

    idle(page)
    main(page).locator("[class*=st-key-read-source] button").first.click()
    expect(page.get_by_test_id("stPopoverBody").locator("mark").first).to_be_visible()
    page.keyboard.press("Escape")

    page.locator(".st-key-read-method-open button").first.click()
    page.get_by_role("radio", name="SPALM", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_text(described(lab.read(TEXT, method="spalm")))).to_be_visible()
    page.get_by_role("radio", name="gate", exact=True).click()
    page.wait_for_url(re.compile("color=gate"))
    idle(page)
    assert parameters(page)["read.method"] == "spalm"
    second = window(page.url.split("/", 3)[3])
    expect(second.get_by_text(described(lab.read(TEXT, method="spalm")))).to_be_visible()
    expect(token(second, "Henry Cavendish")).to_have_attribute("aria-selected", "true")
    expect(second.get_by_role("radio", name="gate", exact=True)).to_be_checked()
    expect(second.get_by_test_id("stAlert")).to_have_count(0)
    idle(second)
    assert parameters(second) == parameters(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_strip_and_the_sources_are_seen(window: Window, tmp_path: Path, theme: str) -> None:
    page = window(f"read?text={quote(TEXT)}", theme=theme)
    for source in SOURCES:
        expect(chart(page)).to_contain_text(source)
    idle(page)
    page.screenshot(path=tmp_path / f"read-{theme}.png")
    box = page.get_by_role("listbox").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800  # without scrolling
    page.set_viewport_size({"width": 420, "height": 800})
    idle(page)
    page.screenshot(path=tmp_path / f"read-{theme}-narrow.png")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 420
    for at in page.get_by_role("option").all():
        seen = at.bounding_box()
        assert seen is not None
        assert seen["x"] >= 0
        assert seen["x"] + seen["width"] <= 420


def test_a_long_text_is_cut_when_asked_and_its_reading_stops(window: Window, lab: Lab, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text(" ".join(article.text for article in lab.articles()[:60]), "utf-8")
    page = window("read?passage=File&read.k=1024")
    page.locator("input[type=file]").set_input_files(long)
    expect(main(page).get_by_test_id("stAlert")).to_contain_text("it would end after character")
    page.get_by_role("button", name="Read the first 4,000 tokens").click()
    main(page).get_by_role("button", name="Stop").click()
    expect(main(page)).to_contain_text("of 4,000 tokens were read, and memory was searched for")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.get_by_role("button", name="Read it all")).to_be_visible()
    idle(page)
    page.screenshot(path=tmp_path / "stopped.png")
