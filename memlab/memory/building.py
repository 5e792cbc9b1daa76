"""Building a datastore from a model and a collection of texts.

The collection is read in shards of whole documents. Each shard's entries are planned (tokenization),
encoded (forward passes) and written to a working folder; a shard counts when it has been renamed into
place, so a build that is stopped, killed or out of disk goes on from its last finished shard. Memory
is bounded by the shard, not by the collection. At the end the shards are joined, the index is built,
and the working folder is renamed to the datastore's name.

One forward pass can serve several kinds of keys: each further kind becomes a datastore of its own,
`<name>-<key>`, that shares the files of values and documents.
"""

from __future__ import annotations

import errno
import importlib.metadata
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import faiss
import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memlab.corpus.generator import corpus_hash
from memlab.errors import HomeError, InputError, StoreError
from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.datastore import Datastore, Fingerprint, Meta
from memlab.memory.index import make_index, recipe_for, write_index
from memlab.memory.plan import WHOLE, Reading, encode_plan, plan
from memlab.results import Article

Progress = Callable[[float, str], None]
SHARD_TOKENS = 60_000  # words, roughly, of the texts of one shard


class StoppedError(Exception):
    """The build was asked to stop; what is finished is kept."""


@dataclass(frozen=True)
class Order:
    """What to build. `keys[0]` is the key of the datastore `name`; further keys become `name-<key>`."""

    name: str
    keys: tuple[str, ...]
    recipe: str | None = None
    reading: Reading = WHOLE
    shard: int = SHARD_TOKENS


