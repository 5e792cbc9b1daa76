"""Article search: exact titles first, TF-IDF otherwise."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import StoreError
from memlab.memory.articles import ArticleSearch

WORLD = {
    "France": "France is a country in Europe. Wine and cheese are made there.",
    "York": "York is an old town with a minster.",
    "New York": "New York is a large city with tall buildings and the Hudson.",
    "gold": "This metal is yellow. Coins are made of it.",
    "mercury": "This metal is liquid at room temperature.",
    "Mercury": "This planet is the nearest to the sun.",
    "Port-au-Prince": "It is the capital of Haiti, beside a bay.",
    "AC/DC": "A loud band from Australia.",
    "The Trial": "A novel by Kafka about a court.",
}
TITLES = list(WORLD)


@pytest.fixture(scope="module")
def search() -> ArticleSearch:
    return ArticleSearch.over(WORLD.values(), TITLES)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("The capital of France is .", ["France"]),
        ("In France, wine is .", ["France"]),
        ("New York lies on the .", ["New York"]),
        ("York lies on the .", ["York"]),
        ("From York to New York", ["York", "New York"]),
        ("New York and York and New York", ["New York", "York"]),
        ("Gold is a .", ["gold"]),
        ("A ring of gold is .", ["gold"]),
        ("The planet Mercury is .", ["Mercury"]),
        ("The metal mercury is .", ["mercury"]),
        ("Port-au-Prince is in .", ["Port-au-Prince"]),
        ("AC/DC play .", ["AC/DC"]),
        ("The Trial was written by .", ["The Trial"]),
        ("France's king", ["France"]),
        ("france and paris", []),
        ("Frances", []),
        ("", []),
    ],
)
def test_titles_in_a_question(question: str, found: list[str], search: ArticleSearch) -> None:
    assert [TITLES[row] for row in search.titled(question)] == found


def test_a_title_is_used_alone(search: ArticleSearch) -> None:
    """However much the rest of the question sounds like other articles."""
    assert [TITLES[r] for r in search.find("France has a metal, a planet, a band, a minster and .", 3)] == ["France"]


def test_no_more_articles_than_wanted(search: ArticleSearch) -> None:
    assert [TITLES[r] for r in search.find("From France to New York by way of York", 2)] == ["France", "New York"]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Which town has a minster", "York"),
        ("A planet near the sun", "Mercury"),
        ("the capital of haiti", "Port-au-Prince"),
        ("kafka's novel", "The Trial"),
    ],
)
def test_without_a_title_the_nearest_articles_are_found(question: str, first: str, search: ArticleSearch) -> None:
    rows = search.find(question, 3)
    assert TITLES[rows[0]] == first
    assert len(rows) <= 3


def test_word_pairs_decide_between_articles_with_the_same_words() -> None:
    search = ArticleSearch.over(["dog bites man", "man bites dog", "x", "y", "z"], list("abcde"))
    assert search.nearest("man bites", 1) == [1]
    assert search.nearest("dog bites", 1) == [0]


def test_nothing_in_common_finds_nothing(search: ArticleSearch) -> None:
    assert search.find("zyx wvu tsr", 3) == []


def test_texts_that_are_all_alike_can_be_found_by_their_words() -> None:
    search = ArticleSearch.over(["the same words"] * 5 + ["the other words"], list("abcdef"))
    assert search.find("same words", 3) == [0, 1, 2]
    assert search.find("other words", 1) == [5]
    assert search.find("zyx", 3) == []


def test_the_first_of_two_articles_with_one_title_is_found() -> None:
    assert ArticleSearch.over(["one", "two"], ["Same", "Same"]).titled("Same here") == [0]


@given(st.text(), st.integers(1, 20))
def test_any_question_gives_at_most_n_different_rows(search: ArticleSearch, question: str, n: int) -> None:
    rows = search.find(question, n)
    assert len(rows) == len(set(rows)) <= n
    assert all(0 <= row < len(TITLES) for row in rows)


def test_a_search_survives_the_disk(search: ArticleSearch, tmp_path: Path) -> None:
    search.write(tmp_path / "articles.npz")
    again = ArticleSearch.read(tmp_path / "articles.npz", TITLES)
    for question in ("Which town has a minster", "From York to New York", "metal"):
        assert again.find(question, 5) == search.find(question, 5)


def test_a_file_about_other_articles_is_refused(search: ArticleSearch, tmp_path: Path) -> None:
    search.write(tmp_path / "articles.npz")
    with pytest.raises(StoreError, match="is about 9 articles, the datastore has 2"):
        ArticleSearch.read(tmp_path / "articles.npz", ["a", "b"])


def test_pickles_are_never_read(tmp_path: Path) -> None:
    raw = io.BytesIO()
    np.savez(raw, data=np.array([object()], dtype=object), allow_pickle=True)
    (tmp_path / "articles.npz").write_bytes(raw.getvalue())
    with pytest.raises(StoreError, match="damaged"):
        ArticleSearch.read(tmp_path / "articles.npz", TITLES)


def test_terms_of_several_texts_are_those_of_each(search: ArticleSearch) -> None:
    texts = ["France is a country in Europe.", "", "Gold, gold and gold coins.", "France"]
    for text, terms in zip(texts, search.terms_of(texts), strict=True):
        alone = search.terms(text)
        assert dict(zip(terms[0].tolist(), terms[1].tolist(), strict=True)) == dict(
            zip(alone[0].tolist(), alone[1].tolist(), strict=True)
        )
    assert len(search.terms("")[0]) == 0
    assert len(search.terms("Gold")[0]) > 0
