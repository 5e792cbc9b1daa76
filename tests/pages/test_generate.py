"""The Generate page: first view, a link, steps, another token, bad addresses, exports, long generations."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import threading
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.corpus.lessons import bundled_lessons
from memlab.figures.generated import changed_first
from memlab.lab.view_address import arguments_of, tokens_of
from memlab.reading import generating
from memlab.reading.decoding import Decoding, choose
from memlab.results.moves import moves_of
from memlab.ui.generate.prompt import EXAMPLES
from memlab.ui.generate.view import AT_ONCE

GENERATE = "pages/generate.py"
PROMPT = "The capital of Norway is"
NASTY = "<script>alert(1)</script> $x^2$ **b** :smile: Oslo"

Open = Callable[..., AppTest]


def strip(page: AppTest) -> str:
    """HTML of the generated text, as its component gets it."""
    (shown,) = page.get("bidi_component")
    return str(json.loads(shown.proto.json)["html"])


def said(page: AppTest) -> list[str]:
    """The tokens of the text with memory, without their marks."""
    found = re.findall(r'<span class="t[^>]*data-token[^>]*>(.*?)</span>', strip(page))
    return [html.unescape(re.sub(r"<(sup|i)>.*?</\1>|<[^>]+>", "", token)) for token in found]


def texts(page: AppTest) -> str:
    """All that st.html and st.markdown say, without tags and escapes."""
    whole = "\n".join(element.value for element in (*page.html, *page.markdown, *page.caption))
    return html.unescape(re.sub(r"<[^>]+>|\\", "", whole))


def address(page: AppTest, name: str) -> str:
    value = page.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


def click(page: AppTest, key: str) -> AppTest:
    """One button; a second run where the page draws itself anew."""
    next(button for button in page.button if str(button.key).startswith(key)).click().run()
    return page


def test_first_view_offers_examples_in_which_memory_matters(open_page: Open, lab: Lab) -> None:
    page = open_page(GENERATE)
    assert not page.exception
    assert not page.error
    assert "Continue a prompt with and without memory" in [s.value for s in page.subheader]
    click(page, "generate.first.")
    assert not page.exception
    assert not page.error
    assert address(page, "prompt") == next(iter(EXAMPLES.values()))
    assert said(page)
    for title, prompt in EXAMPLES.items():
        pair = lab.trees.replay(prompt, "g20")
        shown = click(open_page(GENERATE), f"generate.first.{title}")
        assert shown.number_input(key="step").value == changed_first(pair.with_memory)
        assert pair.parted is not None
        assert pair.with_memory.copied


def test_a_link_restores_text_step_and_split(open_page: Open, lab: Lab) -> None:
    pair = lab.trees.replay(PROMPT, "g12", temperature=0.7, top_p=0.9, seed=5, k=32, lam=0.5)
    page = open_page(
        GENERATE, prompt=PROMPT, moves="g12", step="3",
        **{"generate.temperature": "0.7", "generate.top_p": "0.9", "generate.seed": "5", "generate.k": "32", "generate.lam": "0.5"},
    )  # fmt: skip
    assert not page.exception
    assert not page.error
    tokens = [t.text.strip() for t in pair.with_memory.tokens]
    assert said(page) == tokens
    assert page.number_input(key="step").value == 3
    told = texts(page)
    assert pair.without_memory is not None
    assert pair.without_memory.text in told
    token = pair.with_memory.tokens[3]
    assert f"{pair.with_memory.text[: token.start]} {token.text.strip()}" in told
    assert page.get("plotly_chart")
    step = lab.generation.step(pair.with_memory, 3)
    assert all(n.right.split()[0] in told for n in step.neighbors[:4] if n.right.split())
    alone = open_page(GENERATE, prompt=PROMPT)
    assert address(alone, "moves") == "g20"


def test_token_by_token_says_what_is_said_at_once(open_page: Open, lab: Lab) -> None:
    page = open_page(GENERATE)
    page.text_input(key="generate.prompt").set_value(PROMPT)
    next(b for b in page.button if b.label == "Next token").click().run()
    for _ in range(2):
        next(b for b in page.button if b.label == "Next token").click().run()
    assert not page.exception
    assert address(page, "moves") == "g1.g1.g1"
    at_once = lab.generate(PROMPT, max_tokens=3)
    assert said(page) == [t.text.strip() for t in at_once.tokens]
    assert page.number_input(key="step").value == 2
    click(page, "generate.more")
    assert address(page, "moves") == "g1.g1.g1.g20"
    assert said(page) == [t.text.strip() for t in lab.generate(PROMPT, max_tokens=23).tokens]


def test_another_token_makes_a_branch_and_both_can_be_shown(open_page: Open, lab: Lab) -> None:
    page = open_page(GENERATE, prompt=PROMPT, moves="g8", step="1")
    before = said(page)
    click(page, "generate.instead.")
    assert not page.exception
    choice = moves_of(address(page, "moves"))[1]
    assert str(choice).startswith("c1-")
    after = said(page)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert len(after) == len(before)
    assert "chosen by you" in strip(page)
    assert [b for b in page.button if str(b.key).startswith("generate.branch.")]
    click(page, "generate.branch.7")
    assert said(page) == before
    again = open_page(GENERATE, prompt=PROMPT, moves=address(page, "moves"))
    assert said(again) == before
    page.text_input(key="generate.other").set_value("Lisbon").run()
    assert "Lisbon" in said(page)
    page.text_input(key="generate.other").set_value("Xyzzy").run()
    assert "There is no token 'Xyzzy'" in page.error[0].value.replace("\\", "")


def test_copied_tokens_name_their_passage(open_page: Open, lab: Lab) -> None:
    prompt = "The euro is the currency of"
    copied = lab.trees.replay(prompt, "g20").with_memory.copied
    page = open_page(GENERATE, prompt=prompt, moves="g20")
    shown = strip(page)
    assert shown.count("<sup>") == len(copied) > 0
    assert f"word for word in {copied[0].document} (1)" in shown
    labels = [box.proto.popover.label for box in page.get("popover")] if page.get("popover") else []
    assert not labels or any(copied[0].document in label for label in labels)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"prompt": " "}, "The prompt is empty"),
        ({"prompt": "Paris is [MASK]."}, "continues a text at its end"),
        ({"moves": "abc"}, "does not describe how a text was generated"),
        ({"moves": "g5.c99-1-3"}, "There is no node 99"),
        ({"moves": "g5.b2"}, "No branch ends with node 2"),
        ({"moves": "g9999"}, "room for 1 to"),
        ({"step": "99"}, "There is no step '99'; the text has steps 0 to"),
        ({"generate.method": "foo"}, "There is no method of generating 'foo'"),
        ({"generate.top_p": "7"}, "top_p is '7'; allowed"),
        ({"generate.knn_temperature": "0"}, "temperature is '0'; allowed"),
        ({"generate.tokens": "0"}, "Tokens at once is '0'"),
        ({"generate.gate": "foo"}, "There is no gate 'foo'"),
        ({"generate.datastore": "nothing"}, "There is no causal datastore 'nothing'"),
    ],
)
def test_a_bad_address_says_what_is_wrong(open_page: Open, asked: dict[str, str], message: str) -> None:
    page = open_page(GENERATE, **{"prompt": PROMPT, **asked})
    assert not page.exception
    assert [e for e in page.error if message in e.value.replace("\\", "").replace("\u2060", "")]
    if asked.get("moves", "").count("."):
        click(page, "generate.restart")
        assert not page.error
        assert said(page)


@pytest.mark.parametrize("method", ["base", "spalm", "spalm+knn-lm"])
def test_every_method_has_its_view(open_page: Open, lab: Lab, method: str) -> None:
    page = open_page(GENERATE, prompt=PROMPT, moves="g6", **{"generate.method": method})
    assert not page.exception
    assert not page.error
    assert said(page) == [t.text.strip() for t in lab.generate(PROMPT, method, max_tokens=6).tokens]
    assert page.get("plotly_chart")


def test_a_masked_model_is_refused_and_an_untrained_gate_offers_training(open_own: Open) -> None:
    page = open_own("app.py", model="atlas-mlm")
    page.switch_page(GENERATE).run()
    assert not page.exception
    assert "causal model" in page.error[0].value
    page = open_own(GENERATE, prompt=PROMPT, moves="g3", **{"generate.gate": "learned"})
    assert not page.exception
    assert not page.error
    assert "Not trained yet" in page.info[0].value
    assert not page.get("bidi_component")


def test_other_settings_begin_a_tree_of_their_own(open_page: Open, lab: Lab) -> None:
    page = open_page(GENERATE, prompt=PROMPT, moves="g8", step="1")
    click(page, "generate.instead.")
    page.select_slider(key="generate.k").set_value(10).run()
    assert not page.error
    assert address(page, "moves") == "g8"
    assert said(page) == [t.text.strip() for t in lab.generate(PROMPT, max_tokens=8, k=10).tokens]


def test_many_tokens_are_a_job_with_progress(open_page: Open, lab: Lab) -> None:
    moves = f"g{AT_ONCE + 5}"
    page = open_page(GENERATE, prompt="In the morning, the", moves=moves)
    assert not page.exception
    job = next(job for job in Lab.open(lab.home).work.jobs() if job.kind == "generate")
    lab.work.wait(job.id, 60)
    page.run()
    assert not page.exception
    assert len(said(page)) == AT_ONCE + 5


def test_stop_shows_what_was_said_and_it_can_go_on(open_page: Open, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go = threading.Event(), threading.Event()

    def slow(p: np.ndarray, decoding: Decoding, position: int) -> int:
        if position == 12:
            reached.set()
            go.wait(60)
        return choose(p, decoding, position)

    monkeypatch.setattr(generating, "choose", slow)
    prompt = "In the evening, the"
    page = open_page(GENERATE, prompt=prompt, moves="g60")
    assert not page.exception
    assert reached.wait(60)
    job = next(job for job in Lab.open(lab.home).work.jobs() if job.kind == "generate" and not job.over)
    lab.work.stop(job.id)
    go.set()
    lab.work.wait(job.id, 60)
    page.run()
    assert not page.exception
    n = len(said(page))
    assert 0 < n < 60
    assert f"Stopped after {n} tokens" in page.warning[0].value
    assert address(page, "moves") == f"g{n}"
    click(page, "generate.more")
    assert said(page) == [t.text.strip() for t in lab.generate(prompt, max_tokens=n + 20).tokens]


def test_exports_say_what_is_shown(open_page: Open, lab: Lab) -> None:
    page = open_page(GENERATE, prompt=PROMPT, moves="g6")
    assert not page.code  # made when it is opened
    page.session_state["generate.python"] = True
    page.run()
    code = page.code[0].value
    scope: dict[str, object] = {}
    exec(code.replace("Lab.open()", f"Lab.open({str(lab.home)!r})"), scope)
    pair = scope["pair"]
    assert [t.text.strip() for t in pair.with_memory.tokens] == said(page)  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(pair.with_memory.csv())))  # type: ignore[attr-defined]
    assert [row["text"].strip() for row in rows] == said(page)


def test_a_prompt_is_shown_as_it_is(open_page: Open) -> None:
    page = open_page(GENERATE, prompt=NASTY, moves="g3")
    assert not page.exception
    assert html.escape(NASTY) in strip(page)
    assert "<script>" not in "".join(element.value for element in page.html)


def test_the_page_takes_the_address_of_a_bundled_step(open_page: Open) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.name == "generating-with-memory")
    asked = {**lesson.steps[-1].parameters, "temperature": "0.5", "seed": "7"}
    page = open_page(GENERATE, **asked)
    assert not page.exception
    assert not page.error
    _, how, moves, *_ = page.session_state["generate.pair"]
    used = arguments_of("generate", asked)
    assert {name: how[name] for name in used} == used
    assert used["method"] == "spalm"
    assert sum(move.tokens for move in moves_of(moves)) == tokens_of(asked) == 12
