"""Keys, phones, what moves under the cursor, how long a slider takes, views kept as steps and side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from statistics import median
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from memlab import Lab
from memlab.figures import layers
from tests.browser.navigation import idle, visit

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
PROMPT = "The capital of France is [MASK]."
ASK = f"ask?prompt={quote(PROMPT)}"
PHONE = {"width": 420, "height": 900}
VIEWS = ("Drop neighbors", "Why retrieved", "Layers", "Map", "Sweep", "Key health")


def chosen(page: Page, view: str) -> None:
    expect(page.get_by_test_id("stMain").get_by_role("radio", name=view, exact=True)).to_be_checked()


def test_keys_do_the_main_actions_and_rest_while_one_types(window: Window) -> None:
    page = window(ASK)
    page.get_by_role("heading", name="Look closer").wait_for()
    idle(page)
    open_before = len(page.context.pages)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.click()
    prompt.press("End")
    page.keyboard.type(" lanpsb LANPSB")
    idle(page)
    assert prompt.input_value() == f"{PROMPT} lanpsb LANPSB"
    assert ("panel=" in page.url, "a=" in page.url, len(page.context.pages)) == (False, False, open_before)
    prompt.fill(PROMPT)
    prompt.press("Enter")
    prompt.blur()
    idle(page)
    page.keyboard.press("l")
    chosen(page, VIEWS[0])
    expect(page.get_by_role("heading", name="Look closer")).to_be_in_viewport()
    for key, view in (("n", VIEWS[1]), ("b", VIEWS[0]), ("b", VIEWS[-1]), ("n", VIEWS[0])):
        idle(page)
        page.keyboard.press(key)
        chosen(page, view)
    idle(page)
    page.keyboard.press("p")
    expect(page.get_by_role("heading", name="A and B side by side")).to_be_visible()
    idle(page)
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    told = opened.value
    expect(told.get_by_role("button", name="Next")).to_be_enabled()
    assert "present?" in told.url


PAGES = {
    "guide": "",
    "ask": "ask",
    **{f"ask, {view}": f"{ASK}&panel={quote(view)}" for view in VIEWS},
    "comparison": f"{ASK}&lam=0.1&{urlencode({'a': urlencode({'prompt': 'The capital of Japan is [MASK].'})})}",
    "batch": "batch",
    "read": f"read?{urlencode({'text': 'The capital of Myanmar is Naypyidaw.'})}",
    "generate": f"generate?{urlencode({'prompt': 'The capital of Norway is', 'moves': 'g6'})}",
    "edit": "edit",
    "history": "history",
    "workspaces": "workspaces",
    "memories": "memories",
    "lessons": "lessons",
    "passages": "present?lesson=what-memory-adds&step=3&stage=3",
    "mixture": "present?lesson=what-memory-adds&step=3&stage=6",
}
# The page and its scrolling part are as wide as the window, and whatever can be clicked lies within it.
WIDTHS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const beyond = [...main.querySelectorAll('button, a, input:not([type=range]), textarea, h1, h2, h3, p')]
    .filter(e => !e.closest('[data-testid=stDataFrame], [data-testid=stCheckbox]')) // they cut what is too long
    .filter(e => e.offsetParent)
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.innerText || e.outerHTML.slice(0, 80));
  return [document.documentElement.scrollWidth, main.scrollWidth, beyond];
}"""


def find(page: Page, part: str) -> None:
    """Ctrl-K, a part of a line, Enter."""
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_label("Find")).to_be_focused()
    idle(page)  # nobody types so fast that the page is still drawing
    page.keyboard.type(part, delay=10)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    idle(page)


def test_ctrl_k_leads_to_pages_questions_facts_and_articles(window: Window) -> None:
    """Also where the address of what is found names what controls of the page are bound to: model, memory, article."""
    page = window(f"{ASK}&workspace=default")
    page.get_by_role("heading", name="Who said it").wait_for()
    idle(page)
    find(page, "Page: History")
    expect(page.get_by_role("heading", name="History", level=1)).to_be_visible()
    expect(page).to_have_title("History · memlab")
    find(page, "Asked: The capital of France")
    expect(page).to_have_title(f"{PROMPT} · memlab")
    find(page, "Fact: Japan · capital")
    expect(page).to_have_title("The capital of Japan is [MASK]. · memlab")
    for title in ("Marie Curie", "Paris"):
        find(page, f"Article: {title}")
        expect(page).to_have_title(f"Read: {title} · memlab")
        assert parse_qs(urlsplit(page.url).query)["article"] == [title]


