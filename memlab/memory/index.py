"""FAISS indexes for searches over all entries, and exact re-ranking.

Recipes, chosen by size or by hand:

| recipe | what | meant for |
|---|---|---|
| flat | every key compared, 16-bit floats | up to 200 thousand entries |
| hnsw | graph over 16-bit keys | up to 2 million, fast questions, slow to build |
| ivf | inverted lists of 16-bit keys | up to 2 million |
| ivfpq | inverted lists of product-quantized keys | more; smallest |

Approximate indexes return approximate distances (and flat ones distances of rounded queries), so the
candidates are always compared again with the stored keys before anything is shown or mixed.
"""

from __future__ import annotations

import math
from pathlib import Path

import faiss  # its Python stubs lag behind the module, so mypy does not follow them
import numpy as np

from memlab.errors import InputError, StoreError

RECIPES = ("flat", "ivf", "hnsw", "ivfpq")
CANDIDATES = {"flat": 1, "ivf": 2, "hnsw": 2, "ivfpq": 8}  # of an approximate index, so many times k are compared again


def recipe_for(count: int) -> str:
    """The recipe that suits so many entries."""
    return "flat" if count <= 200_000 else "ivf" if count <= 2_000_000 else "ivfpq"


def make_index(recipe: str, keys: np.ndarray) -> faiss.Index:
    """An index over `keys` (N, d), which may be memory-mapped; trained on a sample, filled in blocks.

    Raises:
        InputError: unknown recipe, or too few entries for it (IVF needs at least as many as lists,
            PQ at least 256; Douze et al. 2024, section 4).
    """
    count, d = keys.shape
    if recipe not in RECIPES:
        raise InputError(f"There is no index recipe {recipe!r}. Allowed: {', '.join(RECIPES)}.")
    lists = max(1, min(int(4 * math.sqrt(count)), count // 39))
    if recipe in ("ivf", "ivfpq") and count < 256:
        raise InputError(f"The recipe {recipe!r} needs at least 256 entries, here are {count}. Use flat.")
    if recipe == "flat":
        index = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    elif recipe == "hnsw":
        index = faiss.IndexHNSWSQ(d, faiss.ScalarQuantizer.QT_fp16, 32, faiss.METRIC_L2)
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, 256
    elif recipe == "ivf":
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(d), d, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2
        )
    else:
        index = faiss.IndexIVFPQ(faiss.IndexFlatL2(d), d, lists, _code_size(d), 8)
    if recipe in ("ivf", "ivfpq"):
        index.cp.min_points_per_centroid = 1  # small collections are meant; no warnings about them
        if recipe == "ivfpq":
            index.pq.cp.min_points_per_centroid = 1
        index.nprobe = max(1, min(lists, max(16, lists // 8)))
    if not index.is_trained:
        sample = np.random.default_rng(0).choice(count, size=min(count, max(256, 64 * lists)), replace=False)
        index.train(keys[np.sort(sample)].astype(np.float32))
    for at in range(0, count, 16_384):
        index.add(keys[at : at + 16_384].astype(np.float32))
    return index


def _code_size(d: int) -> int:
    """Bytes of a PQ code: about a byte for four dimensions; it must divide d."""
    return max(m for m in range(1, d // 4 + 1) if d % m == 0) if d >= 4 else 1


def write_index(index: faiss.Index, path: Path) -> None:
    """Writes an index file."""
    with path.open("wb") as file:  # faiss' own files hide a full disk
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))


def read_index(path: Path, count: int, d: int) -> faiss.Index:
    """Reads an index file and checks that it is about `count` keys of width d.

    Raises:
        StoreError: missing, unreadable or foreign file.
    """
    if not path.is_file():
        raise StoreError(f"{path} is missing. Build the datastore again.")
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise StoreError(
            f"{path} is damaged ({str(error).splitlines()[0][:120]}). Build the datastore again."
        ) from error
    if (index.ntotal, index.d) != (count, d):
        raise StoreError(
            f"{path} holds {index.ntotal} keys of width {index.d}, the datastore {count} of {d}. Build the datastore again."
        )
    return index


def candidates(index: faiss.Index, recipe: str, queries: np.ndarray, k: int, allowed: np.ndarray | None) -> np.ndarray:
    """(B, n) entry numbers that may be among the k nearest of each query; -1 where there are fewer.

    Args:
        queries: (B, d) float32.
        allowed: (N,) bool, entries that may be returned; None for all.
    """
    n = min(k * CANDIDATES[recipe], index.ntotal)
    return index.search(np.ascontiguousarray(queries), n, params=_parameters(index, recipe, n, allowed))[1]


def _parameters(index: faiss.Index, recipe: str, n: int, allowed: np.ndarray | None) -> faiss.SearchParameters | None:
    selector = None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    if recipe == "hnsw":
        return faiss.SearchParametersHNSW(efSearch=max(256, 2 * n), sel=selector)
    if selector is None:
        return None
    if recipe in ("ivf", "ivfpq"):
        kind = faiss.SearchParametersIVF if recipe == "ivf" else faiss.IVFPQSearchParameters
        return kind(nprobe=index.nprobe, sel=selector)
    return faiss.SearchParameters(sel=selector)


def rerank(keys: np.ndarray, queries: np.ndarray, found: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact squared L2 distances of the candidates: the k nearest of each query, nearest first.

    Returns:
        (B, k) entry numbers, -1 where there are fewer (ties by entry number); (B, k) float64
        distances, infinite there.
    """
    count = found.shape[1]
    distance = np.full(found.shape, np.inf)
    real = found >= 0
    rows, columns = np.nonzero(real)
    for at in range(0, len(rows), 65_536):
        r, c = rows[at : at + 65_536], columns[at : at + 65_536]
        gap = keys[found[r, c]].astype(np.float32) - queries[r]
        distance[r, c] = np.einsum("nd,nd->n", gap, gap, dtype=np.float64)
    order = np.lexsort((found, distance), axis=1)[:, : min(k, count)]
    entries, near = np.take_along_axis(found, order, 1), np.take_along_axis(distance, order, 1)
    return np.where(np.isinf(near), -1, entries), near
