"""Which sentence of an article is highlighted."""

from __future__ import annotations

import pytest

from memlab.ui.article import marked, sentence_around


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One fact. The capital is *Paris*. Another.", "The capital is *Paris*."),
        ("*Paris* is a city. Another.", "*Paris* is a city."),
        ("First. Last is *Paris*", "Last is *Paris*"),
        ("He lives in St. *Paris* today. Not so.", "He lives in St. *Paris* today."),
        ("J. K. *Rowling* wrote it. Yes.", "J. K. *Rowling* wrote it."),
        ("A heading\n\nThe capital is\n*Paris*, they say.\n\nNext.", "The capital is\n*Paris*, they say."),
        ('"Is it *Paris*?" Yes.', '"Is it *Paris*?"'),
    ],
)
def test_the_sentence_around_a_value(text: str, sentence: str) -> None:
    start = text.index("*")
    end = text.rindex("*") - 1
    plain = text.replace("*", "")
    first, last = sentence_around(plain, start, end)
    assert plain[first:last] == sentence.replace("*", "")


def test_an_article_is_shown_as_it_is() -> None:
    text = "<b>One</b>. Tom & Paris."
    start = text.index("Paris")
    html = marked(text, start, start + len("Paris"))
    assert "&lt;b&gt;One&lt;/b&gt;. " in html
    assert "Tom &amp; " in html
    assert ">Paris</mark>" in html