def test_back_leads_to_the_page_and_to_the_question_before_in_one_step(window: Window) -> None:
    """What a page adds to its address by itself (a method that was carried there, tokens that it makes) is no step."""
    page = window(f"ask?{urlencode({'prompt': 'The capital of Norway is', 'method': 'spalm'})}")
    for link, title in (("Open in Read", "Read"), ("Open in Generate", "Generate")):
        page.get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        idle(page)
        page.go_back()
        expect(page).to_have_title("The capital of Norway is · memlab")
        expect(page.get_by_role("button", name="SPALM")).to_be_visible()
        idle(page)
    prompt = page.get_by_label("Prompt", exact=True)
    for text in ("The capital of Peru is", "The capital of Japan is"):
        prompt.fill(text)
        prompt.press("Enter")
        expect(page).to_have_title(f"{text} · memlab")
        idle(page)
    for text in ("The capital of Peru is", "The capital of Norway is"):
        page.go_back()
        expect(page).to_have_title(f"{text} · memlab")
        expect(prompt).to_have_value(text)
        idle(page)


def test_every_page_fits_a_phone(window: Window) -> None:
    page = window()
    page.set_viewport_size(PHONE)
    wide = {}
    for name, path in PAGES.items():
        visit(page, path)
        idle(page)
        if (view := name.removeprefix("ask, ")) in VIEWS:
            chosen(page, view)
        whole, main, beyond = page.evaluate(WIDTHS)
        if max(whole, main) > PHONE["width"] or beyond:
            wide[name] = (whole, main, beyond)
    assert wide == {}


# From now on: the top of everything named, at every frame.
WATCH = """names => {
  window.tops = Object.fromEntries(names.map(name => [name, new Set()]));
  const roots = () => [...document.querySelectorAll('[data-testid=stMain] *')].map(e => e.shadowRoot).filter(Boolean);
  const look = () => {
    const inside = roots();  // a component has a root of its own
    for (const name of names) {
      const seen = [...inside, document].map(root => root.querySelector(name)).find(Boolean);
      if (seen) window.tops[name].add(Math.round(seen.getBoundingClientRect().top));
    }
    requestAnimationFrame(look);
  };
  look();
}"""
STILL = ("input[type=range]", "table", ".st-key-panel")
# Milliseconds from a message to the server to its last answer.
CLOCK = """
  window.turns = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (!this.heard) this.addEventListener('message', () => {
      const turn = window.turns.at(-1);
      if (turn) turn.last = performance.now();
    });
    this.heard = true;
    window.turns.push({first: performance.now(), last: null});
    return send.call(this, data);
  };
"""


def test_a_slider_moves_the_answer_and_nothing_else(window: Window) -> None:
    page = window()
    page.add_init_script(CLOCK)
    page.goto(f"{page.url.rstrip('/')}/ask?prompt={quote('The painter of Mona Lisa was [MASK].')}&lam=0.2")
    page.get_by_role("heading", name="Look closer").wait_for()
    idle(page)
    thumb = page.get_by_test_id("stMain").get_by_role("slider").first
    thumb.focus()
    idle(page)
    page.evaluate(WATCH, list(STILL))
    page.evaluate("window.turns = []")
    for step in range(21, 31):  # over the tipping point at 0.24
        thumb.press("ArrowRight")
        page.wait_for_url(re.compile(rf"lam={step / 100:g}(&|$)"))
        idle(page)
    moved = page.evaluate("() => Object.fromEntries(Object.entries(window.tops).map(([k, v]) => [k, [...v]]))")
    assert {name: len(tops) for name, tops in moved.items()} == dict.fromkeys(STILL, 1), moved
    took = page.evaluate("window.turns.filter(t => t.last).map(t => t.last - t.first)")
    assert len(took) >= 10
    print(f"a slider move takes {median(took):.0f} ms from message to last answer (median of {len(took)})")


@pytest.fixture
def lesson(lab: Lab) -> Iterator[str]:
    """The name that the lesson of a test gets; it is deleted in the end."""
    yield "kept-in-the-browser"
    lab.lessons.delete("kept-in-the-browser")


def test_a_view_is_kept_as_a_step_and_a_report_holds_the_open_view(window: Window, lesson: str) -> None:
    page = window(f"{ASK}&panel=Layers")
    page.get_by_role("heading", name=layers.QUESTION).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    text = download.value.path().read_text("utf-8")
    assert layers.QUESTION in text
    page.get_by_role("button", name="Add to a lesson").click()
    page.get_by_label("Title of the lesson").fill("Kept in the browser")
    page.get_by_label("Title of the step").fill("Layers of France")
    page.get_by_role("button", name="Add this view").click()
    expect(page.get_by_text("Step 1 of Kept in the browser")).to_be_visible()
    page.goto(f"{page.url.split('/ask')[0]}/present?lesson={lesson}&stage=6")
    expect(page.get_by_role("heading", name="Layers of France")).to_be_visible()
    with page.expect_popup() as opened:  # beside the lesson, which stays open
        page.get_by_role("link", name="Open this view").click()
    opened.value.wait_for_url("**panel=Layers**")
    expect(opened.value.get_by_role("heading", name=layers.QUESTION)).to_be_visible()
    expect(page.get_by_role("heading", name="Layers of France")).to_be_visible()
