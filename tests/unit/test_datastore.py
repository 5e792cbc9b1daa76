"""An open datastore refuses whatever does not belong to it, and says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.errors import InputError, NotFound, StoreError
from memlab.lm.catalogue import load
from memlab.lm.model import LanguageModel
from memlab.lm.versions import derive
from memlab.memory.building import Order, build
from memlab.memory.datastore import FILES, Datastore, Meta, listed, open_store, verify_store
from memlab.memory.marks import BLOCK, BLOCKS, NO_HASHES, StoreCheck
from memlab.memory.on_demand import OnDemandStore
from memlab.memory.retrieval import check_k, choose_articles, retrieve
from memlab.memory.search import search_all, search_within
from memlab.memory.shelf import Cache, Shelf
from memlab.results import Article

Load = Callable[[str], LanguageModel]


@pytest.fixture(scope="module")
def lm(tiny_lm: Load) -> LanguageModel:
    return tiny_lm("modernbert")


@pytest.fixture
def folder(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> Path:
    return build(tmp_path, lm, documents, Order("mine", ("last",)))[0]


def open_all(folder: Path) -> Datastore:
    """Opens a datastore with the files that are read late."""
    store = Datastore(folder)
    assert store.index.ntotal == len(store)
    assert store.articles.titles
    return store


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(file: str, folder: Path) -> None:
    (folder / file).unlink()
    with pytest.raises(StoreError, match=rf"{file}.* is missing|{file.split('.')[0]}.*missing.*Build"):
        open_all(folder)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("file", FILES)
def test_a_truncated_file_is_named(file: str, part: float, folder: Path) -> None:
    raw = (folder / file).read_bytes()
    (folder / file).write_bytes(raw[: int(part * len(raw))])
    with pytest.raises(StoreError, match=rf"{file}.*[Bb]uild"):
        open_all(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_another_datastore_is_named(
    file: str, folder: Path, lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    other = build(tmp_path / "other", lm, documents[:7], Order("mine", ("last",)))[0]
    shutil.copyfile(other / file, folder / file)
    with pytest.raises(StoreError):
        open_all(folder)


@pytest.mark.parametrize("file", ["documents.parquet", "articles.npz", "index.faiss", "meta.json"])
def test_garbage_is_refused(file: str, folder: Path) -> None:
    (folder / file).write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(StoreError, match=file):
        open_all(folder)


@pytest.mark.parametrize(
    "meta", ["[]", "null", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "name": "x", "fingerprint": {}}', "{"]
)
def test_a_meta_that_is_none_is_refused(meta: str, folder: Path) -> None:
    (folder / "meta.json").write_text(meta)
    with pytest.raises(StoreError, match=r"meta\.json"):
        Datastore(folder)


def test_a_store_from_a_later_memlab_says_its_format(folder: Path) -> None:
    raw = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**raw, "format": 9}))
    with pytest.raises(StoreError, match="format 9; this memlab reads format 1"):
        Datastore(folder)


def test_meta_survives_the_disk(folder: Path) -> None:
    meta = Meta.read(folder)
    changed = replace(meta, calibrated={"bert-knn": {"settings": {"lam": 0.5}}})
    changed.write(folder)
    assert Meta.read(folder) == changed
    assert not (folder / "meta.json.tmp").exists()


def test_another_kind_of_model_is_refused(folder: Path, tiny_lm: Load) -> None:
    with pytest.raises(StoreError, match=r"'mine' was made by a masked model, .*tiny-llama is causal"):
        Datastore(folder).check(tiny_lm("llama"))


def test_another_model_is_refused(folder: Path, tiny_lm: Load) -> None:
    with pytest.raises(StoreError, match=r"made by .*tiny-modernbert with other weights than .*tiny-bert"):
        Datastore(folder).check(tiny_lm("bert"))


def test_the_same_model_with_one_changed_weight_is_refused(folder: Path, lm: LanguageModel) -> None:
    name, value = next(iter(lm.module.named_parameters()))
    with pytest.raises(StoreError, match="other weights"):
        Datastore(folder).check(derive(lm, {name: value + 1e-3}))


def test_another_tokenizer_is_refused(
    folder: Path, lm: LanguageModel, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(tiny("modernbert"), tmp_path / "tiny-modernbert")
    tokenizer = tmp_path / "tiny-modernbert/tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"Paris"', '"Parma"', 1))
    changed = load(str(tmp_path / "tiny-modernbert"))
    assert changed.weights_hash == lm.weights_hash
    with pytest.raises(StoreError, match="another tokenizer"):
        Datastore(folder).check(changed)


def test_another_key_or_collection_is_refused(folder: Path, lm: LanguageModel) -> None:
    store = Datastore(folder)
    store.check(lm, "last", store.fingerprint.corpus_hash)
    with pytest.raises(StoreError, match=r"holds keys of the kind 'last', not 'transform'"):
        store.check(lm, "transform")
    with pytest.raises(StoreError, match="another collection"):
        store.check(lm, "last", "0" * 64)


def test_unknown_datastore_lists_those_there_are(folder: Path) -> None:
    home = folder.parents[1]
    assert listed(home) == ["mine"]
    with pytest.raises(NotFound, match=r"'yours'\. Available: mine"):
        open_store(home, "yours")
    assert listed(home / "nowhere") == []
    with pytest.raises(NotFound, match="none"):
        open_store(home / "nowhere", "yours")


# Searching


def test_search_within_articles_is_brute_force_over_their_entries(folder: Path) -> None:
    store = Datastore(folder)
    entries = store.documents.entries([3, 8])
    query = store.gather(entries[:1])[0] + 0.1
    found = search_within(store, query, 5, entries)
    true = ((store.keys[entries].astype(float) - query.astype(float)) ** 2).sum(1)
    np.testing.assert_allclose(found.distances[0], np.sort(true)[:5], rtol=1e-5)
    assert set(found.entries[0]) <= set(entries)
    assert np.array_equal(found.values[0], store.values[found.entries[0]])
    assert found.searched == len(entries)
    assert found.first(2).entries.shape == (1, 2)


def test_search_over_all_finds_a_stored_key_at_distance_0(folder: Path) -> None:
    store = Datastore(folder)
    queries = store.gather(np.array([0, 5, 17]))
    found = search_all(store, queries, 4)
    assert found.distances[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert np.array_equal(found.values, store.values[found.entries])
    assert found.searched == len(store)


def test_missing_results_never_borrow_the_value_of_the_last_entry(folder: Path) -> None:
    store = Datastore(folder)
    allowed = np.zeros(len(store), bool)
    allowed[2] = True
    found = search_all(store, store.gather(np.array([0])), 4, allowed)
    assert found.entries.tolist() == [[2, -1, -1, -1]]
    assert found.values.tolist() == [[int(store.values[2]), -1, -1, -1]]
    assert found.searched == 1


def test_more_neighbors_than_entries_is_refused_with_what_is_allowed(folder: Path) -> None:
    store = Datastore(folder)
    check_k(store, len(store))
    with pytest.raises(InputError, match=rf"k is {len(store) + 1}, but.*from 1 to {len(store)}"):
        check_k(store, len(store) + 1)


def test_articles_without_entries_are_not_chosen(lm: LanguageModel, tmp_path: Path) -> None:
    documents = [Article("a", "Paris", "of the"), Article("b", "Berlin", "Berlin is a large city.")]
    store = Datastore(build(tmp_path, lm, documents, Order("mine", ("last",)))[0])
    assert choose_articles(store, "Paris and Berlin are [MASK].", 3) == [1]
    with pytest.raises(InputError, match="No article"):
        choose_articles(store, "Paris [MASK].", 3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_collection_of_few_texts_can_be_searched_by_its_words(count: int, lm: LanguageModel, tmp_path: Path) -> None:
    """A word of one text of two is no rarer than not; with such weights nothing would ever be found."""
    texts = ["The capital of France is Paris.", "Berlin lies on a plain.", "Gold is a yellow metal."][:count]
    documents = [Article(f"notes {i}", f"notes {i}", t) for i, t in enumerate(texts)]
    store = Datastore(build(tmp_path, lm, documents, Order("mine", ("last",)))[0])
    assert choose_articles(store, "The capital of France is [MASK].", 3)[0] == 0
    with pytest.raises(InputError, match="No article"):
        choose_articles(store, "Zzz [MASK] qqq", 3)


# A datastore that is still being built


@pytest.mark.parametrize(("name", "key"), [("modernbert", "transform"), ("llama", "last"), ("gpt2", "ffn")])
def test_a_pending_store_answers_as_the_finished_one(
    name: str, key: str, tiny_lm: Load, documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm(name)
    pending = OnDemandStore("mine", lm, documents, key)
    store = Datastore(build(tmp_path, lm, documents, Order("mine", (key,)))[0])
    assert len(pending) == len(store)
    assert np.array_equal(pending.values, store.values)
    assert np.array_equal(pending.spans, store.spans)
    assert pending.documents.articles == store.documents.articles
    prompt = "Text 8 and Text 3"
    query = torch.randn(lm.d, generator=torch.Generator().manual_seed(0)).numpy()
    one, two = (retrieve(s, prompt, query, 20, "articles", 3) for s in (pending, store))
    assert one.rows == two.rows == (8, 3)
    np.testing.assert_allclose(one.found.distances, two.found.distances, rtol=1e-2)
    np.testing.assert_allclose(pending.gather(np.arange(30)), store.gather(np.arange(30)), rtol=2e-3, atol=2e-3)


def test_a_pending_store_encodes_an_article_once(
    lm: LanguageModel, documents: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = OnDemandStore("mine", lm, documents, "last")
    first = pending.gather(pending.documents.entries([4]))
    monkeypatch.setattr(LanguageModel, "encode", None)
    assert np.array_equal(pending.gather(pending.documents.entries([4])), first)


def test_a_pending_store_cannot_search_all_entries(lm: LanguageModel, documents: list[Article]) -> None:
    pending = OnDemandStore("mine", lm, documents, "last")
    with pytest.raises(InputError, match=r"'mine' is still being built"):
        retrieve(pending, "Paris", np.zeros(32, np.float32), 4, "all", 3)


# Files that belong to another datastore


@pytest.fixture
def other(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> Path:
    """A datastore of other texts with equal numbers of texts and entries, built the same way."""
    swapped = [replace(a, title=f"Other {a.title}", text=a.text.replace("Paris", "Berlin")) for a in documents]
    folder = build(tmp_path / "other", lm, swapped, Order("mine", ("last",)))[0]
    assert Meta.read(folder).fingerprint.count == Meta.read(tmp_path / "datastores/mine").fingerprint.count
    return folder


@pytest.mark.parametrize("file", FILES[1:])
def test_a_file_of_a_store_with_equal_counts_is_noticed_at_opening(file: str, folder: Path, other: Path) -> None:
    if (folder / file).read_bytes() == (other / file).read_bytes():
        pytest.skip("both have the same")
    (folder / file).write_bytes((other / file).read_bytes())
    with pytest.raises(StoreError, match=rf"{file} (is not the file that was built|has \d+ bytes)"):
        Datastore(folder)


def test_the_files_with_the_texts_differ_between_the_two(folder: Path, other: Path) -> None:
    """The test above tests something."""
    for file in ("documents.parquet", "index.faiss", "keys.f16", "articles.npz"):
        assert (folder / file).read_bytes() != (other / file).read_bytes()


def test_verify_compares_every_byte(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> None:
    home = tmp_path / "large"
    folder = build(home, lm, [replace(a, text=" ".join([a.text] * 3)) for a in documents], Order("mine", ("last",)))[0]
    assert verify_store(home, "mine") == StoreCheck("mine", "verified")
    raw = bytearray((folder / "keys.f16").read_bytes())
    assert len(raw) > BLOCKS * BLOCK  # else the sample is all of it
    raw[BLOCK + 1] ^= 1  # between the first two blocks of the sample
    (folder / "keys.f16").write_bytes(raw)
    Datastore(folder)
    found = verify_store(home, "mine")
    assert found.state == "damaged"
    (problem,) = found.problems
    assert "keys.f16 is not the file that was built" in problem
    (folder / "index.faiss").unlink()
    assert "index.faiss is missing" in verify_store(home, "mine").problems[0]


def test_a_store_without_hashes_opens_and_says_so(folder: Path) -> None:
    raw = json.loads((folder / "meta.json").read_text())
    del raw["files"]
    (folder / "meta.json").write_text(json.dumps(raw))
    assert open_all(folder).meta.files == {}
    assert verify_store(folder.parents[1], "mine").state == "unknown"
    shown = Shelf(folder.parents[1], Cache()).info("mine")
    assert (shown.state, shown.why) == ("ready", NO_HASHES)


def test_hashes_survive_a_calibration(folder: Path) -> None:
    meta = Meta.read(folder)
    replace(meta, calibrated={"bert-knn": {"settings": {"lam": 0.5}}}).write(folder)
    assert Meta.read(folder).files == meta.files
    assert set(meta.files) == set(FILES[1:])
