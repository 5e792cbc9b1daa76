"""Batch and Fix it here as a person uses them: prompts survive a reload, a row says why, bars move to where an edit puts them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
pytestmark = pytest.mark.browser

CALIFORNIUM = "The group of the element californium is"


def test_a_row_says_why_after_a_reload_and_bars_move_before_anything_changes(
    window: Callable[..., sync_api.Page],
) -> None:
    page = window("batch?method=knn-lm")
    page.get_by_label("Prompts").fill(f"{CALIFORNIUM}\nThe capital of France is")
    page.get_by_role("button", name="Ask all").click()
    expect(page.get_by_role("button", name="memory misled: 1")).to_be_enabled()
    page.wait_for_url("**batch=*")
    page.goto(f"{page.url}&row=1")
    expect(page.get_by_text("One passage of neptunium has 0.99 of the weight")).to_be_visible()
    expect(page.get_by_label("Prompts")).to_have_value(f"{CALIFORNIUM}\nThe capital of France is")
    page.get_by_test_id("stButtonGroup").get_by_text("Forget", exact=True).click()
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    expect(page.get_by_text("neighbors unmoved")).to_be_visible()
    table = page.locator(".moving table")
    expect(table.locator("tbody tr", has_text="actinide").get_by_label("right")).to_be_visible()
    after = table.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('.bar')].map(bar => parseFloat(bar.style.width) / 100))"
    )
    said = table.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('.p')].map(p => p.textContent.split('→').pop().trim()))"
    )
    for widths, texts in zip(after, said, strict=True):
        for width, text in zip(widths, texts, strict=True):
            assert text == ("<0.01" if 0 < width < 0.005 else f"{width:.2f}")
