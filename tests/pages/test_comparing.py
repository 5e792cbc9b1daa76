"""A pinned view beside the present one: across prompts, settings, models, datastores, workspaces and time."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab

ASK = "pages/ask.py"
PROMPT = "The capital of France is [MASK]."

Open = Callable[..., AppTest]


def said(page: AppTest) -> str:
    return "\n".join(element.value.replace("\\", "") for element in [*page.markdown, *page.caption])


def pinned(page: AppTest) -> str:
    """Pins the view and returns what the address keeps of it."""
    page.button(key="compare.pin").click().run()
    assert not page.exception
    assert "A and B ask the same" in said(page)
    value = page.query_params["a"]
    return value if isinstance(value, str) else value[0]


def answer(lab: Lab, view: dict[str, str]) -> str:
    """What the engine answers to the view of an address."""
    asked = {name: value for name, value in view.items() if name not in ("workspace", "as_of")}
    there = Lab.open(lab.home, view.get("workspace", "default"))
    return there.ask(**asked, as_of=int(view["as_of"]) if "as_of" in view else None).answer  # type: ignore[arg-type]


@pytest.fixture
def edited(own_lab: Lab) -> Lab:
    """A lab whose default workspace says Lyon since its first edit; the workspace "seminar" has no edit."""
    own_lab.workspaces.create("seminar")
    fact = next(fact for fact in own_lab.facts("capital") if fact.subject == "France")
    own_lab.correct(fact, "Lyon")
    return own_lab


@pytest.mark.parametrize(
    ("there", "here", "differs"),
    [
        ({"as_of": "0"}, {}, ["**as of** 0 → 1"]),
        ({"workspace": "seminar"}, {}, ["**workspace** seminar → default", "**as of** 0 → 1"]),
        ({"datastore": "atlas-mlm-last"}, {}, ["**datastore** atlas-mlm-last → atlas-mlm"]),
        (
            {"method": "knn-lm", "prompt": PROMPT[:-8]},
            {},
            ["**method** knn-lm → bert-knn", "**model** atlas-clm → atlas-mlm", "**scale** none → "],
        ),
        ({"lam": "0.0"}, {"lam": "1.0"}, ["**lam** 0.0 → 1.0"]),
        ({"k": "8"}, {}, ["**k** 8 → 128"]),
    ],
    ids=["time", "workspace", "datastore", "model", "lambda", "k"],
)
def test_two_views_stand_side_by_side(
    open_own: Open,
    edited: Lab,
    there: dict[str, str],
    here: dict[str, str],
    differs: list[str],
) -> None:
    a = pinned(open_own(ASK, **{"prompt": PROMPT, **there}))
    assert parse_qs(a)["workspace"] == [there.get("workspace", "default")]
    page = open_own(ASK, prompt=PROMPT, a=a, **here)
    assert not page.exception
    assert not page.error
    for part in differs:
        assert part in said(page)
    sides = [{"prompt": PROMPT, **there}, {"prompt": PROMPT, **here}]
    assert [metric.value for metric in page.metric][:2] == [answer(edited, side) for side in sides]
    assert "Neighbors: " in said(page)


def test_what_was_pinned_stays_what_it_was_after_an_edit(open_own: Open, own_lab: Lab) -> None:
    a = pinned(open_own(ASK, prompt=PROMPT))
    own_lab.forget(document="France")
    page = open_own(ASK, prompt=PROMPT, a=a)
    assert "**as of** 0 → 1" in said(page)
    assert [metric.value for metric in page.metric][:2] == ["Paris", own_lab.ask(PROMPT).answer]
    assert "Neighbors: 0 the same" in said(page)  # the article is gone, and with it every passage
    page.button(key="compare.unpin").click().run()
    assert "a" not in page.query_params
    assert not page.metric
