"""Every page in both themes through axe-core, with the header and the navigation that Streamlit draws: no serious finding.

The npm package is fetched for the run, and is no part of memlab. The pages are looked at in a window of a laptop, the drawer of
the navigation, which is there on a phone, on one of them.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from memlab.ui.app.navigation import groups

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = "axe-core@4.14.1"
MINUTE = 60
PROMPT = quote("The capital of France is [MASK].")
VIEWS = {  # pages that are empty without an address, and the one that has none
    "guide": "",
    "ask": f"ask?prompt={PROMPT}",
    "read": f"read?text={quote('The capital of Myanmar is Naypyidaw.')}",
    "generate": f"generate?prompt={quote('The capital of Norway is')}&moves=g5",
    "present": f"present?prompt={PROMPT}",
}
# The label of a token of a strip says in a sentence what its column shows in signs ("memory helps by 0.3" for a small "m"
# with a bar), so it does not repeat these signs. Every other label has to begin with what one sees.
FINDINGS = """async () => {
  const meant = (v, node) => v.id === "label-content-name-mismatch" && node.html.includes("data-token=")
  const rules = { "label-content-name-mismatch": { enabled: true } }
  const found = await axe.run({ resultTypes: ["violations"], rules })
  return found.violations
    .map(v => ({ ...v, nodes: v.nodes.filter(node => !meant(v, node)) }))
    .filter(v => v.nodes.length && ["serious", "critical"].includes(v.impact))
    .map(v => ({ id: v.id, help: v.help, where: v.nodes.slice(0, 3).map(n => n.target.join(" ")), html: v.nodes[0].html.slice(0, 300) }))
}"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, fetched by npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, check=True, capture_output=True, timeout=MINUTE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"npm cannot fetch {AXE}: no network?")
    (package,) = folder.glob("*.tgz")
    return script_of(package)


def script_of(package: Path) -> str:
    with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode("utf-8")


def findings(page: Page, axe: str) -> list[dict[str, Any]]:
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_selector("#memlab-skip", state="attached")  # with it come the colors of keys and captions
    page.wait_for_timeout(500)
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(FINDINGS)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_finding(window: Callable[..., Page], axe: str, theme: str) -> None:
    page = window(theme=theme)
    bad = {}
    for name in [there.name for pages in groups().values() for there in pages]:
        page.goto(f"{page.url.split('/', 3)[0]}//{page.url.split('/')[2]}/{VIEWS.get(name, name)}")
        page.wait_for_selector("[data-testid=stMain] h1")
        if found := findings(page, axe):
            bad[name] = found
    assert not bad


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_drawer_of_a_phone_has_no_serious_finding(window: Callable[..., Page], axe: str, theme: str) -> None:
    page = window("history", theme=theme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNavLink").first.wait_for()
    assert not findings(page, axe)
    assert (
        page.get_by_role("list").filter(has_text="Batch").get_by_role("link").count() == 4
    )  # Ask, Batch, Read, Generate
