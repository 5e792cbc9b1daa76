"""The Ask page: first view, empty and bad input, a link, exports, markup, sources."""

from __future__ import annotations

import csv
import html
import re
import time
from collections.abc import Callable
from statistics import median

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab, MemlabError
from memlab.ui.plain import plain
from tests.pages.panel import first_p, lam, panel, panels, sentence, tipping

ASK = "pages/ask.py"
PROMPT = "The capital of France is [MASK]."
NEXT = "The capital of France is"
NASTY = "<script>alert(1)</script> $x^2$ **b** `c` :smile: :red[r] [l](http://a.b)"

Open = Callable[..., AppTest]


def texts(page: AppTest) -> list[str]:
    """What each st.html element says, without its tags."""
    return [html.unescape(re.sub(r"<[^>]+>", "", element.value)) for element in page.html]


def marked(page: AppTest) -> list[str]:
    """The remembered words of the neighbor list."""
    found = [re.search(r"<mark[^>]*>(.*?)</mark>.*weight", element.value, re.DOTALL) for element in page.html]
    return [html.unescape(match[1]) for match in found if match]


def ask(page: AppTest, prompt: str) -> AppTest:
    """Type and press Enter."""
    page.text_input(key="prompt").set_value(prompt)
    return page.button[0].click().run()


def test_first_view_offers_examples(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK)
    assert not page.exception
    assert not page.error
    assert not panels(page)
    first = next(button for button in page.button if str(button.key).startswith("ask.first."))
    first.click().run()
    assert not page.exception
    assert page.text_input(key="prompt").value == lab.inventory.stories()[0].prompt
    assert panels(page)


def test_an_answer_shows_model_memory_mixture_and_who_said_it(open_page: Open, lab: Lab) -> None:
    page = ask(open_page(ASK), PROMPT)
    assert not page.exception
    assert not page.error
    p = lab.ask(PROMPT)
    assert sentence(page) == f"The capital of France is {p.answer}."
    assert first_p(page) == pytest.approx(p.mixture[0].p)
    assert marked(page) == [n.value for n in p.neighbors[:6]]
    assert p.tipping.memory_answer in tipping(page)
    assert not page.code  # made when it is opened
    page.session_state["ask.python"] = True
    page.run()
    assert page.code[0].value.strip() == lab.reports.code(p).strip()


@pytest.mark.parametrize("prompt", ["", "   "])
def test_an_empty_prompt_leads_to_the_examples(open_page: Open, prompt: str) -> None:
    page = ask(open_page(ASK), prompt)
    assert not page.exception
    assert not panels(page)
    assert any(str(button.key).startswith("ask.first.") for button in page.button)


@pytest.mark.parametrize(
    ("prompt", "method"),
    [
        ("No gap here.", "bert-knn"),
        ("[MASK] and [MASK].", "bert-knn"),
        ("[MASK] " + "long " * 600, "bert-knn"),
        ("The [MASK] of France is Paris.", "knn-lm"),
    ],
)
def test_bad_prompts_get_the_engines_message_and_stay(open_page: Open, lab: Lab, prompt: str, method: str) -> None:
    page = open_page(ASK, prompt=prompt, method=method)
    assert not page.exception
    with pytest.raises(MemlabError) as raised:
        lab.ask(prompt, method=method)
    assert [error.value.replace("\\", "") for error in page.error] == [" ".join(str(raised.value).split())]
    assert page.text_input(key="prompt").value == prompt


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lam", "2", "from 0 to 1"),
        ("lam", "x", "from 0 to 1"),
        ("k", "0", "from 1 to"),
        ("k", "-5", "from 1 to"),
        ("scale", "-1", "from 0.01 to"),
        ("search", "everywhere", "one of articles, all"),
        ("method", "gpt", "bert-knn"),
        ("datastore", "nowhere", "Available"),
        ("preset", "magic", "calibrated"),
    ],
)
def test_what_an_address_may_not_say_is_named_and_falls_back(
    open_page: Open, name: str, value: str, message: str
) -> None:
    page = open_page(ASK, prompt=PROMPT, **{name: value})
    assert not page.exception
    assert len(page.error) == 1
    assert message in page.error[0].value
    assert panel(page) == panel(open_page(ASK, prompt=PROMPT))


def test_a_link_restores_the_view(open_page: Open, lab: Lab) -> None:
    entry = lab.ask(PROMPT, lam=0.85, k=7).neighbors[2]
    page = open_page(ASK, prompt=PROMPT, method="bert-knn", lam="0.85", k="7", source=str(entry.entry))
    assert not page.exception
    assert not page.error
    assert lam(page) == 0.85
    assert page.select_slider(key="k").value == 7
    assert len(marked(page)) == 6
    assert page.subheader[1].value == entry.document
    article = next(element.value for element in page.html if "pre-wrap" in element.value)
    assert f">{html.escape(entry.value)}</mark>" in article
    assert html.unescape(re.sub(r"<[^>]+>", "", article)) == lab.article(entry.document).text


