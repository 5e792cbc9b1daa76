"""The neighbors of every training position, found once (Yogatama et al., TACL 2021, section "Training").

A position must not find itself or a copy of itself: a model trained with such neighbors would learn to
copy the answer. Left out for a position are, besides itself,

- entries of the same text fewer than `gap` entries away: their contexts overlap with the position's;
- entries in a sentence of at least `COPY` characters that is word for word the sentence of the
  position: a copy of it, which names the answer. (Shorter ones, "Yes, sir.", are common phrases. Longer
  ones than `LONG` characters, such as text without full stops, are compared in pieces of that length.)

A fact stated in other words stays: that is what memory is for, and what it will have when the model is used.

Every position of a text is compared with every entry of a memory, often 10^11 pairs. Where that would take
minutes with an exact index, one with inverted lists is made for this search, which loses few neighbors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from memlab.corpus.sentences import sentence_spans
from memlab.errors import StoppedError
from memlab.memory.datastore import Datastore
from memlab.memory.index import candidates, enough, make_index, rerank
from memlab.memory.search import search_all
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.results import Article

COPY, LONG = 24, 600
EXACT = 5_000_000_000  # pairs that are compared one by one, a few seconds; more go through an index with lists
_BLOCK = 8192  # queries of one step
_MORE = (4, 32)  # multiples of K that are searched: at first, and again where too few were left


@dataclass(frozen=True)
class Positions:
    """The training positions whose neighbors are wanted, in the order of the text.

    keys: (n, d) of the frozen encoder. sentence: (n,) the sentence they are in, see `sentences_of`.
    own: whether they are the entries of the datastore itself, in its order.
    """

    keys: np.ndarray
    sentence: np.ndarray
    own: bool

    def __len__(self) -> int:
        return len(self.sentence)


@dataclass(frozen=True)
class Ticket:
    """What precomputed neighbors were computed from; they are reused only where all of it is the same."""

    encoder_hash: str
    key: str
    memory_hash: str
    text_hash: str
    index: str
    K: int
    gap: int
    copy: int = COPY
    long: int = LONG

    @property
    def name(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:24]


def sentences_of(documents: Sequence[Article], spans: np.ndarray) -> np.ndarray:
    """(n,) int64 identity of the sentence that contains each entry: equal for equal texts; 0 for a short one.

    Args:
        spans: (n, 3) document row, first and last character of each entry's value, documents in order.
    """
    out = np.zeros(len(spans), np.int64)
    bounds = np.searchsorted(spans[:, 0], np.arange(len(documents) + 1))
    for row, document in enumerate(documents):
        first, last = bounds[row], bounds[row + 1]
        ends, names = [], []
        whole = sentence_spans(document.text)
        for start, end in [(at, min(at + LONG, stop)) for begin, stop in whole for at in range(begin, stop, LONG)]:
            text = " ".join(document.text[start:end].split())
            ends.append(end)
            names.append(_name(text) if len(text) >= COPY else 0)
        if ends:
            at = np.minimum(np.searchsorted(ends, spans[first:last, 1], side="right"), len(ends) - 1)
            out[first:last] = np.asarray(names, np.int64)[at]
    return out


def _name(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little", signed=True) | 1


def neighbors(
    store: Datastore,
    positions: Positions,
    K: int,
    gap: int,
    apart: bool = True,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> np.ndarray:
    """(n, K) int32 entry numbers of each position's nearest entries, -1 where fewer are left.

    Args:
        apart: False keeps the position itself and its copies, to show what that does; never to train a model.

    Raises:
        StoppedError: `stop` returned True.
    """
    nearest = _search_function(store, len(positions))
    in_store = sentences_of(store.documents.articles, np.asarray(store.spans))
    out = np.empty((len(positions), K), np.int32)
    for begin in range(0, len(positions), _BLOCK):
        if stop():
            raise StoppedError("Stopped while neighbors were searched.")
        rows = np.arange(begin, min(begin + _BLOCK, len(positions)))
        for more in _MORE:
            k = min(len(store), more * K)
            entries = nearest(positions.keys[rows].astype(np.float32), k)
            if apart:
                entries = np.where(_too_near(entries, rows, positions, in_store, gap), -1, entries)
            out[rows] = _first(entries, K)
            rows = rows[out[rows, -1] < 0]
            if not len(rows) or k == len(store):
                break
        progress(min(1.0, (begin + _BLOCK) / len(positions)), f"neighbors of {begin:,} of {len(positions):,} positions")
    return out


def _search_function(store: Datastore, count: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """The function from queries (B, d) and k to the (B, k) nearest entries; `count` queries will be made in all."""
    if store.fingerprint.index != "flat" or count * len(store) <= EXACT:
        return lambda queries, k: search_all(store, queries, k).entries
    index = make_index("fastscan", store.keys)

    def nearest(queries: np.ndarray, k: int) -> np.ndarray:
        return rerank(store.keys, queries, candidates(index, "fastscan", queries, enough("fastscan", k)), k)[0]

    return nearest


def _too_near(
    entries: np.ndarray, rows: np.ndarray, positions: Positions, in_store: np.ndarray, gap: int
) -> np.ndarray:
    """(B, k) bool: the position itself, an overlapping context, or a copy of its sentence."""
    sentence = positions.sentence[rows][:, None]
    near = (in_store[np.maximum(entries, 0)] == sentence) & (sentence != 0)
    if positions.own:
        near |= np.abs(entries - rows[:, None]) < gap
    return near


def _first(entries: np.ndarray, K: int) -> np.ndarray:
    """The first K of each row that are not -1, in order; -1 where there are fewer."""
    order = np.argsort(entries < 0, axis=1, kind="stable")[:, :K]
    first = np.take_along_axis(entries, order, 1)
    return np.pad(first, ((0, 0), (0, K - first.shape[1])), constant_values=-1)


def kept(folder: Path, ticket: Ticket, count: int) -> np.ndarray | None:
    """(count, K) neighbors that were computed from the same things earlier, or None."""
    path, record = folder / f"{ticket.name}.i32", folder / f"{ticket.name}.json"
    if not path.is_file() or not record.is_file():
        return None
    ids = np.fromfile(path, np.int32)
    if json.loads(record.read_text("utf-8")).get("sha256") != identity(ids) or ids.size != count * ticket.K:
        return None  # damaged: computed again
    return ids.reshape(count, ticket.K)


def keep(folder: Path, ticket: Ticket, ids: np.ndarray) -> None:
    """Writes neighbors and what they were computed from."""
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / f"{ticket.name}.tmp"
    ids.tofile(work)
    work.replace(folder / f"{ticket.name}.i32")
    record = {**asdict(ticket), "sha256": identity(ids), "positions": len(ids)}
    (folder / f"{ticket.name}.json").write_text(json.dumps(record, indent=1), "utf-8")


def identity(ids: np.ndarray) -> str:
    """sha256 of neighbor ids."""
    return hashlib.sha256(np.ascontiguousarray(ids, np.int32).tobytes()).hexdigest()
