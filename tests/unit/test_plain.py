"""Text in Markdown places: shown as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.ui.plain import plain

JOINER = "\u2060"


def shown(markdown: str) -> str:
    """What a reader sees of text whose every mark is escaped: backslashes and joiners gone."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace(JOINER, "")


@pytest.mark.parametrize(
    "text",
    [
        "The capital of France is [MASK].",
        "lam is 2; allowed is a number from 0 to 1.",
        "There is no method 'foo'. Available: bert-knn, knn-lm.",
    ],
)
def test_ordinary_messages_stay_readable(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("**bold** _it_ `code` ~~no~~", r"\*\*bold\*\* \_it\_ \`code\` \~\~no\~\~"),
        ("$x$", r"\$x\$"),
        ("<b>&amp;</b>", r"\<b>\&amp;\</b>"),
        (":red[r]", rf"\:{JOINER}red[r]"),
        ("[a](b)", r"[a]\(b)"),
        ("# title", r"\# title"),
        ("12. item", r"12\. item"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines", "two lines"),
    ],
)
def test_marks_are_escaped(text: str, markdown: str) -> None:
    assert plain(text) == markdown


@pytest.mark.parametrize("text", [":smile:", "a -> b", "a -- b", "x >= y", "www.a.b", "a@b.c", "http://a.b"])
def test_what_is_rewritten_after_parsing_is_broken_apart(text: str) -> None:
    assert JOINER in plain(text)
    assert shown(plain(text)) == text


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_nothing_is_lost(text: str) -> None:
    assert shown(plain(text)) == " ".join(text.split())


@given(st.text(st.sampled_from("a *_`~$<&\\")))
def test_no_active_mark_is_left(text: str) -> None:
    rest = re.sub(r"\\[\\`*_~$<&]", "", plain(text))
    assert not re.search(r"[\\`*_~$<&]", rest)
