"""What a datastore holds: counts and repetitions against plain loops, and a store built from texts that repeat."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from memlab import Lab
from memlab.memory.contents import context_hashes
from memlab.results import Article
from memlab.results.contents import Contents
from tests.commands import document, run_on

Tiny = Callable[[str], Path]
SENTENCE = "The capital of France is Paris."
OTHER = "Many people live in Berlin."


def test_contexts_are_compared_as_a_loop_compares_them() -> None:
    draw = random.Random(5)
    rows = np.repeat(np.arange(40), [draw.randint(0, 30) for _ in range(40)])
    values = np.array([draw.randint(0, 1) for _ in rows], np.int32)
    seen = set()
    for n, value in enumerate(values):
        first = int(np.argmax(rows == rows[n]))
        seen.add((int(value), tuple(values[max(first, n - 4) : n])))
    assert len(np.unique(context_hashes(values, rows, context=4))) == len(seen)


def test_a_single_entry_and_none_have_hashes() -> None:
    assert len(context_hashes(np.array([7], np.int32), np.array([0]))) == 1
    assert len(context_hashes(np.zeros(0, np.int32), np.zeros(0, np.int32))) == 0


def test_a_store_says_what_it_holds(tiny: Tiny, tmp_path: Path) -> None:
    home = tmp_path / "home"
    texts = [Article("a", "a", SENTENCE), Article("b", "b", SENTENCE), Article("c", "c", OTHER)]
    lab = Lab.open(home)
    (built,) = lab.build(texts, "letters", str(tiny("llama")))
    store = lab.building.context.shelf.open("letters")
    values = np.asarray(store.values).tolist()
    count = Counter(values)
    holds = built.contents
    assert holds is not None
    assert (holds.entries, holds.texts) == (len(values), 3)
    assert holds.characters == 2 * len(SENTENCE) + len(OTHER)
    assert (holds.values, holds.once) == (len(count), sum(n == 1 for n in count.values()))
    assert [v.entries for v in holds.frequent] == [n for _, n in count.most_common(20)]
    assert sum(v.share for v in holds.frequent) <= 1
    # The second text is the first once more, so each of its entries repeats one; the third begins differently.
    assert holds.same_texts == 1
    assert holds.same_contexts == int((np.asarray(store.spans)[:, 0] == 1).sum())
    for entry in holds.sample:
        text = next(a.text for a in texts if a.title == entry.document)
        assert f"{entry.before}{entry.value}{entry.after}" in text
    assert Contents.of(built.to_dict()["contents"]) == holds
    asked = document(run_on(home)("datastores", "letters", "--json"))
    assert Contents.of(asked["contents"]) == holds
    assert "1 text is identical to an earlier one" in run_on(home)("datastores", "letters").stdout
