"""FAISS indexes for searches over all entries, and exact re-ranking.

Recipes, chosen by size or by hand:

| recipe | what | meant for |
|---|---|---|
| flat | every key compared, 16-bit floats | up to 200 thousand entries |
| fastscan | inverted lists of keys in 4 bits for two dimensions, compared in registers (André et al. 2015) | up to 500 thousand |
| hnsw | graph over 16-bit keys | up to 2 million, fast queries, slow to build |
| ivf | inverted lists of 16-bit keys | up to 2 million |
| rabitq | inverted lists of keys in one bit a dimension, with corrected distances (RaBitQ, Gao and Long 2024) | more, with keys of width 64 and above |

Datastores that an earlier memlab built with product quantization (ivfpq) can still be read; rabitq is smaller and
finds more, so ivfpq is no longer offered.

Approximate indexes return approximate distances (and flat ones distances of rounded queries), so the
candidates are always compared again with the stored keys before anything is shown or mixed. How many
lists of a fastscan or rabitq index are read is chosen when it is made: enough to find, for a sample of its own
keys, 99% of the neighbors that reading all lists would find.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import faiss  # its Python stubs lag behind the module, so their types are not read (pyproject.toml)
import numpy as np
import torch

from memlab.errors import InputError, StoreError
from memlab.progress import Tick, no_tick

# Stored keys are mapped from disk, read only; torch warns that it cannot promise not to write, and does not write.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)

RECIPES = ("flat", "ivf", "hnsw", "fastscan", "rabitq")
RETIRED = ("ivfpq",)  # read, and no longer made
# Candidates compared again for k neighbors: this many times k, and with an approximate index some more, for small k.
CANDIDATES = {"flat": 1, "ivf": 2, "hnsw": 2, "ivfpq": 8, "fastscan": 4, "rabitq": 4}
_MORE_CANDIDATES = 128
_LISTED = ("ivf", "ivfpq", "fastscan", "rabitq")  # recipes with inverted lists
_CHOSEN = ("fastscan", "rabitq")  # those whose number of lists to read is chosen on their own keys
_LEAST_LISTS, _SHARE_OF_ALL = 64, 0.99
# How fastscan collects hundreds of candidates: query by query into a list that is cut when it is full. A search in bulk
# takes a fifth less time than with the default of faiss; an index file does not store this setting.
_WITH_RESERVOIR = 11
_BLOCK, _ROWS = 16_384, 512  # keys and queries of one step of a brute-force search
_QUERIES = 8  # queries compared again in one step: their candidates stay in the processor's second-level cache


def recipe_for(count: int, width: int) -> str:
    """The recipe that suits `count` entries with keys of `width` dimensions.

    Above 200 thousand fastscan, whose bulk searches are twice as fast; above 500 thousand its 4 bits lose neighbors, and
    rabitq keeps them where keys have enough bits (FIGURES.md, "Many entries").
    """
    if count <= 200_000:
        return "flat"
    return "rabitq" if count > 500_000 and width >= 64 else "fastscan"


def make_index(recipe: str, keys: np.ndarray, tick: Tick = no_tick) -> faiss.Index:
    """An index over `keys` (N, d), which may be memory-mapped; trained on a sample, filled in blocks.

    `tick` is called before each block with the fraction of the keys that is in the index; exceptions abort.

    Raises:
        InputError: unknown recipe, or too few entries for it (IVF needs at least as many as lists,
            PQ at least 256; Douze et al. 2024, section 4).
    """
    count, d = keys.shape
    if recipe not in RECIPES + RETIRED:
        raise InputError(f"There is no index recipe {recipe!r}. Allowed: {', '.join(RECIPES)}.")
    lists = max(1, min(int((2 if recipe == "rabitq" else 4) * math.sqrt(count)), count // 39))
    if recipe in _LISTED and count < 256:
        raise InputError(f"The recipe {recipe!r} needs at least 256 entries, there are {count}. Use flat.")
    if recipe == "flat":
        index = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    elif recipe == "hnsw":
        index = faiss.IndexHNSWSQ(d, faiss.ScalarQuantizer.QT_fp16, 32, faiss.METRIC_L2)
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, 256
    elif recipe == "ivf":
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(d), d, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2
        )
    elif recipe == "ivfpq":
        index = faiss.IndexIVFPQ(faiss.IndexFlatL2(d), d, lists, _code_size(d), 8)
        index.pq.cp.min_points_per_centroid = 1
    elif recipe == "rabitq":
        index = faiss.IndexIVFRaBitQFastScan(faiss.IndexFlatL2(d), d, lists, faiss.METRIC_L2)
    else:
        index = faiss.IndexIVFPQFastScan(faiss.IndexFlatL2(d), d, lists, d if d % 2 else d // 2, 4)
        index.pq.cp.min_points_per_centroid = 1
        index.cp.niter = 10  # twice the lists of rabitq: more rounds cost more than they find
        index.implem = _WITH_RESERVOIR
    if recipe in _LISTED:
        index.cp.min_points_per_centroid = 1  # small collections are meant; no warnings about them
        index.nprobe = max(1, min(lists, max(16, lists // 8)))
    if not index.is_trained:
        sample = np.random.default_rng(0).choice(count, size=min(count, max(256, 64 * lists)), replace=False)
        index.train(keys[np.sort(sample)].astype(np.float32))
    for at in range(0, count, 16_384):
        tick(at / count)
        index.add(keys[at : at + 16_384].astype(np.float32))
    if recipe in _CHOSEN:
        _read_enough_lists(index, recipe, keys)
    return index


def _read_enough_lists(
    index: faiss.Index, recipe: str, keys: np.ndarray, k: int = 64, places: int = 8, each: int = 32
) -> None:
    """Raises the number of lists that a search reads until more would hardly find other neighbors.

    The queries are a sample of the keys, with the entries around each in the text left out: keys of one window can be
    close for no other reason, and the neighbors of a new text are farther away and in more lists.
    """
    rng, around = np.random.default_rng(1), min(1024, len(keys) // 16)
    asked = []
    for place in rng.integers(around, len(keys) - around, places):
        far = np.ones(len(keys), bool)
        far[place - around : place + around] = False
        asked.append((keys[place + rng.integers(-around, around, each)].astype(np.float32), far))
    of_all = _with_lists(index, recipe, keys, asked, k, index.nlist)
    lists = min(_LEAST_LISTS, index.nlist)
    while lists < index.nlist and recall_of(_with_lists(index, recipe, keys, asked, k, lists), of_all) < _SHARE_OF_ALL:
        lists = min(lists + lists // 2, index.nlist)
    index.nprobe = lists


def _with_lists(
    index: faiss.Index,
    recipe: str,
    keys: np.ndarray,
    asked: Sequence[tuple[np.ndarray, np.ndarray]],
    k: int,
    lists: int,
) -> np.ndarray:
    """(B, k) nearest entries of the queries in `asked` (queries, allowed entries) when `lists` lists are read."""
    index.nprobe, n = lists, enough(recipe, k)
    return np.concatenate([rerank(keys, q, candidates(index, recipe, q, n, far), k)[0] for q, far in asked])


def recall_of(found: np.ndarray, true: np.ndarray) -> float:
    """Share of the truly nearest entries (B, k) that were found; -1 counts on neither side."""
    hits = sum(len(np.intersect1d(f[f >= 0], t[t >= 0])) for f, t in zip(found, true, strict=True))
    return hits / max(1, int((true >= 0).sum()))


def _code_size(d: int) -> int:
    """Bytes of a PQ code: about a byte for four dimensions; it must divide d."""
    return max(m for m in range(1, d // 4 + 1) if d % m == 0) if d >= 4 else 1


def write_index(index: faiss.Index, path: Path) -> None:
    """Writes an index file."""
    with path.open("wb") as file:  # faiss' own files hide a full disk
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))


def read_index(path: Path, count: int, d: int) -> faiss.Index:
    """Reads an index file and checks that it holds `count` keys of width d.

    Raises:
        StoreError: missing, unreadable or foreign file.
    """
    if not path.is_file():
        raise StoreError(f"{path} is missing. Build the datastore again.")
    try:
        index = _read(path)
    except RuntimeError as error:
        raise StoreError(
            f"{path} is damaged ({str(error).splitlines()[0][:120]}). Build the datastore again."
        ) from error
    if isinstance(index, faiss.IndexIVFPQFastScan):
        index.implem = _WITH_RESERVOIR
    if (index.ntotal, index.d) != (count, d):
        raise StoreError(
            f"{path} holds {index.ntotal} keys of width {index.d}, the datastore {count} of {d}. Build the datastore again."
        )
    return index


def _read(path: Path) -> faiss.Index:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # a name that does not decode cannot be handed on
        with path.open("rb") as file:
            return faiss.read_index(faiss.PyCallbackIOReader(file.read))
    return faiss.read_index(str(path))


def enough(recipe: str, k: int) -> int:
    """How many candidates are compared again for k neighbors."""
    return k if recipe == "flat" else k * CANDIDATES[recipe] + _MORE_CANDIDATES


def candidates(
    index: faiss.Index, recipe: str, queries: np.ndarray, n: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    """(B, n) entry numbers that the index returns as the nearest of each query; -1 where there are fewer.

    Args:
        queries: (B, d) float32.
        allowed: (N,) bool, entries that may be returned; None for all.
    """
    n = min(n, index.ntotal)
    return index.search(np.ascontiguousarray(queries), n, params=_parameters(index, recipe, n, allowed))[1]


def brute_force(keys: np.ndarray, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> np.ndarray:
    """(B, k) entry numbers of the k nearest of all keys, -1 where there are fewer.

    Matrix products of blocks of keys and queries: for many queries at once several times faster than a flat
    index, which compares query by query. Near ties at rank k may fall either way in 32-bit arithmetic.
    """
    found = np.full((len(queries), k), -1, np.int64)
    distance = np.full((len(queries), k), np.inf, np.float32)
    q = torch.from_numpy(np.ascontiguousarray(queries))
    length = q.square().sum(1, keepdim=True)
    entries = np.arange(len(keys)) if allowed is None else np.flatnonzero(allowed)
    for at in range(0, len(entries), _BLOCK):
        part = entries[at : at + _BLOCK]
        block = torch.from_numpy(keys[part[0] : part[-1] + 1] if allowed is None else keys[part]).float()
        squares = block.square().sum(1)
        for b in range(0, len(queries), _ROWS):
            rows = slice(b, b + _ROWS)
            squared = torch.addmm(squares, q[rows], block.T, alpha=-2.0)  # without |q|^2, the same for all keys
            top = squared.topk(min(k, len(part)), dim=1, largest=False, sorted=False)
            near = (top.values + length[rows]).clamp_min(0.0).numpy()  # rounding can make it negative
            near = np.concatenate([distance[rows], near], axis=1)
            both = np.concatenate([found[rows], part[top.indices.numpy()]], axis=1)
            found[rows], distance[rows] = nearest_first(both, near, k)
    return found


def _parameters(index: faiss.Index, recipe: str, n: int, allowed: np.ndarray | None) -> faiss.SearchParameters | None:
    selector = None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    if recipe == "hnsw":
        return faiss.SearchParametersHNSW(efSearch=max(256, 2 * n), sel=selector)
    if selector is None:
        return None
    if recipe in _LISTED:
        kind = faiss.IVFPQSearchParameters if recipe == "ivfpq" else faiss.SearchParametersIVF
        return kind(nprobe=index.nprobe, sel=selector)
    return faiss.SearchParameters(sel=selector)


def rerank(keys: np.ndarray, queries: np.ndarray, found: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact squared L2 distances of the candidates: the k nearest of each query, nearest first.

    Args:
        keys: (N, d) stored keys. queries: (B, d) float32. found: (B, n) candidates, -1 where there are fewer.

    Returns:
        (B, k) entry numbers, -1 where there are fewer (ties by entry number); (B, k) float64
        distances (computed in 32 bits from the stored keys), infinite there.
    """
    stored, asked = torch.from_numpy(keys), torch.from_numpy(np.ascontiguousarray(queries))
    n, d = found.shape[1], keys.shape[1]
    k = min(k, n)
    entries, distances = np.empty((len(found), k), np.int64), np.empty((len(found), k))
    # Two buffers for all steps: allocating memory in each step costs more than the arithmetic.
    together = min(_QUERIES, len(found))
    half = torch.empty((together * n, d), dtype=stored.dtype)
    full = torch.empty((together, n, d))
    for at in range(0, len(found), _QUERIES):
        part = found[at : at + _QUERIES]
        size = len(part) * n
        torch.index_select(stored, 0, torch.from_numpy(np.maximum(part, 0).ravel()), out=half[:size])
        gap = full[: len(part)].copy_(half[:size].view(len(part), n, d)).sub_(asked[at : at + _QUERIES, None])
        squared = gap.square_().sum(-1).numpy()
        squared[part < 0] = np.inf
        entries[at : at + _QUERIES], distances[at : at + _QUERIES] = nearest_first(part, squared, k)
    return entries, distances


def nearest_first(entries: np.ndarray, squared: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries and distances of the k smallest of (B, n) float32 distances, ties by entry.

    A distance that is not negative sorts like its bits, so distance and entry are sorted as one integer.
    """
    both = np.ascontiguousarray(squared).view(np.uint32).astype(np.uint64) << np.uint64(32) | entries.astype(np.uint32)
    both = np.sort(both, axis=1)[:, :k]
    near = (both & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32).astype(np.int64)
    return near, (both >> np.uint64(32)).astype(np.uint32).view(np.float32)
