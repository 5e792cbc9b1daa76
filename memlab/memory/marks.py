"""How damaged or exchanged files of a datastore are recognized: by a hash of each, kept in meta.json.

At opening, the size and a sample of every file are compared (16 blocks of 4 KiB: about a millisecond, however
large the file is): a file of another datastore is noticed then, and so is most damage. `verify` compares all
bytes, which takes as long as reading them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memlab.errors import StoreError

BLOCKS, BLOCK = 16, 4096

VERIFIED, DAMAGED, UNKNOWN = "verified", "damaged", "unknown"
NO_HASHES = "An earlier memlab built it, without hashes to check its files by. Build it again to have them."


@dataclass(frozen=True)
class Mark:
    """Size of one file in bytes, sha256 of all of them, sha256 of the sample."""

    size: int
    sha256: str
    sample: str


@dataclass(frozen=True)
class StoreCheck:
    """What `verify` found: verified, damaged or unknown (a datastore without hashes), and what is wrong."""

    name: str
    state: str
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def mark(path: Path) -> Mark:
    """The mark of a file; reads all of it."""
    with path.open("rb") as file:
        return Mark(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest(), sample(path))


def sample(path: Path) -> str:
    """sha256 of the size of a file and of blocks at equal intervals, the first and the last among them."""
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        if size <= BLOCKS * BLOCK:
            digest.update(file.read())
        else:
            for n in range(BLOCKS):
                file.seek((size - BLOCK) * n // (BLOCKS - 1))
                digest.update(file.read(BLOCK))
    return digest.hexdigest()


def check_samples(folder: Path, marks: Mapping[str, Mark]) -> None:
    """Raises StoreError for the first file that is missing or not the one that was built."""
    for name, known in marks.items():
        if (problem := _problem(folder / name, known, whole=False)) is not None:
            raise StoreError(f"{problem} Build the datastore again.")


def verified(name: str, folder: Path, marks: Mapping[str, Mark]) -> StoreCheck:
    """Compares every byte of a datastore's files with what was built."""
    if not marks:
        return StoreCheck(name, UNKNOWN, (NO_HASHES,))
    found: Iterable[str | None] = [_problem(folder / file, known, whole=True) for file, known in marks.items()]
    problems = tuple(f"{problem} Build the datastore again." for problem in found if problem is not None)
    return StoreCheck(name, DAMAGED if problems else VERIFIED, problems)


def _problem(path: Path, known: Mark, whole: bool) -> str | None:
    try:
        size = path.stat().st_size
        if size != known.size:
            return f"{path} has {size} bytes, {known.size} are expected: damaged."
        same = sample(path) == known.sample and (not whole or mark(path) == known)
    except FileNotFoundError:
        return f"{path} is missing."
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})."
    return None if same else f"{path} is not the file that was built with this datastore: exchanged or damaged."
