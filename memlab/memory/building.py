"""Building a datastore from a model and a collection of texts.

The collection is read in shards: some documents, or a part of one long document. Each shard's entries are found (tokenization),
encoded (forward passes) and written to a working folder; a shard counts when it has been renamed into
place, so a build that is stopped, killed or runs out of disk continues from its last finished shard. Memory
is bounded by the shard, not by the collection. At the end the shards are joined, the index is built,
and the working folder is renamed to the datastore's name.

One forward pass can serve several kinds of keys: each further kind becomes a datastore of its own,
`<name>-<key>`, that shares the files of values and documents.
"""

from __future__ import annotations

import errno
import importlib.metadata
import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import faiss
import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memlab.corpus.door import checked_texts
from memlab.corpus.generator import corpus_hash
from memlab.errors import HomeError, InputError, StoppedError, StoreError
from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.datastore import Datastore, Fingerprint, Meta
from memlab.memory.entries import WHOLE, Reading, encode_keys, entries_of, entries_of_part
from memlab.memory.files import concatenate, link, locked, put, put_away, write_array
from memlab.memory.index import make_index, recipe_for, write_index
from memlab.memory.marks import mark
from memlab.progress import Progress, Stop, Tick, never_stop, no_progress
from memlab.results import Article

SHARD_TOKENS = 60_000  # words, roughly, of the texts of one shard
SHARED = ("values.i32", "tokens.i32", "documents.parquet", "articles.npz")  # by the datastores of one build
LONG_WORD = 12  # characters, with its space
TICK = 0.1  # seconds between two reports of progress, and two checks of `stop`


@dataclass(frozen=True)
class Order:
    """What to build. `keys[0]` is the key of the datastore `name`; further keys become `name-<key>`."""

    name: str
    keys: tuple[str, ...]
    recipe: str | None = None
    reading: Reading = WHOLE
    shard: int = SHARD_TOKENS
    part: int = SHARD_TOKENS  # words of a part of a long document; one with more is read in several shards


