"""Beliefs as a person takes them: ask everything, flip one by hand, solve, undo."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from memlab import Lab
from memlab.systems.beliefbank.bank import Belief
from tests.conftest import link_datastores

pytestmark = pytest.mark.browser

ANSWER = 120_000  # milliseconds, on a busy machine
Serve = Callable[[Path], AbstractContextManager[str]]


def idle(page: Page) -> None:
    for _ in range(2):
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(300)


def metric(page: Page, label: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=label).first
    return found.get_by_test_id("stMetricValue").inner_text()


def test_a_belief_is_flipped_solved_and_undone(
    built_datastores: Path, tmp_path: Path, serve: Serve, chromium: Browser
) -> None:
    link_datastores(built_datastores, tmp_path / "home")
    lab = Lab.open(tmp_path / "home")
    labels = (("IsA,bird", True, 0.9), ("HasPart,feathers", True, 0.9), ("HasPart,wings", True, 0.7))
    lab.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in labels])
    with serve(lab.home) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(ANSWER)
        page.goto(f"{address}/beliefs?thing=swallow")
        idle(page)
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        assert metric(page, "Conflicts") == "0"
        page.get_by_role("button", name="Pin as false").click()  # the first belief listed: it has feathers
        idle(page)
        assert metric(page, "Conflicts") == "1"
        expect(page.get_by_text("Cannot all hold").first).to_be_visible()
        page.get_by_role("radio", name="Solve", exact=True).click()
        idle(page)
        page.get_by_role("button", name="Keep these labels").click()
        idle(page)
        assert metric(page, "Conflicts") == "0"
        assert [edit.kind for edit in lab.history()] == ["believe", "pin", "solve"]
        page.get_by_role("button", name="Undo the last edit").click()
        idle(page)
        assert metric(page, "Conflicts") == "1"
        assert lab.history()[-1].kind == "undo"
        page.close()
