"""A text does not retrieve itself: how it is recognized, and what fills its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from memlab.lm.model import LanguageModel
from memlab.lm.passage import passage, windows
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.found import Found
from memlab.memory.leave_out import contexts, own_entries, repeats, without
from memlab.reading.states import Search, find_neighbors, read_states
from memlab.results import Article


def test_a_text_is_recognized_whole_as_a_part_and_as_the_whole_of_parts(
    tiny_lm: Callable[[str], LanguageModel], documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm("llama")
    store = Datastore(build(tmp_path, lm, documents[:6], Order("s", ("ffn",)))[0])
    text = documents[2].text
    whole = passage(lm, text)
    own = own_entries(store, text, whole.spans)
    assert (own >= 0).any(axis=1).all()
    for column in own.T:  # its own document, and those whose texts it contains
        real = column >= 0
        assert np.asarray(store.values[column[real]]).tolist() == np.asarray(whole.ids)[real].tolist()
    assert set(store.documents.entries([2])) <= set(own.ravel().tolist())
    part = passage(lm, text[5:-3].strip())
    inside = own_entries(store, part.text, part.spans)
    assert (inside >= 0).any(axis=1).mean() > 0.9
    around = passage(lm, "Gold is old. " + text + " Paris is long.")
    outside = own_entries(store, around.text, around.spans)
    assert (outside[:3] == -1).all()
    assert (outside >= 0).any(axis=1).sum() == len(whole)
    other = passage(lm, "The river near York is long, and gold is a metal of the city of Paris.")
    assert own_entries(store, other.text, other.spans).shape == (len(other), 0)


def test_a_text_that_holds_a_document_twice_is_recognized_twice(
    tiny_lm: Callable[[str], LanguageModel], documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm("llama")
    store = Datastore(build(tmp_path, lm, [documents[2]], Order("s", ("ffn",)))[0])
    once, twice = passage(lm, documents[2].text), passage(lm, f"{documents[2].text} {documents[2].text}")
    assert len(twice) == 2 * len(once)
    own = own_entries(store, twice.text, twice.spans)
    first, second = own.max(axis=1).reshape(2, -1)
    assert (first >= 0).all()
    assert np.array_equal(first, second)


def test_itself_is_never_among_the_neighbors_but_k_are_found(
    tiny_lm: Callable[[str], LanguageModel], documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm("llama")
    store = Datastore(build(tmp_path, lm, documents, Order("s", ("ffn",)))[0])
    read = passage(lm, documents[0].text)
    states = read_states(lm, read.ids, windows(lm), "ffn")
    given = (states, states.predicted, read.text, read.ids, read.spans)
    own = own_entries(store, read.text, read.spans)
    itself = find_neighbors(Search(store, 5, "nothing"), *given)
    assert (itself.entries[:, :, None] == own[:, None]).any(axis=(1, 2)).all()
    others = find_neighbors(Search(store, 5, "self"), *given)
    assert (others.entries >= 0).all()
    assert not ((others.entries[:, :, None] == own[:, None]) & (own >= 0)[:, None]).any()
    assert (np.diff(others.distances, axis=1) >= 0).all()


def test_near_duplicates_are_left_out_when_asked(
    tiny_lm: Callable[[str], LanguageModel], documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm("llama")
    store = Datastore(build(tmp_path, lm, documents, Order("s", ("ffn",)))[0])
    read = passage(lm, "Gold. " + documents[0].text.replace("long", "old"))  # neither in a document nor around one
    states = read_states(lm, read.ids, windows(lm), "ffn")
    given = (states, states.predicted, read.text, read.ids, read.spans)
    assert own_entries(store, read.text, read.spans).shape[1] == 0
    assert repeats(store, find_neighbors(Search(store, 5, "self"), *given).entries, contexts(read.ids)).any()
    far = find_neighbors(Search(store, 5, "near"), *given)
    assert not repeats(store, far.entries, contexts(read.ids)).any()


def test_contexts_by_hand() -> None:
    rows = contexts(range(10, 22))
    assert rows[0].tolist() == [-1] * 8
    assert rows[2].tolist() == [11, 10, -1, -1, -1, -1, -1, -1]
    assert rows[9].tolist() == [18, 17, 16, 15, 14, 13, 12, 11]


def test_what_is_left_out_leaves_its_place() -> None:
    found = Found(np.array([[3, 4, 5, -1]]), np.array([[7, 8, 9, -1]]), np.array([[1.0, 2.0, 3.0, np.inf]]), 9)
    left = without(found, np.array([[False, True, False, False]]), 3)
    assert left.entries.tolist() == [[3, 5, -1]]
    assert left.values.tolist() == [[7, 9, -1]]
    assert left.distances.tolist() == [[1.0, 3.0, np.inf]]
