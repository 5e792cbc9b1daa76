"""States of memory share what they have in common; each is what it would be if it were made alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.lm.model import LanguageModel
from memlab.memory import taught_index
from memlab.memory.building import Order, build
from memlab.memory.changes import Changes, Taught, _gone, _RecentlyGone, joined
from memlab.memory.datastore import Datastore
from memlab.memory.kept_keys import Encoded
from memlab.memory.overlay import EditedStore
from memlab.memory.taught import Texts
from memlab.memory.taught_index import TaughtEntries, common
from memlab.record.memory_edits import corpus_of
from memlab.results import Article, Source

Load = Callable[[str], LanguageModel]
CORPUS = "c"
CITIES = [
    "The capital of Wakanda is Birnin.",
    "Paris is large.",
    "of the",
    "People live in Port-au-Prince, a river town.",
]


@st.composite
def sources(draw: st.DrawFn) -> frozenset[Source]:
    places = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 4)), max_size=12))
    return frozenset(Source(CORPUS, f"d{row}", start, start + length, "") for row, start, length in places)


@given(st.lists(sources(), min_size=1, max_size=12))
def test_characters_that_are_gone_are_those_of_all_sources(sets: list[frozenset[Source]]) -> None:
    recent = _RecentlyGone(3)
    for removed in sets:
        by_hand = {}
        for s in removed:
            by_hand.setdefault((s.corpus, s.document), []).append((s.start, s.end))
        assert recent.of(removed) == {at: joined(spans) for at, spans in by_hand.items()} == _gone(removed)


def _encoded(seq: int, count: int) -> Encoded:
    rng = np.random.default_rng(seq)
    starts = np.arange(count, dtype=np.int32) * 2
    unknown = {0: f"w{seq % 3}"} if count and seq % 2 else {}
    return Encoded(
        rng.standard_normal((count, 4)).astype(np.float16),
        rng.integers(0, 9, count).astype(np.int32),
        np.column_stack([starts, starts + 1]).astype(np.int32),
        unknown,
    )


@given(st.lists(st.tuples(st.sampled_from(["teach", "undo"]), st.integers(0, 5)), min_size=1, max_size=25))
def test_entries_in_a_row_do_not_depend_on_the_row_before(steps: list[tuple[str, int]]) -> None:
    texts: list[Taught] = []
    made: dict[int, Encoded] = {}
    before = empty = TaughtEntries(4)
    query = np.zeros((2, 4), np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taught_index, "UNINDEXED", 5)  # so that some rows are searched by an index of an earlier one
        for seq, (what, number) in enumerate(steps, 1):
            if what == "teach":
                made[seq] = _encoded(seq, number)
                texts = [*texts, Taught(seq, "", f"text {seq}")]
            elif texts:
                texts = [t for n, t in enumerate(texts) if n != number % len(texts)]
            same = common(before.taught, texts)
            row = before.extended(same, texts[same:], [made[t.seq] for t in texts[same:]])
            alone = empty.extended(0, texts, [made[t.seq] for t in texts])
            for part in ("keys", "values", "spans", "first"):
                np.testing.assert_array_equal(getattr(row, part), getattr(alone, part))
            assert (row.unknown, row.left_out) == (alone.unknown, alone.left_out)
            kept = row.kept({("edit", f"edit:{t.seq}"): ((0, 1),) for t in texts[::2]})
            for allowed in (None, kept):
                may = np.arange(len(row)) if allowed is None else np.flatnonzero(allowed)
                distance = np.square(row.keys[may].astype(np.float64)).sum(1)
                for found in row.nearest(query, 3, allowed):
                    real = set(found.tolist()) - {-1}
                    assert set(may[np.argsort(distance)[:3]].tolist()) <= real <= set(may.tolist())
            before = row


def test_a_state_of_many_edits_is_the_one_made_alone(
    tiny_lm: Load, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teach, forget of the base and of taught texts, and undo in the middle, against stores that share nothing."""
    monkeypatch.setattr(taught_index, "UNINDEXED", 8)
    lm = tiny_lm("llama")
    store = Datastore(build(tmp_path, lm, documents[:3], Order("mine", ("last",)))[0])
    corpus, shared = corpus_of(store), Texts(store, lm, "last")
    first = documents[0]
    told = tuple(Taught(n, "", text) for n, text in enumerate(CITIES, 1))
    base = frozenset({Source(corpus, first.id, 0, 9, first.text[:9])})
    own = frozenset({Source("edit", "edit:1", 4, 11, CITIES[0][4:11])})
    states = [
        Changes(1, frozenset(), told[:1]),
        Changes(2, frozenset(), told[:2]),
        Changes(3, base, told[:2]),
        Changes(4, base, told),
        Changes(5, base | own, told),
        Changes(6, own, told[:1] + told[2:]),
        Changes(7, frozenset(), told),
    ]
    queries = np.asarray(store.keys[:3], np.float32)
    for changes in states:
        state = EditedStore(store, lm, shared, changes, corpus)
        alone = EditedStore(store, lm, Texts(store, lm, "last"), changes, corpus)
        for a, b in zip(state.new, alone.new, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-3)  # texts of one batch and of another
        assert (state.words, state.left_out) == (alone.words, alone.left_out)
        found, other = state.search(queries, 7), alone.search(queries, 7)
        np.testing.assert_array_equal(found.entries, other.entries)
        np.testing.assert_array_equal(found.values, other.values)
        assert [a.text for a in state.documents.articles] == [a.text for a in alone.documents.articles]
