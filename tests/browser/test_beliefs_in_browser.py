"""Beliefs as a person takes them: ask everything, flip one by hand, solve, undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from memlab import Lab
from memlab.systems.beliefbank.bank import Belief
from tests.browser.navigation import idle

pytestmark = pytest.mark.browser


def metric(page: Page, label: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=label).first
    return found.get_by_test_id("stMetricValue").inner_text()


def test_a_belief_is_flipped_solved_and_undone(built_home: Path, window: Callable[..., Page]) -> None:
    Lab.open(built_home).workspaces.create("beliefs")
    lab = Lab.open(built_home, "beliefs")
    labels = (("IsA,bird", True, 0.9), ("HasPart,feathers", True, 0.9), ("HasPart,wings", True, 0.7))
    lab.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in labels])
    page = window("beliefs?thing=swallow&workspace=beliefs")
    page.set_viewport_size({"width": 1280, "height": 1000})
    idle(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert metric(page, "Conflicts") == "0"
    page.get_by_role("button", name="Pin as false").click()  # the first belief listed: it has feathers
    idle(page)
    assert metric(page, "Conflicts") == "1"
    expect(page.get_by_text("Cannot all hold").first).to_be_visible()
    edge = page.locator(".js-plotly-plot .scatterlayer .trace").nth(3).locator(".point")  # the middle of the red one
    edge.scroll_into_view_if_needed()
    idle(page)
    place = edge.bounding_box()
    assert place is not None
    page.mouse.move(
        place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    )  # a layer of the chart lies above it
    page.wait_for_timeout(300)
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    expect(page.get_by_text("The red edge that you clicked")).to_be_visible()
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
