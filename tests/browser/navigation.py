"""The navigation at the top of the app, as a person uses it, and its two themes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from memlab.ui.app.navigation import groups

BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 30)"}  # as .streamlit/config.toml sets it


def go_to(page: Page, title: str) -> None:
    """Opens the group that holds a page, and follows its link."""
    group = next(group for group, pages in groups().items() if any(title == there.title for there in pages))
    page.get_by_test_id("stTopNavSection").filter(has_text=group).click()
    page.get_by_test_id("stTopNavPopover").get_by_text(title, exact=True).click()


def expect_navigation(page: Page) -> None:
    """All groups are there."""
    for group in groups():
        expect(page.get_by_test_id("stTopNavSection").filter(has_text=group)).to_be_visible()


def in_theme(page: Page, theme: str) -> None:
    """Shows the page as a person sees it whose system is light or dark."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[theme])


def idle(page: Page) -> None:
    """Until the script has run and the page shows what it drew."""
    for _ in range(2):  # a control reports a moment after the last key
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(300)


def visit(page: Page, path: str) -> None:
    """Goes to another page of the app without loading the app again, as Back and Forward do."""
    page.evaluate(
        "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", f"/{path}"
    )
