"""Generating as a person does it: at once, step by step, another token, a branch, a link, a copied passage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from memlab import Lab
from tests.browser.navigation import idle

pytestmark = pytest.mark.browser

PROMPT = "The capital of Norway is"
COPIED = "The euro is the currency of"

Window = Callable[..., Page]


def strip(page: Page) -> Locator:
    return page.get_by_role("listbox", name="The generated text, token by token")


def token(page: Page, step: int) -> Locator:
    return strip(page).locator(f'[data-token="{step}"]')


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_generate_step_choose_another_token_and_share(window: Window, lab: Lab, tmp_path: Path) -> None:
    page = window("generate")
    page.get_by_label("Prompt").fill(PROMPT)
    page.get_by_role("button", name="Next token").click()
    page.wait_for_url(re.compile(r"moves=g1(&|$)"))
    made = lab.generate(PROMPT, max_tokens=2)
    expect(token(page, 0)).to_contain_text(made.tokens[0].text.strip())
    idle(page)
    page.get_by_role("button", name="Next token").click()
    page.wait_for_url(re.compile(r"moves=g1\.g1(&|$)"))
    expect(token(page, 1)).to_contain_text(made.tokens[1].text.strip())
    expect(token(page, 1)).to_have_attribute("aria-selected", "true")
    idle(page)

    page.get_by_label("Prompt").press("Enter")  # the same prompt, at once
    page.wait_for_url(re.compile(r"moves=g20(&|$)"))
    expect(strip(page).locator("[data-token]")).to_have_count(20)
    idle(page)
    token(page, 4).click()
    page.wait_for_url(re.compile(r"step=4(&|$)"))
    expect(token(page, 4)).to_have_attribute("aria-selected", "true")
    idle(page)
    before = strip(page).inner_text()
    instead = page.locator("[class*=st-key-generate-instead] button").first
    word = instead.inner_text().rsplit(" ", 1)[0].strip()
    instead.click()
    page.wait_for_url(re.compile(r"moves=g20\.c4-\d+-16(&|$)"))
    expect(token(page, 4)).to_contain_text(word)
    expect(token(page, 4)).to_have_attribute("aria-label", re.compile("chosen by you"))
    idle(page)
    chosen = strip(page).inner_text()
    assert chosen != before
    page.screenshot(path=tmp_path / "chosen.png", full_page=True)

    other = window(page.url.split("/", 3)[3], theme="dark")
    expect(strip(other)).to_have_text(strip(page).text_content() or "")
    expect(token(other, 4)).to_have_attribute("aria-selected", "true")
    idle(other)
    other.locator("[class*=st-key-generate-branch] button").first.click()
    expect(strip(other)).not_to_contain_text("✎")
    idle(other)
    assert strip(other).inner_text() == before
    with other.expect_download() as download:
        other.get_by_role("button", name="JSON: the whole tree").click()
    told = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert told["moves"] == parameters(other)["moves"]
    assert len(told["branches"]) == 2


def test_a_copied_span_is_marked_and_leads_to_its_passage(window: Window, lab: Lab) -> None:
    span = lab.trees.replay(COPIED, "g20").with_memory.copied[0]
    page = window("generate")
    page.get_by_role("button", name=re.compile(re.escape(COPIED))).first.click()
    first = token(page, span.first)
    expect(first.locator("sup")).to_have_text("1")
    for i in range(span.first, span.last):
        label = re.compile(re.escape(f"word for word in {span.document} (1)"))
        expect(token(page, i)).to_have_attribute("aria-label", label)
        lines = token(page, i).evaluate("e => getComputedStyle(e).textDecorationStyle")
        assert lines == "double"
    idle(page)
    page.locator("[class*=st-key-generate-copied-1] button").first.click()
    mark = page.get_by_test_id("stPopoverBody").locator("mark")
    expect(mark).to_have_text(span.text)


def test_a_long_generation_shows_progress_and_its_result(window: Window) -> None:
    page = window("generate?prompt=In+the+morning%2C+the&moves=g90&generate.tokens=90")
    expect(strip(page).locator("[data-token]")).to_have_count(90, timeout=240_000)  # 180 tokens in all
    expect(page.get_by_text("The texts diverge at step").or_(page.get_by_text("text is the same"))).to_be_visible()
