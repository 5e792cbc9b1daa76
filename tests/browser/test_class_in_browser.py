"""A class in real browsers: the lecturer on a projector, one guest on a phone, as `memlab serve --share` serves them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import link_datastores

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.9 is no address of this computer"),
]
ADDRESS = "127.0.0.9"  # of this computer, and not localhost
FIRST = 240_000  # milliseconds for the first page of a server


@pytest.fixture
def invited(built_datastores: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What `memlab serve --share --json` says of the class."""
    link_datastores(built_datastores, tmp_path)
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = str(free.getsockname()[1])
    options = ["--share", "--address", ADDRESS, "--port", port, "--no-browser", "--json", "--home", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "memlab", "serve", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = json.loads(process.stdout.readline())["class"]
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as tried:
                if tried.connect_ex((ADDRESS, int(port))) == 0:
                    break
            time.sleep(0.2)
        yield told
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        logged = process.stderr.read()
        assert told["token"] not in logged
        assert told["lecturer"].rpartition("/")[2] not in logged
    assert "class 1" not in os.listdir(tmp_path)


def opened(chromium: Browser, address: str, **screen: Any) -> Page:
    page = chromium.new_context(**screen).new_page()
    page.set_default_timeout(FIRST)
    page.goto(address)
    page.wait_for_selector("h1")
    return page


def test_a_guest_guesses_on_a_phone_and_sees_the_answer_with_the_class(
    chromium: Browser, invited: dict[str, Any], tmp_path: Path
) -> None:
    host = opened(chromium, invited["lecturer"], viewport={"width": 1920, "height": 1080})
    origin = host.url.rstrip("/")
    assert invited["lecturer"].rpartition("/")[2] not in host.url
    host.goto(f"{origin}/present?lesson=what-memory-adds&step=3")
    guest = opened(chromium, invited["guests"], viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    assert guest.url == f"http://{ADDRESS}:{invited['guests'].split(':')[2].split('/')[0]}/"
    guest.get_by_label("Your word").fill("Vermeer")
    guest.get_by_role("button", name="Guess").click()
    expect(guest.get_by_text("Your guess: Vermeer")).to_be_visible()
    expect(host.get_by_text("1 guessed, 1 are here.")).to_be_visible()
    smallest = host.evaluate(
        "Math.min(...[...document.querySelectorAll('[data-testid=stMain] :is(p, h1)')].filter(e => e.innerText.trim())"
        ".filter(e => !e.closest('button, a')).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 28
    expect(host.get_by_test_id("stSidebar")).to_be_hidden()
    for stage in range(2, 7):
        host.keyboard.press("Space")
        host.wait_for_url(f"**stage={stage}**")
    expect(guest.get_by_text("not right")).to_be_visible()
    for page in (host, guest):
        expect(page.get_by_role("table", name="Guesses of the class beside model and memory")).to_contain_text("1.00")
    host.screenshot(path=tmp_path / "lecturer.png")
    guest.screenshot(path=tmp_path / "guest.png", full_page=True)
    guest.goto(guest.url + "edit")  # a page that guests do not have
    expect(guest.get_by_role("heading", name="Guess")).to_be_visible()
    expect(guest.get_by_text("Edit memory")).to_have_count(0)
    stranger = chromium.new_context().new_page()
    for address in (guest.url, origin):
        answer = stranger.goto(address)
        assert answer is not None
        assert answer.status == 403
