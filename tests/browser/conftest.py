"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from memlab.bundle import bundle

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 800}
START = 60.0  # seconds until the server must answer
TRIES = 3
ANSWER = 60_000  # milliseconds for whatever a page waits for, on a busy machine
FIRST = 240_000  # milliseconds for the first words of a page: the first visitor of a server waits for all libraries

sync_api.expect.set_options(timeout=ANSWER)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], AbstractContextManager[str]]:
    """Serves the app over a home folder as `memlab serve` does: `with serve(home) as address`."""

    @contextmanager
    def run(home: Path) -> Iterator[str]:
        log = tmp_path_factory.mktemp("server") / "log.txt"
        process, address = _start(home, log)
        try:
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)

    return run


def _start(home: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server that answers, and its address; on another port where somebody took the first one meanwhile."""
    for _ in range(TRIES):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        with log.open("a") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "memlab.ui.server", str(port)],
                cwd=bundle(),
                env={**os.environ, "MEMLAB_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        address = f"http://localhost:{port}"
        if _answers(address, process):
            return process, address
        process.kill()
        process.wait()
    raise RuntimeError(f"no server started in {TRIES} tries of {START:.0f} s:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def server(built_home: Path, serve: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of the app over the home folder that all tests share."""
    with serve(built_home) as address:
        yield address


def _answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
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
def chromium() -> Iterator[sync_api.Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: sync_api.Browser, server: str) -> Iterator[Callable[..., sync_api.Page]]:
    """Opens a path of the app in a window of its own: `window("ask?prompt=...", theme="dark")`."""
    contexts = []

    def open_window(path: str = "", theme: str = "light") -> sync_api.Page:
        context = chromium.new_context(viewport=SIZE, color_scheme=theme, base_url=server, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(ANSWER)
        page.goto(f"{server}/{path}")
        page.wait_for_selector("[data-testid=stMain] :is(h1, h3, [data-testid=stAlert])", timeout=FIRST)
        return page

    yield open_window
    for context in contexts:
        context.close()
