"""The main paths through the Ask page as a person takes them."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from memlab import Lab
from tests.browser.navigation import expect_navigation, go_to, idle, in_theme

pytestmark = pytest.mark.browser

PROMPT = "The capital of France is [MASK]."
ASK = f"ask?prompt={quote(PROMPT)}"
PANELS = ("Model alone", "Memory", "Mixture")
FORMULA = re.compile(r"([\d.]+) × (<?[\d.]+) \+ ([\d.]+) × (<?[\d.]+) = (<?[\d.]+)")

Window = Callable[..., Page]


def formulas(page: Page) -> list[tuple[float, ...]]:
    """The numbers of each formula line: lambda, memory, 1 - lambda, model, mixture."""
    page.locator(".line").first.wait_for()
    text = "\n".join(page.locator(".line").all_inner_texts())
    return [tuple(float(n.lstrip("<")) for n in found.groups()) for found in FORMULA.finditer(text)]


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def corner(seen: Locator) -> tuple[float, float]:
    """The right and lower edge of what is shown, in pixels of the window."""
    seen.wait_for()
    box = seen.bounding_box()
    assert box is not None
    return box["x"] + box["width"], box["y"] + box["height"]


def test_type_move_lambda_open_source_and_share(window: Window, tmp_path: Path) -> None:
    page = window("ask")  # the server's first visitor: not through the Guide
    expect_navigation(page)
    page.get_by_label("Prompt").fill(PROMPT)
    page.get_by_label("Prompt").press("Enter")
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    assert parameters(page)["prompt"] == PROMPT
    for lam, memory, rest, model, mixture in formulas(page):
        assert lam + rest == pytest.approx(1)
        assert lam * memory + rest * model == pytest.approx(mixture, abs=0.016)

    before = formulas(page)[0][0]
    knob = page.get_by_test_id("stMain").get_by_role("slider")
    knob.focus()
    for _ in range(5):
        knob.press("ArrowRight")
    page.wait_for_url(re.compile(f"lam={before + 0.05:g}(&|$)"))  # the slider reports a moment after the last key
    idle(page)
    assert formulas(page)[0][0] == pytest.approx(before + 0.05)

    page.locator("[class*=st-key-ask-open] button").first.click()
    panel = page.locator("mark[style*='color:#fff'], mark[style*='color: rgb(255, 255, 255)']")
    panel.wait_for()
    idle(page)
    assert panel.inner_text()
    page.screenshot(path=tmp_path / "source.png", full_page=True)

    second = window(page.url.split("/", 3)[3])
    second.get_by_role("button", name="Close").wait_for()
    idle(second)
    assert formulas(second) == formulas(page)
    assert second.get_by_label("Prompt").input_value() == PROMPT
    assert parameters(second) == parameters(page)


# From now on: the moments at which the page is drawn.
WATCH = """() => {
  performance.clearMeasures();
  window.moments = [];
  const look = now => { window.moments.push(now); requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""
FRAME = 50  # milliseconds
RECORDING = "MEMLAB_FRAMES"  # a file that gets the frames of the slider, where the environment names one


def recorded(frames: list[tuple[float, float]], file: str | None) -> None:
    """Writes (start, duration) of the frames as CSV, in milliseconds, the first one at 0."""
    if file:
        lines = [f"{start - frames[0][0]:.1f},{duration:.2f}" for start, duration in frames]
        Path(file).write_text("\n".join(["time,milliseconds", *lines, ""]), "utf-8")


def test_the_answer_follows_lambda_while_it_is_dragged(window: Window, lab: Lab) -> None:
    page = window(ASK.replace("France", "Fiji"))
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    knob = page.get_by_test_id("stMain").get_by_role("slider")
    box = knob.bounding_box()
    assert box is not None
    before, address, middle = formulas(page), page.url, box["y"] + box["height"] / 2
    page.evaluate(WATCH)
    page.mouse.move(box["x"] + box["width"] * before[0][0], middle)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.9 - 0.8 * step / 60), middle)
        if step == 30:  # it follows before anything was asked again
            page.wait_for_timeout(50)
            now = formulas(page)
            assert now[0][0] != before[0][0]
            assert page.url == address
            for lam, memory, rest, model, mixture in now:
                assert lam * memory + rest * model == pytest.approx(mixture, abs=0.016)
    page.mouse.up()
    page.wait_for_url(re.compile("lam=0"))
    idle(page)
    frames = page.evaluate("performance.getEntriesByName('memlab-mixture').map(f => [f.startTime, f.duration])")
    recorded(frames, os.environ.get(RECORDING))
    took = [duration for _, duration in frames]
    gaps = page.evaluate("window.moments.slice(1).map((now, n) => now - window.moments[n])")
    print(
        f"a frame of the slider takes {median(took):.1f} ms (median of {len(took)}, longest {max(took):.1f} ms); "
        f"the page was drawn every {median(gaps):.1f} ms"
    )
    assert len(took) >= 5
    # One frame of many may be interrupted by another program on a busy machine: the second longest counts.
    assert sorted(took)[-2] < FRAME
    # At rest the page shows what the engine says.
    lam = float(parameters(page)["lam"])
    p = lab.ask("The capital of Fiji is [MASK].", lam=lam)
    assert formulas(page)[0][4] == pytest.approx(p.mixture[0].p, abs=0.0051)
    assert page.locator(".sentence .chip").inner_text() == p.answer
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    assert json.loads(Path(download.value.path()).read_text())["settings"]["lam"] == lam


