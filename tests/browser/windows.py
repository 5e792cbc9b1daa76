"""Windows of one person or of several, in browser profiles that stay for the tests after them.

A new profile fetches and compiles the scripts of the app again, in a new process of Chromium. Here a profile is emptied
instead: cookies and what pages have stored go, the scripts stay.
"""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Page

SIZE = {"width": 1280, "height": 800}
QUIET = "_stcore/health"  # an address of the server that runs no script: while it is open, the process of the app stays


class Windows:
    """Opens pages of a server. Each window that is open beside others has a profile of its own, as another person's has."""

    def __init__(self, chromium: Browser, server: str) -> None:
        self._chromium, self.server = chromium, server
        self._profiles: list[tuple[BrowserContext, Page]] = []
        self._used = 0

    def new(self, theme: str) -> Page:
        """An empty page in a profile that no other window has."""
        if self._used == len(self._profiles):
            self._profiles.append(self._profile())
        profile, _ = self._profiles[self._used]
        self._used += 1
        page = profile.new_page()
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        return page

    def empty(self) -> None:
        """Closes all windows and clears their profiles."""
        for profile, quiet in self._profiles[: self._used]:
            for page in profile.pages:
                if page is not quiet:
                    page.close()
            profile.clear_cookies()
            quiet.evaluate("localStorage.clear()")
        self._used = 0

    def close(self) -> None:
        """Gives the profiles up."""
        for profile, _ in self._profiles:
            profile.close()
        self._profiles.clear()
        self._used = 0

    def _profile(self) -> tuple[BrowserContext, Page]:
        profile = self._chromium.new_context(
            viewport=SIZE,
            base_url=self.server,
            accept_downloads=True,
            reduced_motion="reduce",  # moving pictures cost as much as the pages: without a GPU each is drawn anew
        )
        quiet = profile.new_page()
        quiet.goto(f"{self.server}/{QUIET}")
        return profile, quiet
