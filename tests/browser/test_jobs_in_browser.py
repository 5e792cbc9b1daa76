"""Long work in a real browser: seen after a reload and from another window, stopped, resumed to its end, removed."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from memlab import Lab
from tests.browser.conftest import ANSWER

pytestmark = pytest.mark.browser

WORDS = "the of lake river king snow stone house bird green old walks sings over under north field paper"


def write_texts(path: Path, texts: int) -> None:
    rng = random.Random(0)
    path.write_text("\n".join(["text", *(" ".join(rng.choices(WORDS.split(), k=300)) + "." for _ in range(texts))]))


def test_a_build_survives_a_reload_and_stops_within_moments(
    built_home: Path, serve: Callable[[Path], AbstractContextManager[str]], chromium: Browser, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(
        built_home / "datastores", home / "datastores", copy_function=os.link, ignore=shutil.ignore_patterns(".*")
    )
    write_texts(tmp_path / "many.csv", 8000)  # minutes of work
    with serve(home) as address:
        contexts = [chromium.new_context(viewport={"width": 1280, "height": 1000}) for _ in range(2)]
        page, other = (context.new_page() for context in contexts)
        page.goto(f"{address}/memories")
        page.locator("input[type=file]").set_input_files(tmp_path / "many.csv")
        expect(page.get_by_text("many.csv")).to_be_visible()
        page.get_by_label("Name", exact=True).fill("many")
        page.get_by_label("Name", exact=True).press("Tab")
        page.get_by_role("button", name="Build", exact=True).click()
        panel(page, "Building the memory many")
        page.reload()
        panel(page, "Building the memory many")
        other.goto(f"{address}/history")
        panel(other, "Building the memory many")
        began = time.monotonic()
        jobs(other).get_by_role("button", name="Stop").click()
        for window in (other, page):
            panel(window, "Stopped at")
        print(f"stopped and shown in both windows after {time.monotonic() - began:.1f} s")
        (job,) = Lab.open(home).work.jobs()
        assert (job.state, job.can_resume) == ("stopped", True)
        jobs(page).get_by_role("button", name="Resume").click()
        jobs(page).get_by_role("button", name="Stop").click()
        panel(page, "Stopped at")
        jobs(page).get_by_role("button", name="Remove").click()
        expect(page.locator(".st-key-bar-jobs")).to_have_count(0)  # nothing is left to say
        assert Lab.open(home).work.jobs() == []
        for context in contexts:
            context.close()
    assert "many" not in {store.name for store in Lab.open(home).datastores()}


def jobs(page: Page) -> Locator:
    """What the button Jobs of the control bar opens."""
    opened = page.get_by_test_id("stPopoverBody")
    if not opened.is_visible():
        page.locator(".st-key-bar-jobs").get_by_role("button").first.click()
    return opened


def panel(page: Page, says: str) -> None:
    """Opens what the button Jobs opens, again where the page was drawn anew meanwhile, until it says so."""
    page.locator(".st-key-bar-jobs").wait_for()
    end = time.monotonic() + ANSWER / 1000
    while says not in (jobs(page).all_text_contents() or [""])[0] and time.monotonic() < end:
        page.wait_for_timeout(250)
    expect(jobs(page)).to_contain_text(says)