def build(
    home: Path,
    model: LanguageModel,
    documents: Sequence[Article],
    order: Order,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> list[Path]:
    """Builds the datastores of an order; returns their folders. Continues where an earlier try ended.

    `stop` is called at every batch; exceptions of `progress` abort the build too; finished shards are kept.

    Raises:
        InputError: no text, or nothing in it that can be remembered.
        HomeError: the folder cannot be written or the disk is full.
        StoppedError: `stop` returned True.
    """
    check_name(order.name)
    for key in order.keys:
        model.check_key(key)
    if not documents:
        raise InputError("There is no text to remember. Give at least one document.")
    for document in documents:
        checked_texts((document.id, document.title, document.text), f"The document {document.title!r}")
    try:
        return _build(home, model, documents, order, progress, stop)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HomeError(
                f"The disk is full while building {order.name!r}. What is finished is kept: free some space "
                "and build again; it continues where it ended."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise HomeError(
                f"{home} cannot be written ({error.strerror}). Set MEMLAB_HOME to a folder that can."
            ) from error
        raise


def check_name(name: str) -> None:
    """Raises InputError for a name that a datastore cannot have."""
    if not name:
        raise InputError("The datastore needs a name: letters, digits, '-', '_' and '.'.")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", name):
        raise InputError(f"{name!r} cannot name a datastore. Use letters, digits, '-', '_' and '.'.")


def _build(
    home: Path, model: LanguageModel, documents: Sequence[Article], order: Order, progress: Progress, stop: Stop
) -> list[Path]:
    folder = home / "datastores"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f".{order.name}.lock", progress, stop):
        reading = order.reading.checked(model)
        wanted = _fingerprint(model, documents, order, reading)
        done = [folder / n for n in _names(order)]
        if all(_same(path, replace(wanted, key=key)) for path, key in zip(done, order.keys, strict=True)):
            return done
        work = folder / f".{order.name}.building"
        _begin(work, wanted, order)
        parts = list(_shards(documents, order.shard, order.part))
        for number, shard in enumerate(parts):
            watch = _Watch(
                progress, stop, shard.begin, shard.end, len(documents), f"stopped after {number} of {len(parts)} shards"
            )
            watch.ask()
            if not (work / f"{number:06d}").is_dir():
                _write_shard(work, number, model, documents, shard, order, reading, watch)
            progress(0.95 * (shard.end / len(documents)), f"{int(shard.end)} of {len(documents)} texts read")
        progress(0.95, "joining shards")
        _join(work, len(parts), documents, wanted, order, model, partial(_indexing, progress, stop))
        for path, key in zip(done, order.keys, strict=True):
            put(work / key, path)
        shutil.rmtree(work)
        progress(1.0, "done")
        return done


@dataclass
class _Watch:
    """Progress within the shard of documents `first` to `last` (exclusive, fractions in a long one) of `count`."""

    progress: Progress
    stop: Stop
    first: float
    last: float
    count: int
    stopped: str
    said: float = field(default_factory=time.monotonic)

    def __call__(self, share: float) -> None:
        """Reports progress and checks `stop`, at most every TICK seconds."""
        if time.monotonic() - self.said >= TICK:
            self.said = time.monotonic()
            self.ask()
            at = self.first + share * (self.last - self.first)
            self.progress(0.95 * at / self.count, f"{int(at)} of {self.count} texts read")

    def ask(self) -> None:
        """Raises StoppedError if the build was asked to stop."""
        if self.stop():
            raise StoppedError(self.stopped)


def _indexing(progress: Progress, stop: Stop, share: float) -> None:
    if stop():
        raise StoppedError("stopped while making the index; all shards are kept")
    progress(0.96 + 0.03 * share, "making the index")


def _names(order: Order) -> list[str]:
    return [order.name, *(f"{order.name}-{key}" for key in order.keys[1:])]


def _fingerprint(model: LanguageModel, documents: Sequence[Article], order: Order, reading: Reading) -> Fingerprint:
    return Fingerprint(
        model=model.name,
        model_hash=model.weights_hash,
        tokenizer_hash=model.tokenizer_hash,
        kind=model.kind,
        key=order.keys[0],
        width=model.width(order.keys[0]),
        dtype="float16",
        count=0,
        documents=len(documents),
        corpus_hash=corpus_hash(part for a in documents for part in (a.id, a.title, a.text)),
        index=order.recipe or "",
        window=reading.window,
        stride=reading.stride,
        precision=model.dtype,
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
    sizes = {"shard": order.shard, "part": order.part}
    ticket = json.dumps({**asdict(wanted), "keys": order.keys, **sizes}, default=list)
    path = work / "order.json"
    if not (path.is_file() and path.read_text("utf-8") == ticket):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        path.write_text(ticket, "utf-8")
    for rest in [*work.glob("*.tmp"), *(work / key for key in order.keys)]:
        shutil.rmtree(rest, ignore_errors=True)


@dataclass(frozen=True)
class Shard:
    """Documents `first` to `last` (exclusive), or part number `n` of `of` of the one document `first`."""

    first: int
    last: int
    n: int = 0
    of: int = 1

    @property
    def begin(self) -> float:
        """Where it begins, counted in documents."""
        return self.first + self.n / self.of

    @property
    def end(self) -> float:
        """Where it ends, counted in documents."""
        return self.last if self.of == 1 else self.first + (self.n + 1) / self.of

    def characters(self, text: str) -> tuple[int, int]:
        """First and last (exclusive) character of the part of a long document; equal parts."""
        return len(text) * self.n // self.of, len(text) * (self.n + 1) // self.of


def _shards(documents: Sequence[Article], size: int, part: int) -> Iterator[Shard]:
    """Documents that together have about `size` words; one with more than `part` words is cut into equal parts."""
    first, words = 0, 0
    for row, document in enumerate(documents):
        own = _words(document.text)
        if own > part:
            if first < row:
                yield Shard(first, row)
            of = -(-own // part)
            yield from (Shard(row, row + 1, n, of) for n in range(of))
            first, words = row + 1, 0
            continue
        words += own
        if words >= size:
            yield Shard(first, row + 1)
            first, words = row + 1, 0
    if first < len(documents):
        yield Shard(first, len(documents))


def _words(text: str) -> int:
    """About how many words a text has; one without spaces is counted by its length."""
    return max(text.count(" ") + 1, len(text) // LONG_WORD)


def _write_shard(
    work: Path,
    number: int,
    model: LanguageModel,
    documents: Sequence[Article],
    shard: Shard,
    order: Order,
    reading: Reading,
    watch: _Watch,
) -> None:
    if shard.of == 1:
        planned = entries_of(model, documents[shard.first : shard.last], shard.first, reading, watch)
    else:
        document = documents[shard.first]
        planned = entries_of_part(model, document, shard.first, shard.characters(document.text), reading, watch)
    encoded = encode_keys(model, planned, order.keys, watch)
    part = work / f"{number:06d}.tmp"
    part.mkdir()
    for name, array in {"values.i32": planned.values, "tokens.i32": planned.spans}.items():
        write_array(array, part / name)
    for key, array in encoded.items():
        write_array(array, part / f"{key}.f16")
    part.rename(work / f"{number:06d}")


def _join(
    work: Path,
    shards: int,
    documents: Sequence[Article],
    wanted: Fingerprint,
    order: Order,
    model: LanguageModel,
    tick: Tick,
) -> None:
    """The finished datastores, one folder a key, still inside the working folder."""
    parts = [work / f"{number:06d}" for number in range(shards)]
    first = work / order.keys[0]
    first.mkdir()
    for name in ("values.i32", "tokens.i32"):
        concatenate((p / name for p in parts), first / name)
    spans = np.fromfile(first / "tokens.i32", np.int32).reshape(-1, 3)
    count = len(spans)
    if count == 0:
        raise InputError(
            f"Nothing in these texts can be remembered by {model.name}: they hold no word that is a single token."
        )
    _write_documents(documents, spans, first / "documents.parquet")
    ArticleSearch.over((a.text for a in documents), [a.title for a in documents]).write(first / "articles.npz")
    marks = {file: mark(first / file) for file in SHARED}
    recipe = order.recipe or recipe_for(count, model.width(order.keys[0]))
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "numpy")}
    versions["faiss"] = faiss.__version__
    for number, (key, name) in enumerate(zip(order.keys, _names(order), strict=True)):
        out = work / key
        if key != order.keys[0]:
            out.mkdir()
            for shared in SHARED:
                link(first / shared, out / shared)
        concatenate((p / f"{key}.f16" for p in parts), out / "keys.f16")
        keys = np.memmap(out / "keys.f16", np.float16, "r", shape=(count, model.width(key)))
        index = make_index(recipe, keys, partial(_of_one, tick, number, len(order.keys)))
        write_index(index, out / "index.faiss")
        marks |= {file: mark(out / file) for file in ("keys.f16", "index.faiss")}
        made = replace(wanted, key=key, width=model.width(key), count=count, index=recipe)
        Meta(name, made, versions=versions, files=marks).write(out)


def _of_one(tick: Tick, number: int, of: int, share: float) -> None:
    tick((number + share) / of)


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
    with path.open("wb") as file:  # pyarrow cannot open a name that does not decode
        pq.write_table(table, file)


def remove_store(home: Path, name: str) -> None:
    """Removes a datastore; processes that have it open keep its files. Raises InputError while it is being built."""
    folder = home / "datastores"
    try:
        with filelock.FileLock(folder / f".{name}.lock", timeout=0):
            put_away(folder / name)
    except filelock.Timeout:
        raise InputError(f"The datastore {name!r} is being built. Stop that first.") from None
