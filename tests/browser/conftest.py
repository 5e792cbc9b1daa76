"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from memlab.bundle import bundle
from tests.forks import Forks, Running

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from tests.browser.windows import Windows  # noqa: E402  needs playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # pages of one profile share what Chromium has compiled
]
# Pages of tests are closed before optimized code is worth making it. What a person waits for is measured without this.
SHORT_LIVED = "--js-flags=--no-opt --no-maglev --single-threaded-gc"
START = 60.0  # seconds until the server must answer
TRIES = 3
ANSWER = 60_000  # milliseconds for whatever a page waits for, on a busy machine
FIRST = 240_000  # milliseconds for the first words of a page: the first visitor of a server waits for all libraries

sync_api.expect.set_options(timeout=ANSWER)


@pytest.fixture(scope="session")
def serve(forked: Forks) -> Callable[[Path], AbstractContextManager[str]]:
    """Serves the app over a home folder as `memlab serve` does: `with serve(home) as address`."""

    @contextmanager
    def run(home: Path) -> Iterator[str]:
        process, address = _start(home, forked)
        try:
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    return run


SERVER = """
import os, runpy, sys
home, folder, port = sys.argv[1:]
os.environ["MEMLAB_HOME"] = home
os.chdir(folder)
sys.argv[1:] = [port]
runpy.run_module("memlab.ui.server", run_name="__main__", alter_sys=True)
"""


def _start(home: Path, forked: Forks) -> tuple[Running, str]:
    """A server that answers, and its address; on another port where somebody took the first one meanwhile."""
    for _ in range(TRIES):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        process = forked.start(SERVER, str(home), str(bundle()), str(port))
        address = f"http://localhost:{port}"
        if _answers(address):
            return process, address
        process.send_signal(signal.SIGKILL)
        said = process.wait()
    raise RuntimeError(f"no server started in {TRIES} tries of {START:.0f} s:\n{said.stderr.decode()[-2000:]}")


@pytest.fixture(scope="session")
def server(built_home: Path, serve: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of the app over the home folder that all tests share."""
    with serve(built_home) as address:
        yield address


def _answers(address: str) -> bool:
    end = time.monotonic() + START
    while time.monotonic() < end:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=2):
                return True
        except (URLError, OSError):
            time.sleep(0.2)
    return False


def chromium_path() -> str | None:
    """Chromium without a window, where Debian's package of it is installed: the same pages in two thirds of the time."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., sync_api.Browser]]:
    """Starts a Chromium: `launch(flag, ...)`, with these flags beside those that every one has."""
    path = chromium_path()
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        yield lambda *flags: playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])


@pytest.fixture(scope="session")
def chromium(launch: Callable[..., sync_api.Browser]) -> Iterator[sync_api.Browser]:
    """The Chromium of all tests of a worker."""
    browser = launch(SHORT_LIVED)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def profiles(chromium: sync_api.Browser) -> Callable[[str], Windows]:
    """The windows of a server; those of another one are given up."""
    kept: list[Windows] = []

    def of(server: str) -> Windows:
        if not kept or kept[0].server != server:
            for windows in kept:
                windows.close()
            kept[:] = [Windows(chromium, server)]
        return kept[0]

    return of


@pytest.fixture
def window(profiles: Callable[[str], Windows], server: str) -> Iterator[Callable[..., sync_api.Page]]:
    """Opens a path of the app in a window of its own: `window("ask?prompt=...", theme="dark")`."""
    windows = profiles(server)

    def open_window(path: str = "", theme: str = "light") -> sync_api.Page:
        page = windows.new(theme)
        page.set_default_timeout(ANSWER)
        page.goto(f"{server}/{path}")
        page.wait_for_selector("[data-testid=stMain] :is(h1, h3, [data-testid=stAlert])", timeout=FIRST)
        return page

    yield open_window
    windows.empty()
