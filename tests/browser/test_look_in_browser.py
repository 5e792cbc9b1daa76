"""Look closer, view by view, as a person uses it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from memlab import Lab
from tests.browser.navigation import idle

pytestmark = pytest.mark.browser

PROMPT = "The capital of France is [MASK]."
ASK = f"ask?prompt={quote(PROMPT)}"
VIEWS = ("Drop neighbors", "Why retrieved", "Layers", "Map", "Sweep", "Key health")


Window = Callable[..., Page]


def choice(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True)


def drawn(page: Page) -> Locator:
    """The chart of the view: the only one of the page."""
    return page.locator(".js-plotly-plot").first


def look(window: Window, view: str) -> Page:
    page = window(f"{ASK}&panel={quote(view)}")
    page.get_by_role("heading", name="Look closer").wait_for()
    drawn(page).locator(".main-svg").first.wait_for()
    idle(page)
    return page


def parameters(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(page.url).query).items()}


def rows(page: Page) -> list[dict[str, str]]:
    """The view's file."""
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    return list(csv.DictReader(Path(download.value.path()).read_text("utf-8").splitlines()))


def test_views_open_in_turn_and_nothing_moves_under_the_cursor(window: Window, tmp_path: Path) -> None:
    page = window(ASK)
    page.get_by_role("heading", name="Look closer").wait_for()
    page.locator(".line").first.wait_for()
    idle(page)
    assert page.locator(".js-plotly-plot").count() == 0
    choice(page, VIEWS[0]).click()
    drawn(page).wait_for()
    idle(page)
    page.get_by_role("heading", name="Look closer").evaluate("e => e.scrollIntoView({block: 'start'})")
    place = choice(page, VIEWS[0]).bounding_box()
    for view in (*VIEWS[1:], VIEWS[0]):
        choice(page, view).click()
        page.wait_for_url(re.compile(f"panel={view.split()[0]}"))
        drawn(page).locator(".main-svg").first.wait_for()
        idle(page)
        assert choice(page, VIEWS[0]).bounding_box() == place
        page.screenshot(path=tmp_path / f"{view.split()[0].lower()}.png")
        assert page.locator("[data-testid=stAlert], [data-testid=stException]").count() == 0


def test_drop_neighbors_find_the_smallest_set_and_go_to_forget_it(window: Window, lab: Lab) -> None:
    p = lab.ask(PROMPT)
    found = lab.explain.smallest_set(p)
    page = look(window, "Drop neighbors")
    boxes = page.get_by_test_id("stMain").get_by_role("checkbox")
    expect(boxes.first).to_be_checked()
    page.get_by_test_id("stCheckbox").first.locator("label").click()
    page.wait_for_url(re.compile(f"without={p.neighbors[0].entry}(&|$)"))
    one = lab.again(p, without=[p.neighbors[0].entry])
    expect(page.get_by_text(f"{one.mixture[0].p:.2f} without 1 passage")).to_be_visible()

    page.get_by_role("button", name="Find the smallest set").click()
    expect(page.get_by_text("No smaller set does it (proven)")).to_be_visible()
    expect(page.get_by_text("another answer")).to_be_visible()
    idle(page)
    assert parameters(page)["without"] == ",".join(map(str, found.entries))

    second = window(page.url.split("/", 3)[3])
    expect(second.get_by_text("another answer")).to_be_visible()
    second.get_by_role("link", name="Forget these for real").click()
    second.wait_for_url("**/edit?**")
    expect(second.get_by_label("Entries")).to_have_value(", ".join(map(str, found.entries)))
    expect(second.get_by_text("Will be forgotten: 2 places")).to_be_visible()


def test_why_retrieved_shows_words_by_neighbors(window: Window, lab: Lab) -> None:
    result = lab.explain.occlusion(lab.ask(PROMPT))
    page = look(window, "Why retrieved")
    shown = drawn(page).locator(".ytick text").all_text_contents()
    assert [text.strip() for text in shown] == [word.text for word in result.words]
    table = rows(page)
    assert len(table) == len(result.words) * len(result.neighbors)
    assert float(table[0]["change"]) == pytest.approx(float(result.change[0, 0]), abs=1e-4)


def test_layers_show_the_kind_before_the_answer(window: Window) -> None:
    page = look(window, "Layers")
    expect(drawn(page).get_by_text("any city")).to_be_visible()
    expect(page.get_by_text("asks for a fact of the bundled world: Paris")).to_be_visible()
    table = rows(page)
    assert [row["layer"] for row in table] == [str(i) for i in range(len(table))]
    assert all(float(row["right answer"]) <= float(row["right kind"]) + 1e-6 for row in table)


def test_the_map_includes_other_words_on_demand(window: Window) -> None:
    page = look(window, "Map")
    few = rows(page)
    expect(page.get_by_text("of the variance of these keys")).to_be_visible()
    page.get_by_text("Include the nearest entries with other words").click()
    page.wait_for_url(re.compile("others=true"))
    expect(drawn(page).get_by_text("not a neighbor")).to_be_visible()
    idle(page)
    more = rows(page)
    assert {row["role"] for row in few} == {"neighbor"}
    assert {row["role"] for row in more} == {"neighbor", "other"}


def test_a_sweep_follows_the_setting_and_the_slider(window: Window, lab: Lab) -> None:
    page = look(window, "Sweep")
    choice(page, "k").click()
    page.wait_for_url(re.compile("over=k(&|$)"))
    expect(drawn(page).get_by_text("neighbors k")).to_be_visible()
    idle(page)
    before = rows(page)
    assert [row["answer"] for row in before] == list(lab.explain.sweep(lab.ask(PROMPT), "k").answers)

    knob = page.get_by_test_id("stMain").get_by_role("slider")
    knob.focus()
    knob.press("ArrowLeft")
    page.wait_for_url(re.compile("lam="))
    idle(page)
    lam = float(parameters(page)["lam"])
    after = rows(page)
    name = "p(Paris)"
    assert float(after[-1][name]) == pytest.approx(lab.ask(PROMPT, lam=lam).mixture[0].p, abs=1e-6)
    assert after[-1][name] != before[-1][name]


def test_key_health_places_the_question(window: Window, lab: Lab) -> None:
    result = lab.explain.health(lab.ask(PROMPT))
    page = look(window, "Key health")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"{result.keys.same_value:.0%}")
    expect(drawn(page).get_by_text("question", exact=True)).to_be_visible()
    table = rows(page)
    assert (len(table), table[-1]["of"]) == (len(result.keys.nearest) + 1, "question")
