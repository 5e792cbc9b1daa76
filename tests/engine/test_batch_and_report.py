"""Many prompts at once, two answers side by side, and the report."""

from __future__ import annotations

import csv
import io
import re
import shlex
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.errors import InputError
from memlab.results import batch_csv, compare

FRANCE, JAPAN = "The capital of France is [MASK].", "The capital of Japan is [MASK]."


def test_a_batch_gives_the_answers_of_single_questions_and_says_what_is_wrong_with_a_line(lab: Lab) -> None:
    lines = [FRANCE, "", "=two [MASK] [MASK]", JAPAN] * 50
    rows = lab.ask_many(lines, lam=0.4)
    assert [row.line for row in rows[:4]] == [1, 3, 4, 5]
    assert len(rows) == 150
    single = {prompt: lab.ask(prompt, lam=0.4).mixture.p for prompt in (FRANCE, JAPAN)}
    for row in rows:
        if row.prediction is None:
            assert "[MASK] 2 times" in str(row.error)
        else:
            assert row.prediction.mixture.p == pytest.approx(single[row.prompt], abs=1e-6)
    table = list(csv.DictReader(io.StringIO(batch_csv(rows))))
    assert (table[0]["answer"], table[1]["prompt"][:2], table[2]["answer"]) == ("Paris", "'=", "Tokyo")
    with pytest.raises(InputError, match="no prompt"):
        lab.ask_many(["", " "])
    with pytest.raises(InputError, match="at most 1000"):
        lab.ask_many([FRANCE] * 1001)


def test_a_comparison_names_what_was_asked_differently_and_what_moved(lab: Lab) -> None:
    a, b = lab.ask(FRANCE, k=64), lab.ask(FRANCE, k=32, lam=0.0)
    c = compare(a, b)
    assert {d.name: (d.a, d.b) for d in c.asked} == {"k": (64, 32), "lam": (a.settings["lam"], 0.0)}
    assert (c.gained, len(c.lost), c.kept) == ((), len(a.neighbors) - len(b.neighbors), len(b.neighbors))
    paris = next(w for w in c.words if w.token == "Paris")
    assert (paris.a, paris.b) == pytest.approx((a.mixture[0].p, b.lm[0].p))
    same = compare(a, a)
    assert not same.asked
    assert all(w.change == 0 for w in same.words)


class Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_report_needs_no_network_and_its_command_gives_the_same_answer(lab: Lab) -> None:
    p = lab.ask("The painter of <b>Mona Lisa</b> was [MASK].", lam=0.6)
    text = lab.reports.html(p)
    parser = Addresses()
    parser.feed(text)
    assert parser.found == []
    assert "<b>Mona Lisa" not in text
    assert p.neighbors[0].document in text
    command = lab.reports.command(p)
    result = CliRunner().invoke(main, [*shlex.split(command)[1:], "--json", "--top", "3", "--home", str(lab.home)])
    assert f'"answer": "{p.answer}"' in result.stdout
    assert re.search(r"sha256", text)
