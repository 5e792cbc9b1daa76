"""Texts that a page received, kept in the home folder until a datastore is built from them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from memlab.corpus.door import shown
from memlab.errors import InputError

FOLDER = "uploads"


def keep_texts(home: Path, files: Iterable[tuple[str, bytes]]) -> list[Path]:
    """Writes files, by name and content, into a folder of their own; returns their paths.

    Raises:
        InputError: no file, or two of one name.
    """
    named = [(shown(Path(name).name).replace("\0", "") or "text.txt", content) for name, content in files]
    if not named:
        raise InputError("There is no file to read. Give at least one.")
    if len({name for name, _ in named}) < len(named):
        raise InputError("Two of these files have the same name. Rename one of them.")
    folder = home / FOLDER / str(uuid.uuid4())
    folder.mkdir(parents=True)
    for name, content in named:
        (folder / name).write_bytes(content)
    return [folder / name for name, _ in named]


def drop_texts(home: Path, paths: Iterable[Path]) -> None:
    """Removes those of the files that `keep_texts` wrote, with their folders."""
    for folder in {path.parent for path in paths}:
        if folder.parent == home / FOLDER:
            shutil.rmtree(folder, ignore_errors=True)
