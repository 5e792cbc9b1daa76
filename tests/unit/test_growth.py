"""How searching grows with the number of entries (`memlab bench --entries`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from memlab.bench.growth import PIECE, QUERIES, Growth, K, bench_growth, pieces, told_again
from memlab.errors import InputError
from memlab.lab import Lab
from memlab.lm.model import LanguageModel
from memlab.results import Article

Load = Callable[[str], LanguageModel]


def test_each_recipe_is_measured_against_all_keys(tiny_lm: Load, documents: list[Article], tmp_path: Path) -> None:
    lm, asked = tiny_lm("llama"), list(islice(told_again(documents[::-1], 50), 6))
    rows = list(bench_growth(tmp_path, lm, told_again(documents, 50), asked, Growth((1000, 1500), ("flat", "rabitq"))))
    build, *measured = rows
    assert build["name"] == "build"
    assert build["entries"] >= 1500
    assert [(r["name"], r["entries"]) for r in measured] == [
        ("index flat", 1000),
        ("index rabitq", 1000),
        ("index flat", 1500),
        ("index rabitq", 1500),
    ]
    for row in measured:
        assert (row["k"], row["questions"], row["width"]) == (K, QUERIES, lm.width("ffn"))
        assert 0 < row["recall"] <= 1
        assert row["p95_ms"] >= row["p50_ms"] > 0
    flat = [r for r in measured if r["name"] == "index flat"]
    assert [r["recall"] for r in flat] == [1.0, 1.0]
    assert all(2 * lm.width("ffn") <= r["bytes_per_entry"] < 2 * lm.width("ffn") + 1 for r in flat)
    assert [r["recommended"] for r in measured] == [True, False, True, False]


def test_passages_are_told_again_in_another_order() -> None:
    passages = [Article(str(n), "", f"p{n}.") for n in range(10)]
    told = [a.text for a in islice(told_again(passages, 4), 6)]
    first, second = (" ".join(told[at : at + 3]).split() for at in (0, 3))
    assert Counter(first) == Counter(second) == Counter(p.text for p in passages)
    assert first != second


def test_a_text_is_cut_between_lines() -> None:
    lines = [f"{n} " + "a" * 999 for n in range(100)]
    cut = list(pieces(Article("x", "X", "\n\n".join(lines))))
    assert [line for p in cut for line in p.text.split("\n")] == lines
    assert all(PIECE <= len(p.text) < PIECE + 1100 for p in cut[:-1])
    assert len({p.id for p in cut}) == len(cut)
    assert list(pieces(Article("x", "X", "\n \n"))) == []


@pytest.mark.parametrize(
    ("counts", "recipes", "said"),
    [((), ("flat",), "at least 1,000"), ((999,), ("flat",), "at least 1,000"), ((1000,), ("lsh",), "'lsh'.*rabitq")],
)
def test_what_cannot_be_measured_is_refused(counts: tuple[int, ...], recipes: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Growth(counts, recipes)


def test_too_little_text_says_how_much_there_is(tiny_lm: Load, documents: list[Article], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give [\d,]+ entries, not 1,000,000"):
        next(bench_growth(tmp_path, tiny_lm("llama"), documents, documents, Growth((1_000_000,))))


def test_texts_and_models_that_do_not_fit(tmp_path: Path) -> None:
    lab = Lab.open(tmp_path)
    with pytest.raises(InputError, match="both --text and --asked"):
        next(lab.benchmarks.growth([1000], text=["One text of a few words."]))
    with pytest.raises(InputError, match="causal"):
        next(lab.benchmarks.growth([1000], model="atlas-mlm"))
