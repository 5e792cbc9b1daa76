"""Keys of taught texts, kept on disk so that a new process need not encode them again.

    taught-keys/<identity>/<sha256>.pack      entries of some texts; the name is the hash of the content

`identity` is a hash of model, tokenizer, kind of key and the format of these files. A pack is written once, under
another name first, and never changed: processes may read and add at the same time. A pack that does not match the
hash in its name is removed, and its texts are encoded again. Small packs are joined when there are many; the oldest
are dropped when all together are larger than LARGEST. Losing any of this costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import numpy as np

if TYPE_CHECKING:
    from memlab.lm.model import LanguageModel
    from memlab.memory.changes import Taught

FOLDER = "taught-keys"
FORM = 2  # version of the packs, and of how a taught text becomes entries; with a new number all are encoded again
MANY = 32  # small packs that are joined
SMALL = 4 << 20  # bytes of a pack that is joined with others
LARGEST = 512 << 20  # bytes of all packs of one identity


@dataclass(frozen=True, eq=False)
class Encoded:
    """The entries of a taught text: keys (n, d) float16, values (n,), characters (n, 2).

    `unknown` maps an entry to its word where the model has no token for it.
    """

    keys: np.ndarray
    values: np.ndarray
    spans: np.ndarray
    unknown: Mapping[int, str]

    def alone(self) -> Encoded:
        """A copy with arrays of its own, so that the larger arrays it is a part of can be freed."""
        return Encoded(self.keys.copy(), self.values.copy(), self.spans.copy(), self.unknown)


def text_id(taught: Taught) -> str:
    """Identity of a taught text with the characters that are remembered of it."""
    return hashlib.sha256(json.dumps([taught.text, taught.spans]).encode()).hexdigest()


class KeptKeys:
    """The packs of one model and kind of key in a home folder; threads may share it."""

    def __init__(self, home: Path, lm: LanguageModel, key: str) -> None:
        identity = json.dumps([FORM, lm.weights_hash, lm.tokenizer_hash, lm.kind, key, lm.width(key)])
        self.folder = home / FOLDER / hashlib.sha256(identity.encode()).hexdigest()[:32]
        self.d = lm.width(key)
        self._names: dict[str, frozenset[str]] = {}  # texts of the packs that were read, by the name of the pack

    def find(self, wanted: Sequence[Taught]) -> dict[str, Encoded]:
        """The entries of those texts that are kept, by `text_id`."""
        names = {text_id(taught) for taught in wanted}
        found: dict[str, Encoded] = {}
        for path in self._packs():
            left = names - found.keys()
            if not left:
                break
            if left.isdisjoint(self._names.get(path.name, left)):
                continue
            if (content := _content(path)) is not None:
                here = _unpacked(content, self.d)
                self._names[path.name] = frozenset(here)
                found |= {name: here[name].alone() for name in left & here.keys()}
        return found

    def add(self, made: Mapping[str, Encoded]) -> None:
        """Keeps the entries of some texts. A folder that cannot be written keeps nothing: that costs time only."""
        if not made:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(made)
            self._tidy()
        except OSError:
            return

    def _packs(self) -> list[Path]:
        """Paths of the packs, the largest first: it has most of the texts."""
        sized = []
        for path in self.folder.glob("*.pack"):
            try:
                sized.append((-path.stat().st_size, path))
            except OSError:
                continue  # another process joined it with others
        return [path for _, path in sorted(sized)]

    def _write(self, made: Mapping[str, Encoded]) -> Path:
        raw = _packed(made)
        place = self.folder / f"{hashlib.sha256(raw).hexdigest()}.pack"
        if not place.exists():
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tmp", delete=False) as file:
                file.write(raw)  # no fsync: after a power cut the hash shows what did not reach the disk
            Path(file.name).replace(place)
        self._names[place.name] = frozenset(made)
        return place

    def _tidy(self) -> None:
        """Joins small packs when there are many, and drops the oldest beyond the limit; one process at a time."""
        small = [path for path in self._packs() if path.stat().st_size < SMALL]
        if len(small) >= MANY:
            try:
                with filelock.FileLock(self.folder / ".lock", timeout=0):
                    joined: dict[str, Encoded] = {}
                    for path in small:
                        if (content := _content(path)) is not None:
                            joined |= _unpacked(content, self.d)
                    kept = self._write(joined)
                    for path in small:
                        if path != kept:
                            path.unlink(missing_ok=True)
                    for rest in self.folder.glob("*.tmp"):
                        _drop_old(rest)
            except filelock.Timeout:
                return
        by_age = sorted(self._packs(), key=lambda path: -path.stat().st_mtime_ns)
        size = 0
        for path in by_age:
            size += path.stat().st_size
            if size > LARGEST:
                path.unlink(missing_ok=True)


def _drop_old(path: Path) -> None:
    """Removes the half-written file of a killed process once it is an hour older than the newest pack."""
    newest = max((other.stat().st_mtime for other in path.parent.glob("*.pack")), default=0.0)
    if newest - path.stat().st_mtime > 3600:
        path.unlink(missing_ok=True)


def _packed(made: Mapping[str, Encoded]) -> bytes:
    """All entries one after the other, with the number of entries of each text."""
    parts = list(made.values())
    about = json.dumps([list(made), [sorted(e.unknown.items()) for e in parts]]).encode()
    out = io.BytesIO()
    np.savez(
        out,
        keys=np.concatenate([e.keys for e in parts]),
        values=np.concatenate([e.values for e in parts]),
        spans=np.concatenate([e.spans for e in parts]),
        count=np.array([len(e.values) for e in parts], np.int64),
        about=np.frombuffer(about, np.uint8),
    )
    return out.getvalue()


def _content(path: Path) -> bytes | None:
    """The bytes of a pack; None where it is gone or damaged. A damaged one is removed."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(raw).hexdigest() == path.stem:
        return raw
    path.unlink(missing_ok=True)
    return None


def _unpacked(raw: bytes, d: int) -> dict[str, Encoded]:
    """The texts of a pack by `text_id`; their arrays are parts of larger ones."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as z:
            names, unknown = json.loads(z["about"].tobytes())
            first = np.concatenate([[0], np.cumsum(z["count"])])
            keys, values, spans = z["keys"], z["values"], z["spans"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    if keys.shape != (first[-1], d):
        return {}
    out = {}
    for n, name in enumerate(names):
        here = slice(first[n], first[n + 1])
        words = {int(at): str(word) for at, word in unknown[n]}
        out[name] = Encoded(keys[here], values[here], spans[here], words)
    return out
