"""A datastore on disk: keys and values of all entries, and where each entry was read.

    datastores/<name>/
        meta.json           fingerprint, index recipe, calibrated settings, versions
        keys.f16            (N, d) float16
        values.i32          (N,)   int32 token ids
        tokens.i32          (N, 3) int32 document row, first and last character (exclusive) of the value
        documents.parquet   id, title, kind, text, first entry and number of entries of each document
        articles.npz        TF-IDF matrix of the article search
        index.faiss         for searches over all entries

Arrays are memory-mapped. A datastore that belongs to another model, tokenizer, key or collection is
refused with the reason: read with the wrong model it would silently give nonsense (the most frequent
complaint about public implementations).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
import pyarrow.parquet as pq

from memlab.errors import NotFound, StoreError
from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.index import read_index
from memlab.memory.marks import DAMAGED, Mark, StoreCheck, check_samples, verified
from memlab.results import Article
from memlab.results.texts import TextSource

FORMAT = 1
FILES = ("meta.json", "keys.f16", "values.i32", "tokens.i32", "documents.parquet", "articles.npz", "index.faiss")


@dataclass(frozen=True)
class Fingerprint:
    """What a datastore was made from. Two datastores with equal fingerprints have the same content."""

    model: str
    model_hash: str
    tokenizer_hash: str
    kind: str
    key: str
    width: int
    dtype: str
    count: int
    documents: int
    corpus_hash: str
    index: str
    window: int | None = None
    stride: int | None = None
    precision: str = "float32"  # the type that the model computed in; `dtype` is that of the stored keys


@dataclass(frozen=True)
class Meta:
    """meta.json. `calibrated` maps a method to its tuned settings and how they were found; `files` are the marks of
    the other files, empty where an earlier memlab built the datastore; `sources` the data sets of the hub that it holds."""

    name: str
    fingerprint: Fingerprint
    calibrated: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT
    files: Mapping[str, Mark] = field(default_factory=dict)
    sources: tuple[TextSource, ...] = ()

    def write(self, folder: Path) -> None:
        work = folder / "meta.json.tmp"
        work.write_text(json.dumps(asdict(self), indent=1), "utf-8")
        work.replace(folder / "meta.json")

    @staticmethod
    def read(folder: Path) -> Meta:
        """Raises StoreError when meta.json is missing, damaged or of another format."""
        path = folder / "meta.json"
        try:
            raw = json.loads(path.read_text("utf-8"))
            if raw.get("format") != FORMAT:
                raise StoreError(
                    f"{path} has format {raw.get('format')!r}; this memlab reads format {FORMAT}. Build the datastore again."
                )
            files = {name: Mark(**mark) for name, mark in raw.get("files", {}).items() if name in FILES}
            sources = tuple(TextSource(**source) for source in raw.get("sources", ()))
            made: dict[str, Any] = {
                "fingerprint": Fingerprint(**raw["fingerprint"]),
                "files": files,
                "sources": sources,
            }
            return Meta(**{**raw, **made})
        except FileNotFoundError:
            raise StoreError(f"{folder} is not a datastore: meta.json is missing. Build it again.") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{path} is damaged ({error}). Build the datastore again.") from error


class Documents:
    """The texts of a collection by row, and the entries of each."""

    def __init__(self, articles: list[Article], first: np.ndarray, count: np.ndarray) -> None:
        self.articles, self.first, self.count = articles, first, count

    @staticmethod
    def read(path: Path) -> Documents:
        """Raises StoreError for a missing or damaged file."""
        try:
            with path.open("rb") as file:  # pyarrow cannot open a name that does not decode
                table = pq.ParquetFile(file).read().to_pydict()  # read_table imports pandas
            rows = zip(table["id"], table["title"], table["text"], table["kind"], strict=True)
            articles = [Article(*row) for row in rows]
            return Documents(articles, np.asarray(table["first"], np.int64), np.asarray(table["count"], np.int64))
        except FileNotFoundError:
            raise StoreError(f"{path} is missing. Build the datastore again.") from None
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{path} is damaged ({str(error)[:120]}). Build the datastore again.") from error

    def __len__(self) -> int:
        return len(self.articles)

    def article(self, row: int) -> Article:
        """One text."""
        return self.articles[row]

    def row_of(self, document: str) -> int | None:
        """The row of a document id; None when it is not in the collection."""
        return self._rows.get(document)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {article.id: row for row, article in enumerate(self.articles)}

    def entries(self, rows: Sequence[int]) -> np.ndarray:
        """Entry numbers of some documents."""
        parts = [np.arange(self.first[r], self.first[r] + self.count[r]) for r in rows]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


class Searchable(Protocol):
    """What a search within articles needs: a finished datastore, or one whose keys are still being encoded."""

    @property
    def ready(self) -> bool: ...

    @property
    def name(self) -> str: ...

    @property
    def values(self) -> Any: ...

    @property
    def spans(self) -> Any: ...

    @property
    def documents(self) -> Documents: ...

    @property
    def words(self) -> Mapping[str, int]: ...

    @property
    def articles(self) -> ArticleSearch: ...

    def __len__(self) -> int: ...

    def gather(self, entries: np.ndarray) -> np.ndarray: ...

    def source_of(self, entry: int) -> str: ...


class Datastore:
    """An open datastore: immutable, shared by all threads."""

    ready = True

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.meta = Meta.read(folder)
        f = self.meta.fingerprint
        check_samples(folder, self.meta.files)
        self.keys = _mapped(folder / "keys.f16", np.float16, (f.count, f.width))
        self.values = _mapped(folder / "values.i32", np.int32, (f.count,))
        self.spans = _mapped(folder / "tokens.i32", np.int32, (f.count, 3))
        self.documents = Documents.read(folder / "documents.parquet")
        if len(self.documents) != f.documents or int(self.documents.count.sum()) != f.count:
            raise StoreError(f"{folder / 'documents.parquet'} does not belong to this datastore. Build it again.")

    @property
    def name(self) -> str:
        return self.meta.name

    @property
    def fingerprint(self) -> Fingerprint:
        return self.meta.fingerprint

    def __len__(self) -> int:
        return self.fingerprint.count

    @cached_property
    def index(self) -> faiss.Index:
        """The index over all entries; read at the first search that needs it."""
        return read_index(self.path / "index.faiss", self.fingerprint.count, self.fingerprint.width)

    @cached_property
    def articles(self) -> ArticleSearch:
        """The article search over the documents."""
        return ArticleSearch.read(self.path / "articles.npz", [a.title for a in self.documents.articles])

    words: Mapping[str, int] = {}  # memory-only words: a datastore has none

    def source_of(self, entry: int) -> str:
        """Where an entry comes from: always "base"; taught entries are in the overlay."""
        return "base"

    def gather(self, entries: np.ndarray) -> np.ndarray:
        """(n, d) float32 keys of some entries."""
        return self.keys[entries].astype(np.float32)

    def check(self, model: LanguageModel, key: str | None = None, corpus_hash: str | None = None) -> None:
        """Raises StoreError unless the store was made by this model, for this key, from this collection."""
        f, where = self.fingerprint, f"The datastore {self.name!r}"
        if f.kind != model.kind:
            raise StoreError(
                f"{where} was made by a {f.kind} model, {model.name} is {model.kind}. Choose another datastore."
            )
        if f.precision != model.dtype:
            raise StoreError(
                f"{where} holds keys that {f.model} computed in {f.precision}; here it computes in {model.dtype}, and queries of "
                f"another type would find other neighbors. Set MEMLAB_DTYPE={f.precision}, or build it again."
            )
        if f.model_hash != model.weights_hash:
            raise StoreError(
                f"{where} was made by {f.model} with other weights than {model.name} has now; read with the wrong model "
                f"it would give nonsense. Use the model that made it, or build a datastore for {model.name}."
            )
        if f.tokenizer_hash != model.tokenizer_hash:
            raise StoreError(f"{where} was made with another tokenizer than {model.name} has. Build it again.")
        if key is not None and key != f.key:
            raise StoreError(f"{where} holds keys of the kind {f.key!r}, not {key!r}. Build one with key {key!r}.")
        if corpus_hash is not None and corpus_hash != f.corpus_hash:
            raise StoreError(f"{where} was made from another collection. Build it again.")


def _mapped(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """A memory-mapped array; raises StoreError unless the file has exactly the right size."""
    need = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not path.is_file():
        raise StoreError(f"{path} is missing. Build the datastore again.")
    if path.stat().st_size != need:
        raise StoreError(
            f"{path} has {path.stat().st_size} bytes, {need} are expected: damaged. Build the datastore again."
        )
    if need == 0:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)


def stamp(folder: Path) -> tuple[tuple[int, int] | None, ...]:
    """Modification time (ns) and size of each file, None for a missing one.

    Compared before a store is reused: reading a mapped file that was truncated would crash the process.
    """
    out: list[tuple[int, int] | None] = []
    for name in FILES:
        try:
            found = (folder / name).stat()
            out.append((found.st_mtime_ns, found.st_size))
        except (OSError, ValueError):  # ValueError: a name that no file can have
            out.append(None)
    return tuple(out)


def listed(home: Path) -> list[str]:
    """Names of the datastores in a home folder, readable or not."""
    folder = home / "datastores"
    return (
        sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")) if folder.is_dir() else []
    )


def verify_store(home: Path, name: str) -> StoreCheck:
    """Whether every byte of a datastore is what was built. Raises NotFound for an unknown name."""
    if name not in listed(home):
        raise NotFound.named("datastore", name, listed(home), "Build one with `memlab build`.")
    folder = home / "datastores" / name
    try:
        Datastore(folder)
        return verified(name, folder, Meta.read(folder).files)
    except StoreError as error:
        return StoreCheck(name, DAMAGED, (str(error),))


def open_store(home: Path, name: str) -> Datastore:
    """Opens a datastore by name. Raises NotFound (with the names that exist) or StoreError (damaged)."""
    if name not in listed(home):
        raise NotFound.named("datastore", name, listed(home), "Build one with `memlab build`.")
    return Datastore(home / "datastores" / name)
