"""Reading a user's texts: txt, md, csv, jsonl, parquet, also gzip-compressed, files or folders."""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from memlab.corpus.door import shown
from memlab.corpus.found_files import ending, find, is_packed
from memlab.corpus.one_file import AS_THEY_ARE, FileTexts, TextOptions
from memlab.corpus.prose import read_prose
from memlab.corpus.tables import read_csv, read_jsonl, read_parquet
from memlab.errors import InputError
from memlab.results import Article
from memlab.results.texts import LeftOut, TextReport

LARGEST = 2_000_000_000  # bytes of one file, unpacked
KEPT = 20  # examples of each kind of what was left out

READERS: dict[str, Callable[[bytes, Path, TextOptions], FileTexts]] = {
    ".txt": read_prose,
    ".md": read_prose,
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
}


@dataclass(frozen=True)
class Collection:
    """Texts, and how they were read."""

    articles: tuple[Article, ...]
    report: TextReport


@dataclass(frozen=True)
class NamedTexts:
    """Texts that were not read from a local file, and the name of their source."""

    name: str
    texts: FileTexts


def read_texts(paths: Iterable[Path], options: TextOptions = AS_THEY_ARE) -> list[Article]:
    """The texts of `read_collection`."""
    return list(read_collection(paths, options).articles)


def read_collection(paths: Iterable[Path], options: TextOptions = AS_THEY_ARE) -> Collection:
    """One document per text file, or per row of a table; titles made unique by a number.

    A table needs a column text (or content, body, article, sentence, in any letter case, or the one that
    `options` name); title (or name, subject, id) is used if present. A text in the form of Wikipedia dumps (" = Title
    = " headings) is split at its headings; any other is one document, with line ends "\\n". In a folder,
    hidden files, side files of other systems and links to the outside are left out. If one of several files cannot
    be read, it is left out as well; the report names it.

    Raises:
        InputError: missing file, unknown format, no text column, nothing that can be read.
    """
    return collection_of(map(Path, paths), options)


def collection_of(given: Iterable[Path | Article | NamedTexts], options: TextOptions = AS_THEY_ARE) -> Collection:
    """Files as `read_collection` reads them, and given texts. Ids of articles are kept if they are distinct."""
    reading = _Reading(options)
    for one in given:
        if isinstance(one, Article):
            reading.articles.append(one)
        elif isinstance(one, NamedTexts):
            reading.take(one.texts, one.name)
        else:
            reading.add(one)
    return reading.collection()


class _Reading:
    """The texts read so far, and what was left out."""

    def __init__(self, options: TextOptions) -> None:
        self.options = options
        self.files = 0
        self.articles: list[Article] = []
        self.notices: list[str] = []
        self.refused: list[InputError] = []
        self.left_out: dict[str, list[str]] = defaultdict(list)

    def add(self, path: Path) -> None:
        if os.path.isdir(path):
            found = find(path, READERS, self.options.hidden)
            for kind, names in found.left_out.items():
                self.left_out[kind] += names
            if not found.files:
                rest = "".join(f" {part.sentence()}." for part in _parts(found.left_out))
                raise InputError(f"The folder {path} contains no {', '.join(READERS)} files.{rest}")
            for file in found.files:
                self._read(file, shown(str(file.relative_to(path))))
        elif not os.path.isfile(path):
            raise InputError(f"There is no file {path}.")
        elif ending(path) not in READERS:
            raise InputError(f"{path} has an unknown format. Allowed: {', '.join(READERS)}, each also with .gz.")
        else:
            self._read(path, shown(path.name))

    def _read(self, file: Path, name: str) -> None:
        try:
            texts = _read(file, self.options)
        except InputError as error:
            self.files += 1
            self.refused.append(error)
            self.left_out["unreadable"].append(str(error))
            return
        self.take(texts, name)

    def take(self, texts: FileTexts, name: str) -> None:
        """Adds the texts of one file or data set."""
        self.files += 1
        articles = [a for a in texts.articles if a.text.strip()]
        self.articles += articles
        self.left_out["row"] += [f"{name} row {number}" for number in texts.rows_without]
        if not articles:
            self.left_out["empty"].append(name)
        self.notices += texts.notices

    def collection(self) -> Collection:
        if not self.articles and self.refused:
            raise self.refused[0]
        if not self.articles:
            raise InputError("These files contain no text. Give files of the kinds " + ", ".join(READERS) + ".")
        unique = _unique(self.articles)
        files = self.files - len(self.refused)
        return Collection(unique, TextReport(files, len(unique), _parts(self.left_out), tuple(self.notices)))


def _parts(left_out: dict[str, list[str]]) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(kind, len(names), tuple(names[:KEPT])) for kind, names in sorted(left_out.items()) if names)


def _unique(articles: Sequence[Article]) -> tuple[Article, ...]:
    """The articles with distinct ids: if an id is taken, the title with a number is both title and id."""
    unique: dict[str, Article] = {}
    tried: dict[str, int] = {}
    for a in articles:
        name = a.id
        while name in unique:
            tried[a.title] = tried.get(a.title, 1) + 1
            name = f"{a.title} ({tried[a.title]})"
        unique[name] = a if name == a.id else Article(name, name, a.text, a.kind)
    return tuple(unique.values())


def bytes_of(path: Path) -> bytes:
    """The content of a file, unpacked. Raises InputError for more than `LARGEST` bytes, without reading the rest."""
    with gzip.open(path, "rb") if is_packed(path) else path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        packed = " when it is unpacked" if is_packed(path) else ""
        raise InputError(
            f"{path} has more than {LARGEST / 1e9:.3g} GB{packed}, the limit for one file: its texts are held "
            "in memory while they are read. Split it into several files."
        )
    return raw


def _read(path: Path, options: TextOptions) -> FileTexts:
    try:
        raw = bytes_of(path)
        return READERS[ending(path)](raw, path, options)
    except MemoryError:
        raise InputError(f"{path} is too large for the memory of this computer. Split it into several files.") from None
    except (OSError, EOFError, ValueError, RecursionError, zlib.error, pa.ArrowException, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:160]}") from error