def test_the_answer_fits_a_projector(window: Window, tmp_path: Path) -> None:
    page = window(ASK)
    page.get_by_role("heading", name="Who said it").wait_for()
    for theme in ("light", "dark"):
        in_theme(page, theme)
        idle(page)
        page.screenshot(path=tmp_path / f"ask-{theme}.png")
        table = page.get_by_role("table").first
        for seen in (*(table.get_by_role("columnheader", name=title) for title in PANELS), page.locator(".line").last):
            right, bottom = corner(seen)
            assert right <= 1280
            assert bottom <= 800


# From now on: how far things jump without a click or key just before (cumulative layout shift).
SHIFTS = """() => {
  window.shifted = 0;
  const add = list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifted += e.value; };
  new PerformanceObserver(add).observe({ type: 'layout-shift' });
}"""
STILL = 0.1


def stands(page: Page) -> None:
    """Until the page has not grown for a second: on a busy machine its last parts come late. Counts shifts from then on."""
    same, height = 0, 0
    while same < 4:
        page.wait_for_timeout(250)
        now = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        same, height = (same + 1 if now == height else 0), now
    page.evaluate("window.shifted = 0")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_guide(window: Window, tmp_path: Path, theme: str) -> None:
    page = window(theme=theme)
    idle(page)
    page.screenshot(path=tmp_path / f"guide-{theme}.png")
    page.evaluate(SHIFTS)
    stands(page)
    page.get_by_role("link", name="Ask this").first.click()
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    shifted = page.evaluate("window.shifted")
    print(f"layout shift of a click on a story: {shifted:.3f}")
    assert shifted < STILL
    assert parameters(page)["prompt"]
    assert formulas(page)


def test_a_story_starts_from_its_own_settings(window: Window) -> None:
    page = window(f"{ASK}&lam=0.9&k=5")
    page.get_by_role("heading", name="Who said it").wait_for()
    go_to(page, "Guide")
    page.get_by_role("link", name="Ask this").first.click()
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    assert "k" not in parameters(page)
    assert formulas(page)[0][0] != pytest.approx(0.9)


def test_the_view_survives_a_visit_to_the_guide(window: Window) -> None:
    page = window(f"{ASK}&lam=0.9")
    page.get_by_role("heading", name="Who said it").wait_for()
    go_to(page, "Guide")
    page.get_by_role("heading", name="Words").wait_for()
    go_to(page, "Ask")
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    assert formulas(page)[0][0] == pytest.approx(0.9)
    assert page.get_by_label("Prompt").input_value() == PROMPT


def test_exports_equal_what_is_shown(window: Window) -> None:
    page = window(ASK)
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    answer = json.loads(Path(download.value.path()).read_text())
    assert answer["prompt"] == PROMPT
    assert [row["value"] for row in rows] == [n["value"] for n in answer["neighbors"]]
    shown = page.locator("[data-testid=stMain] mark").all_inner_texts()
    assert shown == [row["value"] for row in rows][: len(shown)]
    assert formulas(page)[0][4] == pytest.approx(answer["mixture"][0]["p"], abs=0.0051)


NASTY = (
    "<script>window.hit=1</script> $x^2$ **b** _i_ `c` :smile: :red[r] [l](http://a.b) www.a.b a@b.cd -> -- ~s~ &amp;"
)


def test_markup_is_shown_as_text(window: Window) -> None:
    page = window(f"ask?method={quote(NASTY)}&prompt={quote(NASTY + ' [MASK].')}")
    page.locator("[data-testid=stAlert]").first.wait_for()
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    alert = page.locator("[data-testid=stAlert]").first
    assert NASTY in alert.inner_text().replace("\u2060", "")
    assert alert.locator("a, code, em, strong, del, .katex, script").count() == 0
    expect(page.locator(".sentence")).to_contain_text(NASTY[-80:])
    assert page.evaluate("window.hit") is None


def test_switching_the_theme_keeps_the_charts_readable(window: Window, tmp_path: Path) -> None:
    page = window(ASK)
    page.get_by_role("heading", name="Who said it").wait_for()
    page.get_by_test_id("stMainMenu").get_by_role("button").click()
    page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    page.keyboard.press("Escape")
    idle(page)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(16, 21, 30)")
    page.screenshot(path=tmp_path / "switched.png")
    word = page.locator("tbody th").first
    color = word.evaluate("node => getComputedStyle(node).color")
    assert min(int(part) for part in re.findall(r"\d+", color)[:3]) > 120