def build(
    home: Path,
    model: LanguageModel,
    documents: Sequence[Article],
    order: Order,
    progress: Progress = lambda fraction, message: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Builds the datastores of an order; returns their folders. Goes on where an earlier try ended.

    Raises:
        InputError: no text, or nothing in it that can be remembered.
        HomeError: the folder cannot be written or the disk is full.
        StoppedError: `stop` said so between two shards.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", order.name):
        raise InputError(f"{order.name!r} cannot name a datastore. Use letters, digits, '-', '_' and '.'.")
    for key in order.keys:
        model.check_key(key)
    if not documents:
        raise InputError("There is no text to remember. Give at least one document.")
    try:
        return _build(home, model, documents, order, progress, stop)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HomeError(
                f"The disk is full while building {order.name!r}. What is finished is kept: free some space "
                "and build again, it goes on where it ended."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise HomeError(
                f"{home} cannot be written ({error.strerror}). Set MEMLAB_HOME to a folder that can."
            ) from error
        raise


def _build(
    home: Path, model: LanguageModel, documents: Sequence[Article], order: Order, progress: Progress, stop: Callable
) -> list[Path]:
    folder = home / "datastores"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f".{order.name}.lock"):
        reading = order.reading.checked(model)
        wanted = _fingerprint(model, documents, order, reading)
        done = [folder / n for n in _names(order)]
        if all(_same(path, replace(wanted, key=key)) for path, key in zip(done, order.keys, strict=True)):
            return done
        work = folder / f".{order.name}.building"
        _begin(work, wanted, order)
        parts = list(_shards(documents, order.shard))
        for number, (first, last) in enumerate(parts):
            if stop():
                raise StoppedError(f"stopped after {number} of {len(parts)} shards")
            if not (work / f"{number:06d}").is_dir():
                _write_shard(work, number, model, documents[first:last], first, order, reading)
            progress(0.95 * (last / len(documents)), f"{last} of {len(documents)} texts read")
        progress(0.96, "joining shards")
        _join(work, len(parts), documents, wanted, order, model)
        for path, key in zip(done, order.keys, strict=True):
            _put(work / key, path)
        shutil.rmtree(work)
        progress(1.0, "done")
        return done


def _names(order: Order) -> list[str]:
    return [order.name, *(f"{order.name}-{key}" for key in order.keys[1:])]


def _fingerprint(model: LanguageModel, documents: Sequence[Article], order: Order, reading: Reading) -> Fingerprint:
    return Fingerprint(
        model=model.name,
        model_hash=model.weights_hash,
        tokenizer_hash=model.tokenizer_hash,
        kind=model.kind,
        key=order.keys[0],
        width=model.d,
        dtype="float16",
        count=0,
        documents=len(documents),
        corpus_hash=corpus_hash(part for a in documents for part in (a.id, a.title, a.text)),
        index=order.recipe or "",
        window=reading.window,
        stride=reading.stride,
    )


def _same(path: Path, wanted: Fingerprint) -> bool:
    """Whether a finished datastore is what is wanted (count and chosen index are known only afterwards)."""
    try:
        store = Datastore(path)
        store.index, store.articles  # noqa: B018  reads and checks the files
    except StoreError:
        return False
    have = store.fingerprint
    return have == replace(wanted, count=have.count, index=wanted.index or have.index)


def _begin(work: Path, wanted: Fingerprint, order: Order) -> None:
    """Keeps the shards of an interrupted build of the same thing; clears anything else."""
    ticket = json.dumps({**asdict(wanted), "keys": order.keys, "shard": order.shard}, default=list)
    path = work / "order.json"
    if not (path.is_file() and path.read_text("utf-8") == ticket):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        path.write_text(ticket, "utf-8")
    for rest in [*work.glob("*.tmp"), *(work / key for key in order.keys)]:
        shutil.rmtree(rest, ignore_errors=True)


def _shards(documents: Sequence[Article], size: int) -> Iterator[tuple[int, int]]:
    """(first, last) rows of documents that together have about `size` words."""
    first, words = 0, 0
    for row, document in enumerate(documents):
        words += document.text.count(" ") + 1
        if words >= size:
            yield first, row + 1
            first, words = row + 1, 0
    if first < len(documents):
        yield first, len(documents)


def _write_shard(
    work: Path,
    number: int,
    model: LanguageModel,
    documents: Sequence[Article],
    first: int,
    order: Order,
    reading: Reading,
) -> None:
    planned = plan(model, documents, first, reading)
    encoded = encode_plan(model, planned, order.keys)
    part = work / f"{number:06d}.tmp"
    part.mkdir()
    for name, array in {"values.i32": planned.values, "tokens.i32": planned.spans}.items():
        _write_array(array, part / name)
    for key, array in encoded.items():
        _write_array(array, part / f"{key}.f16")
    part.rename(work / f"{number:06d}")


def _write_array(array: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:  # ndarray.tofile says nothing when the disk is full
        file.write(np.ascontiguousarray(array).data)


def _join(
    work: Path, shards: int, documents: Sequence[Article], wanted: Fingerprint, order: Order, model: LanguageModel
) -> None:
    """The finished datastores, one folder a key, still inside the working folder."""
    parts = [work / f"{number:06d}" for number in range(shards)]
    first = work / order.keys[0]
    first.mkdir()
    for name in ("values.i32", "tokens.i32"):
        _concatenate((p / name for p in parts), first / name)
    spans = np.fromfile(first / "tokens.i32", np.int32).reshape(-1, 3)
    count = len(spans)
    if count == 0:
        raise InputError(
            f"Nothing in these texts can be remembered by {model.name}: they hold no word that is a single token."
        )
    _write_documents(documents, spans, first / "documents.parquet")
    ArticleSearch.over((a.text for a in documents), [a.title for a in documents]).write(first / "articles.npz")
    recipe = order.recipe or recipe_for(count)
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "numpy")}
    versions["faiss"] = faiss.__version__
    for key, name in zip(order.keys, _names(order), strict=True):
        out = work / key
        if key != order.keys[0]:
            out.mkdir()
            for shared in ("values.i32", "tokens.i32", "documents.parquet", "articles.npz"):
                _link(first / shared, out / shared)
        _concatenate((p / f"{key}.f16" for p in parts), out / "keys.f16")
        keys = np.memmap(out / "keys.f16", np.float16, "r", shape=(count, model.d))
        write_index(make_index(recipe, keys), out / "index.faiss")
        Meta(name, replace(wanted, key=key, count=count, index=recipe), versions=versions).write(out)


def _write_documents(documents: Sequence[Article], spans: np.ndarray, path: Path) -> None:
    count = np.bincount(spans[:, 0], minlength=len(documents))
    table = pa.table(
        {
            "id": [a.id for a in documents],
            "title": [a.title for a in documents],
            "kind": pa.array([a.kind for a in documents], pa.string()),
            "text": [a.text for a in documents],
            "first": np.concatenate([[0], np.cumsum(count)[:-1]]),
            "count": count,
        }
    )
    pq.write_table(table, path)


def _concatenate(parts: Iterable[Path], out: Path) -> None:
    with out.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


def _link(source: Path, target: Path) -> None:
    """A second name for the same file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _put(new: Path, place: Path) -> None:
    """Renames a finished folder into place; an older one is moved away first and then removed."""
    old = place.with_name(f".{place.name}.old-{time.time_ns()}")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