def test_a_source_that_is_no_neighbor_is_named(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, source="999999999")
    assert "999999999 is not among" in page.error[0].value
    assert marked(page)


def test_opening_and_closing_a_source(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=PROMPT)
    first = lab.ask(PROMPT).neighbors[0]
    page.button(key=f"ask.open.{first.entry}").click().run()
    assert page.query_params["source"] == str(first.entry)
    assert page.subheader[1].value == first.document
    page.button(key="ask.close").click().run()
    assert "source" not in page.query_params
    assert first.document not in [heading.value for heading in page.subheader]


def test_the_next_word_has_its_own_method(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=NEXT, method="knn-lm")
    assert not page.exception
    assert not page.error
    assert sentence(page) == f"{NEXT} {lab.ask(NEXT).answer}"
    assert page.select_slider(key="temperature").value == lab.settings("knn-lm").temperature


# Where the other method can be meant too (a gap at the end, a beginning), the prompt is read for it instead.
@pytest.mark.parametrize(
    ("prompt", "method", "other"),
    [("France is in Europe.", "bert-knn", "knn-lm"), ("The [MASK] of France is Paris.", "knn-lm", "bert-knn")],
)
def test_a_prompt_for_the_other_method_is_one_click_away(
    prompt: str, method: str, other: str, open_page: Open, lab: Lab
) -> None:
    page = open_page(ASK, prompt=prompt, method=method)
    assert "[MASK]" in page.error[0].value
    page.button(key=f"ask.with.{other}").click().run()
    assert not page.error
    assert page.segmented_control(key="method").value == other
    assert lab.ask(prompt).answer in sentence(page)
    assert page.select_slider(key="k").value == lab.settings(other).k
    assert not [b for b in page.button if b.key and b.key.startswith("ask.with.")]


@pytest.mark.parametrize(
    ("typed", "method", "read"),
    [
        ("The capital of France is [MASK]", "", PROMPT),
        ("the capital of france is ____", "", PROMPT),
        ("What is the capital of France?", "", PROMPT),
        (NEXT, "bert-knn", PROMPT),
        (PROMPT, "knn-lm", NEXT),
    ],
)
def test_a_prompt_as_people_type_it_is_read_as_meant(
    typed: str, method: str, read: str, open_page: Open, lab: Lab
) -> None:
    page = open_page(ASK, prompt=typed, **({"method": method} if method else {}))
    assert not page.exception
    assert not page.error
    assert [text.value for text in page.markdown if "Read as" in text.value] == [
        f":material/edit: Read as: **{plain(read)}**"
    ]
    assert (
        sentence(page) == f"{read.partition('[MASK]')[0].rstrip()} {lab.ask(read).answer}{read.partition('[MASK]')[2]}"
    )
    assert page.text_input(key="prompt").value == typed
    assert page.query_params["prompt"] == typed


def test_what_was_typed_is_asked_on_demand_and_a_suggestion_is_one_click(open_page: Open, lab: Lab) -> None:
    typed = "The capital of France is [MASK]"
    page = open_page(ASK, prompt=typed)
    page.button(key="ask.exactly").click().run()
    assert sentence(page) == f"The capital of France is {lab.ask(typed).answer}"
    page = open_page(ASK, prompt="The capital of France is Paris.", method="bert-knn")
    assert "[MASK]" in page.error[0].value
    page.button(key="ask.suggested").click().run()
    assert not page.error
    assert sentence(page) == "The capital of France is Paris."


def test_a_misspelt_name_is_suggested_in_its_right_spelling(open_page: Open) -> None:
    page = open_page(ASK, prompt="The capital of Frnace is [MASK].", method="bert-knn")
    assert "has never met: Frnace" in page.info[0].value
    page.button(key="ask.respelt").click().run()
    assert sentence(page) == "The capital of France is Paris."
    assert not [button for button in page.button if button.key == "ask.respelt"]


def test_right_and_wrong_are_said_with_a_verdict(open_page: Open) -> None:
    page = open_page(ASK, prompt="The painter of Mona Lisa was [MASK].")
    said = panel(page)["verdict"]
    assert said["expected"] == "Leonardo da Vinci"
    assert said["texts"]["false,true"].startswith("Memory helped")
    page.text_input(key="expected").set_value("Raphael | Goya").run()
    assert panel(page)["verdict"]["expected"] == "Raphael | Goya"
    page = ask(page, "The moon is [MASK].")
    assert panel(page)["verdict"] is None  # another prompt has another answer
    assert page.text_input(key="expected").value == ""


