"""Uploaded texts, kept in the home folder until a datastore is built from them."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from memlab.corpus.door import shown
from memlab.errors import InputError

FOLDER = "uploads"
LONGEST_NAME = 200  # bytes


def keep_texts(home: Path, files: Iterable[tuple[str, bytes]]) -> list[Path]:
    """Writes files, given by name and content, into a new folder; returns their paths.

    Raises:
        InputError: no file, or two of one name.
    """
    named = [(_plain(name), content) for name, content in files]
    if not named:
        raise InputError("There is no file to read. Give at least one.")
    if len({name for name, _ in named}) < len(named):
        raise InputError("Two of these files have the same name. Rename one of them.")
    folder = home / FOLDER / str(uuid.uuid4())
    folder.mkdir(parents=True)
    for name, content in named:
        (folder / name).write_bytes(content)
    return [folder / name for name, _ in named]


def _plain(name: str) -> str:
    """The last part of a name in a form that is valid on any system; its ending, which determines the format, is
    kept."""
    plain = shown(re.split(r"[/\\]", name)[-1]).replace("\0", "").strip()
    while len(plain.encode()) > LONGEST_NAME:
        plain = plain[1:]
    return "text.txt" if plain.strip(".") == "" else plain


def drop_texts(home: Path, paths: Iterable[Path]) -> None:
    """Removes those of the files that `keep_texts` wrote, with their folders."""
    for folder in {path.parent for path in paths}:
        if folder.parent == home / FOLDER:
            shutil.rmtree(folder, ignore_errors=True)
