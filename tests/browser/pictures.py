"""Takes the pictures of assets/pictures: `PYTHONPATH=. python tests/browser/pictures.py [FOLDER] [NAME ...]`.

Serves the app over a folder of its own with the datastores of the home folder ($MEMLAB_HOME, or the default one), so
that no workspace of somebody is seen, and works in a workspace that it fills with a few edits. The table of pictures, README.md, is written beside them.
A new picture is one more line in PICTURES.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from memlab import Lab
from memlab.bundle import assets, bundle
from memlab.systems.beliefbank.bank import Belief
from tests.browser.conftest import chromium_path
from tests.conftest import link_datastores

WORKSPACE = "pictures"
LARGEST = 150_000  # bytes of a picture
WAIT = 120_000  # milliseconds
PAINTER, CAPITAL = "The painter of Mona Lisa was [MASK].", "The capital of France is [MASK]."
PROMPTS = (
    CAPITAL,
    PAINTER,
    "two [MASK] [MASK]",
    "The capital of Japan is [MASK].",
    "The capital of Wakanda is [MASK].",
    "The writer of the book Odyssey was [MASK].",
    "The capital of France is",
)


@dataclass(frozen=True)
class Picture:
    """A file, the view that it shows, and what is done there before it is taken."""

    name: str
    path: str
    shows: str
    steps: Callable[[Page], None] = lambda page: None
    theme: str = "light"
    size: tuple[int, int] = (1280, 800)


def ask(prompt: str = PAINTER, **view: str) -> str:
    return f"ask?{urlencode({'prompt': prompt, **view})}"


def views(page: Page) -> None:
    """Scrolls to the open view, as the key L does."""
    page.evaluate("document.querySelector('.st-key-panel').scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -60)")


def passages(page: Page) -> None:
    page.get_by_role("heading", name="Who said it").evaluate("e => e.scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -60)")


def smallest_set(page: Page) -> None:
    page.get_by_role("button", name="Find the smallest set").click()
    page.get_by_text("Smallest set:").wait_for()
    views(page)


def many(page: Page) -> None:
    page.get_by_label("Prompts").fill("\n".join(PROMPTS))
    page.get_by_role("button", name="Ask all").click()
    page.get_by_text(f"of {len(PROMPTS)} answered").wait_for()
    page.get_by_test_id("stDataFrame").evaluate("e => e.scrollIntoView({block: 'end'})")


def compared(page: Page) -> None:
    page.get_by_role("heading", name="A and B side by side").evaluate("e => e.scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -80)")


def token(page: Page) -> None:
    """From the picked token on."""
    page.get_by_label("Token", exact=True).evaluate("e => e.scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -110)")


def graph(page: Page) -> None:
    page.locator(".js-plotly-plot").first.evaluate("e => e.scrollIntoView({block: 'end'})")


def step(page: Page) -> None:
    """From the chosen step on."""
    page.get_by_label("Step", exact=True).evaluate("e => e.scrollIntoView({block: 'start'})")
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollBy(0, -110)")


BELIEFS = (("IsA,bird", True, 0.9), ("HasPart,feathers", False, 0.8), ("HasPart,wings", True, 0.7))
A = urlencode({"prompt": CAPITAL, "method": "bert-knn", "as_of": "0", "workspace": WORKSPACE})
TEACH = "edit?" + urlencode({"way": "Teach", "text": "The capital of Wakanda is Birnin."})
READ = "read?" + urlencode(
    {"text": "The capital of Myanmar is Naypyidaw. The discoverer of hydrogen was Henry Cavendish.", "token": "5"}
)
GENERATE = "generate?" + urlencode({"prompt": "The capital of Norway is", "moves": "g20"})
MODIFY = "modify?" + urlencode({"subject": "France", "relation": "capital", "new": "Lyon"})
PHONE, PROJECTOR = (390, 844), (1920, 1080)
LESSON = "present?lesson=what-memory-adds&step=3&stage="
PICTURES = (
    Picture("guide", "", "The Guide: what memlab is, and stories to click."),
    Picture("ask-light", ask(), "Ask: model, memory and mixture, and the formula with live numbers."),
    Picture("ask-dark", ask(), "The same in the dark theme.", theme="dark"),
    Picture(
        "ask-article", ask(source="{source}"), "Ask: the article of a passage, with its sentence marked.", passages
    ),
    Picture("look-drop", ask(panel="Drop neighbors"), "Look closer, drop neighbors: the smallest set.", smallest_set),
    Picture("look-why", ask(panel="Why retrieved"), "Look closer, why retrieved: words hidden in turn.", views),
    Picture("look-layers", ask(panel="Layers"), "Look closer, layers: the kind before the answer.", views),
    Picture(
        "look-map", ask(panel="Map", others="true"), "Look closer, map: question and neighbors in the plane.", views
    ),
    Picture("look-sweep", ask(panel="Sweep"), "Look closer, sweep: where the answer tips with λ.", views),
    Picture("look-health", ask(panel="Key health"), "Look closer, key health: is the question near anything.", views),
    Picture("look-dark", ask(panel="Layers"), "Look closer in the dark theme.", views, theme="dark"),
    Picture("compare", ask(CAPITAL, a=A), "A pinned view beside the present one: before and after an edit.", compared),
    Picture("batch", "batch", "Batch: many prompts; lines that cannot be asked say why.", many),
    Picture("lessons", "lessons", "Lessons: five are bundled, others one makes."),
    Picture("present-guess", f"{LESSON}3", "Present: the passages while the class is guessing."),
    Picture("present", f"{LESSON}6", "Present: the mixture, the last of six steps.", size=PROJECTOR),
    Picture("present-dark", f"{LESSON}6", "The same in the dark theme.", theme="dark", size=PROJECTOR),
    Picture("read", READ, "Read: what memory brings to every token, and what it would say."),
    Picture("read-dark", READ, "Read: one token with its sources, dark.", token, theme="dark"),
    Picture("generate", GENERATE, "Generate: with memory and without; copied spans lead to their passages."),
    Picture("generate-step", GENERATE, "Generate: one step, and what could be said instead.", step),
    Picture("edit", TEACH, "Edit memory: a sentence to teach, and the preview of what it would move."),
    Picture("history", "history", "History: every edit, to undo and redo."),
    Picture("memories", "memories", "Memories: the datastores, and building one."),
    Picture("workspaces", "workspaces", "Workspaces: make, copy, share."),
    Picture("modify", MODIFY, "Modify weights: a fact to train into the weights of a model."),
    Picture("beliefs", "beliefs?thing=swallow", "Beliefs: what a model believes about a thing, as a graph.", graph),
    Picture("models", "models", "Models: what there is, and what each can do here."),
)
DARK = ("guide", "batch", "generate", "modify", "beliefs", "memories", "models", "history")  # also in the dark theme
SMALL = {  # also on a phone, in both themes
    "guide": "The Guide", "ask-light": "Ask", "batch": "Batch", "read": "Read", "generate": "Generate", "present": "Present",
    "modify": "Modify weights", "beliefs": "Beliefs", "memories": "Memories", "models": "Models", "history": "History",
}  # fmt: skip


def all_pictures() -> tuple[Picture, ...]:
    """Those of PICTURES, then some of them in the dark theme and on a phone."""
    dark = [
        replace(picture, name=f"{picture.name}-dark", theme="dark", shows=f"{picture.shows[:-1]}; dark.")
        for picture in PICTURES
        if picture.name in DARK
    ]
    small = [
        replace(picture, name=f"{name}-phone{end}", shows=f"{title} on a phone{said}.", theme=theme, size=PHONE)
        for picture in PICTURES
        if (title := SMALL.get(picture.name)) is not None
        for name in [picture.name.removesuffix("-light")]
        for theme, end, said in (("light", "", ""), ("dark", "-dark", " in the dark theme"))
    ]
    return (*PICTURES, *dark, *small)


def edited(home: str | None) -> Lab:
    """The workspace of the pictures with a few edits, one of them undone."""
    lab = Lab.open(home)
    lab.workspaces.create(WORKSPACE)
    lab = Lab.open(home, WORKSPACE)
    lab.building.bundled()
    facts = {(fact.subject, fact.relation): fact for fact in lab.facts()}
    lab.correct(facts["France", "capital"], "Lyon")
    lab.teach("The capital of Wakanda is Birnin.")
    lab.forget(document="Japan")
    lab.undo(3)
    lab.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in BELIEFS])
    return lab


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of the app."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(bundle() / "app.py"), f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.headless=true"], cwd=bundle(), env={**os.environ, "MEMLAB_HOME": str(home)}
    )
    try:
        for _ in range(300):
            try:
                urlopen(f"http://localhost:{port}/_stcore/health", timeout=2).close()
                break
            except (URLError, OSError):
                time.sleep(0.2)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def idle(page: Page) -> None:
    for _ in range(3):
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(500)


def taken(browser: Browser, address: str, picture: Picture, source: int) -> Image.Image:
    """The picture as a browser shows the view."""
    width, height = picture.size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=picture.theme)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    path = picture.path.replace("%7Bsource%7D", str(source))
    page.goto(f"{address}/{path}{'&' if '?' in path else '?'}workspace={WORKSPACE}")
    page.wait_for_selector("[data-testid=stMain] :is(h1, h3, [data-testid=stAlert])")
    idle(page)
    picture.steps(page)
    idle(page)
    image = Image.open(BytesIO(page.screenshot()))
    context.close()
    return image


def kept(image: Image.Image, file: Path) -> int:
    """Writes the picture with as many colors as fit, and returns its size in bytes."""
    for colors in (256, 128, 64):
        image.convert("RGB").quantize(colors, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= LARGEST:
            return file.stat().st_size
    raise SystemExit(f"{file} has {file.stat().st_size:,} bytes; at most {LARGEST:,} are wanted. Show less in it.")


def table() -> str:
    """The text of the README beside the pictures."""
    rows = [f"| [{picture.name}]({picture.name}.png) | {picture.shows} |" for picture in all_pictures()]
    return "\n".join(
        [
            "# Pictures",
            "",
            "All are taken by one command, in a workspace that it makes:",
            "",
            "```",
            "PYTHONPATH=. python tests/browser/pictures.py",
            "```",
            "",
            "| picture | shows |",
            "| --- | --- |",
            *rows,
            "",
            "`icon.svg` is drawn by hand.",
            "",
        ]
    )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else assets() / "pictures"
    wanted = set(sys.argv[2:])
    unknown = wanted - {picture.name for picture in all_pictures()}
    if unknown:
        raise SystemExit(f"There is no picture {', '.join(sorted(unknown))}.")
    folder.mkdir(parents=True, exist_ok=True)
    own = Lab.open(os.environ.get("MEMLAB_HOME"))
    own.building.bundled()
    with TemporaryDirectory(dir=own.home) as home:  # on the same disk: links take no room
        link_datastores(own.home / "datastores", Path(home))
        lab = edited(home)
        source = lab.ask(PAINTER).neighbors[0].entry
        with served(lab.home) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
            )
            for picture in all_pictures():
                if not wanted or picture.name in wanted:
                    size = kept(taken(browser, address, picture, source), folder / f"{picture.name}.png")
                    print(f"{picture.name:<20} {size / 1000:4.0f} KB", flush=True)
            browser.close()
    (folder / "README.md").write_text(table(), "utf-8")


if __name__ == "__main__":
    main()