def test_presets_and_methods_bring_their_settings(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=PROMPT, lam="0.9")
    page.segmented_control(key="preset").set_value("paper").run()
    paper = lab.settings("bert-knn", preset="paper")
    assert lam(page) == paper.lam
    assert page.select_slider(key="scale").value == paper.scale
    page.segmented_control(key="method").set_value("knn-lm").run()
    assert page.session_state["lam"] == lab.settings("knn-lm", preset="paper").lam
    assert page.select_slider(key="k").value == lab.settings("knn-lm", preset="paper").k


def test_another_method_lets_go_of_the_datastore(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, datastore="atlas-mlm")
    assert page.selectbox(key="datastore").value == "atlas-mlm"
    page.segmented_control(key="method").set_value("knn-lm").run()
    assert not page.exception
    assert page.selectbox(key="datastore").value == "automatic"


def test_lambda_moves_the_answer_and_the_address(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=PROMPT)
    for value in (0.0, 0.37, 1.0):
        page.session_state["lam"] = value  # what the slider does when it rests
        page.run()
        assert lam(page) == value
        assert page.query_params["lam"] == f"{value:g}"
        assert lab.ask(PROMPT, lam=value).answer in sentence(page)


def test_the_address_of_an_earlier_question_brings_its_lambda_and_method_back(open_page: Open, lab: Lab) -> None:
    """What the browser's Back does: another prompt in the address, and the lambda that it was asked with."""
    page = open_page(ASK, prompt=PROMPT, lam="0.55")
    page = ask(page, "The capital of Norway is")
    assert page.segmented_control(key="method").value == "knn-lm"
    assert lam(page) == lab.ask_defaults("knn-lm").lam
    assert page.query_params["prompt"] == "The capital of Norway is"
    page.query_params["prompt"], page.query_params["lam"] = PROMPT, "0.55"
    page.run()
    assert page.text_input(key="prompt").value == PROMPT
    assert page.segmented_control(key="method").value == "bert-knn"
    assert lam(page) == 0.55
    labels = [link.proto.label for link in page.get("link_button")]
    assert {"Open in Read", "Open in Generate"} <= set(labels)


def test_the_exported_table_is_the_shown_one(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=PROMPT)
    rows = list(csv.DictReader(lab.ask(PROMPT).neighbors_csv().splitlines()))
    assert marked(page) == [row["value"] for row in rows[: len(marked(page))]]
    shown = [float(weight) for text in texts(page) for weight in re.findall(r"weight ([\d.]+) ·", text)]
    assert shown == pytest.approx([float(row["weight"]) for row in rows[: len(shown)]], abs=0.00051)
    assert [button.label for button in page.get("download_button")] == [
        "Report",
        "JSON: the whole answer",
        "CSV: the neighbors",
    ]


def test_more_neighbors_on_demand(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=PROMPT, k="20")
    assert len(marked(page)) == 6
    page.button(key="ask.more").click().run()
    assert len(marked(page)) == min(18, len(lab.ask(PROMPT, k=20).neighbors))


def test_markup_in_a_prompt_is_shown_as_text(open_page: Open) -> None:
    prompt = f"{NASTY} is [MASK]."
    page = open_page(ASK, prompt=prompt)
    assert not page.exception
    assert NASTY[-80:] in sentence(page)
    assert not [element for element in page.html if "<script" in element.value]
    assert page.text_input(key="prompt").value == prompt


def test_markup_in_a_message_is_escaped(open_page: Open) -> None:
    message = open_page(ASK, prompt=PROMPT, method=NASTY).error[0].value
    assert r"\<script>" in message
    assert r"\$x" in message
    assert r"\*\*b" in message
    assert r"]\(" in message


def test_unknown_words_are_named(open_page: Open, lab: Lab) -> None:
    prompt = "Qwxz is the capital of [MASK]."
    page = open_page(ASK, prompt=prompt)
    unknown = [token for token in lab.ask(prompt).prompt_tokens if token.known is False]
    assert unknown
    assert sum(text.count(" unknown") for text in texts(page)) == len(unknown)
    assert [info.value.replace("\\", "") for info in page.info] == list(lab.ask(prompt).notices)


def test_how_long_the_server_takes_after_a_slider_move(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT)
    took = []
    for hundredths in range(30, 50):
        start = time.perf_counter()
        page.session_state["lam"] = hundredths / 100
        page.run()
        took.append(1e3 * (time.perf_counter() - start))
        assert lam(page) == hundredths / 100
    print(f"the script takes {median(took):.0f} ms after a slider move (median of {len(took)})")
