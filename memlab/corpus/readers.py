"""Reading texts of one's own: txt, md, csv, jsonl, parquet, also gzip-compressed, files or folders."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from memlab.errors import InputError
from memlab.results import Article

_TEXT = ("text", "content", "body", "article", "sentence")
_TITLE = ("title", "name", "subject", "id")


def read_texts(paths: Iterable[Path]) -> list[Article]:
    """One document per text file, or per row of a table; titles made unique by a number.

    A table needs a column text (or content, body, article, sentence); title (or name, subject, id) is
    used if there. A text of Wikipedia dumps form (" = Title = " headings) is split at its headings; any other
    is taken as it stands, line ends made "\\n".

    Raises:
        InputError: missing, unreadable or empty file, unknown format, no text column.
    """
    documents: list[Article] = []
    for path in paths:
        for file in _files(path):
            documents += _read(file)
    unique: dict[str, Article] = {}
    tried: dict[str, int] = {}
    for d in documents:
        title = d.title
        while title in unique:
            tried[d.title] = tried.get(d.title, 1) + 1
            title = f"{d.title} ({tried[d.title]})"
        unique[title] = Article(title, title, d.text, d.kind)
    if not unique:
        raise InputError("These files hold no text. Give files of the kinds " + ", ".join(READERS) + ".")
    return list(unique.values())


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(f for f in path.rglob("*") if f.is_file() and _suffix(f) in READERS)
        if not found:
            raise InputError(f"The folder {path} holds no {', '.join(READERS)} files.")
        return found
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    return [path]


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def _read(path: Path) -> list[Article]:
    reader = READERS.get(_suffix(path))
    if reader is None:
        raise InputError(f"{path} has an unknown format. Allowed: {', '.join(READERS)}, each also with .gz.")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return [a for a in reader(raw, path) if a.text.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowInvalid, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:160]}") from error


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _plain(raw: bytes, path: Path) -> Iterator[Article]:
    text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(r"^ = ([^=\n]+) = ?$", text, flags=re.M)
    if len(parts) == 1:
        yield Article(_stem(path), _stem(path), text)
        return
    if parts[0].strip():
        yield Article(_stem(path), _stem(path), parts[0].strip())
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        yield Article(title.strip(), title.strip(), body.strip())


def _rows(rows: Iterable[dict], path: Path) -> Iterator[Article]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is no object with fields")
        text = next((row[c] for c in _TEXT if isinstance(row.get(c), str)), None)
        if text is None:
            raise ValueError(
                f"row {number} has no text in a column named {', '.join(_TEXT)}; it has {', '.join(map(str, row))}"
            )
        title = next((str(row[c]) for c in _TITLE if row.get(c) not in (None, "")), f"{_stem(path)} {number}")
        yield Article(title, title, text)


def _csv(raw: bytes, path: Path) -> Iterator[Article]:
    csv.field_size_limit(max(csv.field_size_limit(), len(raw)))  # by itself the module refuses long texts
    yield from _rows(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")), path)


def _jsonl(raw: bytes, path: Path) -> Iterator[Article]:
    yield from _rows((json.loads(line) for line in raw.decode("utf-8-sig").splitlines() if line.strip()), path)


def _parquet(raw: bytes, path: Path) -> Iterator[Article]:
    yield from _rows(pq.read_table(io.BytesIO(raw)).to_pylist(), path)


READERS: dict[str, Callable[[bytes, Path], Iterator[Article]]] = {
    ".txt": _plain,
    ".md": _plain,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
