"""Modify weights as a person takes it: a fact of a link, a training, and Stop, after which nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from memlab import Lab

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
KNOWN = 240_000  # milliseconds until the model was asked what it knows, on a busy machine


def test_a_training_is_stopped_and_nothing_is_recorded(window: Window, built_home: Path) -> None:
    Lab.open(built_home).workspaces.create("stopped")
    page = window("modify?subject=France&relation=capital&new=Lyon&workspace=stopped")
    page.get_by_text("More settings").click(timeout=KNOWN)
    steps = page.get_by_label("Steps at most")
    steps.fill("5000")
    steps.press("Enter")
    page.get_by_test_id("stSelectbox").filter(has_text="δ").first.locator("input").click()
    page.get_by_role("option", name="0.001", exact=True).click()
    page.get_by_role("button", name="Modify the weights").click()
    main = page.get_by_test_id("stMain")
    main.get_by_role("button", name="Stop").click()
    expect(main).to_contain_text("nothing was recorded", timeout=KNOWN)
    lab = Lab.open(built_home, "stopped")
    assert lab.head() == 0
    assert [job.state for job in lab.work.jobs(kind="modify")] == ["stopped"]
    assert lab.ask("The capital of France is [MASK].", method="base", model="atlas-mlm").lm[0].token == "Paris"
    main.get_by_role("button", name="Modify other facts").click()
    expect(page.get_by_label("Search facts")).to_be_visible(timeout=KNOWN)
