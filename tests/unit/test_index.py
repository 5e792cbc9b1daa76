"""FAISS recipes: what they return is compared exactly, whatever the index approximates."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from memlab.errors import InputError, StoreError
from memlab.memory.index import (
    RECIPES,
    brute_force,
    candidates,
    enough,
    make_index,
    read_index,
    recall_of,
    recipe_for,
    rerank,
    write_index,
)

N, D, K, B = 2000, 32, 10, 20


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    """(N, D) float16 keys in 40 clusters, some of them twice."""
    rng = np.random.default_rng(3)
    keys = rng.normal(size=(40, D))[rng.integers(0, 40, N)] + 0.3 * rng.normal(size=(N, D))
    keys[-5:] = keys[:5]
    return keys.astype(np.float16)


@pytest.fixture(scope="module")
def queries(keys: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(4)
    return (keys[rng.integers(0, N, B)] + 0.1 * rng.normal(size=(B, D))).astype(np.float32)


@pytest.fixture(scope="module")
def indexes(keys: np.ndarray) -> dict[str, faiss.Index]:
    return {recipe: make_index(recipe, keys) for recipe in RECIPES}


def exact(keys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """(B, N) squared distances in double precision."""
    return ((queries[:, None].astype(float) - keys[None].astype(float)) ** 2).sum(-1)


def search(
    index: faiss.Index, recipe: str, keys: np.ndarray, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    return rerank(keys, queries, candidates(index, recipe, queries, enough(recipe, k), allowed), k)


@pytest.mark.parametrize("recipe", RECIPES)
def test_distances_are_exact_and_sorted(
    recipe: str, indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray
) -> None:
    entries, distances = search(indexes[recipe], recipe, keys, queries, K)
    assert entries.shape == distances.shape == (B, K)
    true = np.take_along_axis(exact(keys, queries), entries, 1)
    np.testing.assert_allclose(distances, true, rtol=1e-5, atol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert all(len(set(row)) == K for row in entries.tolist())


def test_flat_is_brute_force(indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray) -> None:
    entries, _ = search(indexes["flat"], "flat", keys, queries, K)
    true = exact(keys, queries)
    np.testing.assert_allclose(np.take_along_axis(true, entries, 1), np.sort(true, axis=1)[:, :K], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_approximate_recipes_find_most_of_the_nearest(
    recipe: str, indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray
) -> None:
    entries, _ = search(indexes[recipe], recipe, keys, queries, K)
    true = np.argsort(exact(keys, queries), axis=1)[:, :K]
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(entries.tolist(), true.tolist(), strict=True)])
    assert recall >= 0.8


@pytest.mark.parametrize("recipe", RECIPES)
def test_only_allowed_entries_are_found(
    recipe: str, indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray
) -> None:
    allowed = np.random.default_rng(5).random(N) < 0.3
    entries, _ = search(indexes[recipe], recipe, keys, queries, K, allowed)
    found = entries[entries >= 0]
    assert allowed[found].all()
    assert len(found) >= 0.8 * B * K
    if recipe == "flat":
        true = np.where(allowed, exact(keys, queries), np.inf)
        np.testing.assert_allclose(
            np.take_along_axis(true, entries, 1), np.sort(true, axis=1)[:, :K], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("recipe", RECIPES)
def test_missing_results_are_minus_1_with_infinite_distance_at_the_end(
    recipe: str, indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray
) -> None:
    allowed = np.zeros(N, bool)
    allowed[[7, 100, 1500]] = True
    entries, distances = search(indexes[recipe], recipe, keys, queries, K, allowed)
    for row, near in zip(entries, distances, strict=True):
        real = row >= 0
        assert set(row[real]) <= {7, 100, 1500}
        assert np.isfinite(near[real]).all()
        assert np.isinf(near[~real]).all()
        assert not real[int(real.sum()) :].any()
    if recipe == "flat":
        assert ((entries >= 0).sum(1) == 3).all()


def test_more_neighbors_than_entries_gives_all_entries(keys: np.ndarray, queries: np.ndarray) -> None:
    few = keys[:5]
    entries, _ = search(make_index("flat", few), "flat", few, queries, 50)
    assert [sorted(row) for row in entries.tolist()] == [[0, 1, 2, 3, 4]] * B


def test_equal_distances_are_ordered_by_entry() -> None:
    keys = np.zeros((6, 4), np.float16)
    entries, distances = rerank(keys, np.ones((1, 4), np.float32), np.array([[4, 1, -1, 5, 0]]), 4)
    assert entries.tolist() == [[0, 1, 4, 5]]
    assert distances.tolist() == [[4.0] * 4]


@pytest.mark.parametrize("recipe", ["ivf", "ivfpq", "fastscan", "rabitq"])
def test_too_few_entries_are_refused_with_what_to_use(recipe: str, keys: np.ndarray) -> None:
    with pytest.raises(InputError, match=rf"'{recipe}' needs at least 256 entries, there are 255. Use flat"):
        make_index(recipe, keys[:255])
    assert make_index(recipe, keys[:256]).ntotal == 256


@pytest.mark.parametrize("recipe", ["ivfpq", "fastscan", "rabitq"])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 6, 7, 10, 30])
def test_quantization_fits_any_width(d: int, recipe: str) -> None:
    keys = np.random.default_rng(0).normal(size=(300, d)).astype(np.float16)
    queries = keys[:3].astype(np.float32)
    entries, distances = search(make_index(recipe, keys), recipe, keys, queries, 5)
    np.testing.assert_allclose(distances, np.take_along_axis(exact(keys, queries), entries, 1), atol=1e-5)


def test_unknown_recipe_lists_those_there_are(keys: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"'lsh'.*flat, ivf, hnsw, fastscan, rabitq"):
        make_index("lsh", keys)


def test_recipe_follows_the_size() -> None:
    counts = (1, 200_000, 200_001, 500_000, 500_001, 5_000_000)
    assert [recipe_for(n, 64) for n in counts] == ["flat", "flat", "fastscan", "fastscan", "rabitq", "rabitq"]
    assert [recipe_for(n, 63) for n in counts] == ["flat", "flat", "fastscan", "fastscan", "fastscan", "fastscan"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_index_survives_the_disk(
    recipe: str, indexes: dict[str, faiss.Index], keys: np.ndarray, queries: np.ndarray, tmp_path: Path
) -> None:
    write_index(indexes[recipe], tmp_path / "index.faiss")
    again = read_index(tmp_path / "index.faiss", N, D)
    for one, two in zip(
        search(indexes[recipe], recipe, keys, queries, K), search(again, recipe, keys, queries, K), strict=True
    ):
        assert np.array_equal(one, two)


def test_a_foreign_or_damaged_index_file_is_refused(keys: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    with pytest.raises(StoreError, match="missing"):
        read_index(path, N, D)
    write_index(make_index("flat", keys[:10]), path)
    with pytest.raises(StoreError, match="holds 10 keys of width 32, the datastore 2000 of 32"):
        read_index(path, N, D)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(StoreError, match="damaged"):
        read_index(path, 10, D)
    path.write_bytes(b"no index at all")
    with pytest.raises(StoreError, match="damaged"):
        read_index(path, 10, D)


@pytest.mark.parametrize("recipe", ["fastscan", "rabitq"])
def test_an_index_reads_enough_lists_for_a_text_that_it_has_not_met(recipe: str) -> None:
    """Windows of 64 keys that share most of their place: own keys lie in one list, those of a new window in many."""
    rng = np.random.default_rng(5)
    count, width, k = 30_000, 16, 64

    def told(number: int) -> np.ndarray:
        shared = np.repeat(rng.normal(size=(number // 64, width)), 64, axis=0)
        return (shared + 0.4 * rng.normal(size=shared.shape)).astype(np.float16)

    keys, new = told(count), told(256).astype(np.float32)
    index = make_index(recipe, keys)
    assert index.nprobe < index.nlist

    def found(lists: int) -> np.ndarray:
        index.nprobe = lists
        return search(index, recipe, keys, new, k)[0]

    chosen = index.nprobe
    of_all = found(index.nlist)
    assert recall_of(found(chosen), of_all) > 0.98
    assert recall_of(found(16), of_all) < 0.9
    least = {"fastscan": 0.9, "rabitq": 0.8}[recipe]  # one bit a dimension is little where a key has 16
    assert recall_of(of_all, brute_force(keys, new, k)) > least
