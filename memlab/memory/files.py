"""Writing folders of large files: locked, whole or not at all, and never silent about a full disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import numpy as np

from memlab.errors import StoppedError
from memlab.progress import Progress, Stop, never_stop

WAIT = 0.1  # seconds between two tries of a lock that another process holds


@contextmanager
def locked(path: Path, progress: Progress, stop: Stop = never_stop) -> Iterator[None]:
    """Holds a lock file, and reports while it waits for another holder. Raises StoppedError if `stop` returns True."""
    lock = filelock.FileLock(path)
    while True:
        try:
            lock.acquire(timeout=WAIT)
            break
        except filelock.Timeout:
            if stop():
                raise StoppedError("stopped while waiting for another process that builds this datastore") from None
            progress(0.0, "waiting for another process that builds this datastore")
    try:
        yield
    finally:
        lock.release()


def write_array(array: np.ndarray, path: Path) -> None:
    """Writes the bytes of an array."""
    with path.open("wb") as file:  # ndarray.tofile says nothing when the disk is full
        file.write(np.ascontiguousarray(array).data)


def concatenate(parts: Iterable[Path], out: Path) -> None:
    """Joins files, and waits until the result is on the disk."""
    with out.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


def link(source: Path, target: Path) -> None:
    """A second name for the same file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def put(new: Path, place: Path) -> None:
    """Renames a finished folder into place; an older one is moved away first and then removed."""
    old = place.with_name(f".{place.name}.old-{time.time_ns()}")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def put_away(folder: Path) -> None:
    """Removes a folder, renaming it first, so that it is gone at once; processes that have its files open keep them."""
    gone = folder.with_name(f".{folder.name}.old-{time.time_ns()}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
