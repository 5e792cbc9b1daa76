"""Folders whose names are not valid UTF-8, for libraries that need UTF-8 names (tokenizers, safetensors)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memlab.outside import given_path

_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """The folder, or, if its name does not decode, an alias that is valid while the block runs.

    With LC_ALL=C and PYTHONUTF8=0, "Küche" is such a name, as is a Latin-1 name in every locale. Only Linux has such
    names, and there an open folder has an alias under /proc/self/fd.

    Raises:
        OSError: the folder is not there.
    """
    if _decodes(folder):
        yield folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def readable(text: str) -> str:
    """The text with undecodable bytes written as escapes (`\\udce9`), so that files and databases can store it."""
    return text.encode("utf-8", "backslashreplace").decode()


def as_on_disk(written: str) -> str:
    """The inverse of `readable` for a model's name, if a folder of that name exists; else the text itself."""
    name = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), written)
    if name == written or Path(written).exists():
        return written
    name = os.fsdecode(os.fsencode(name))  # in this locale it may decode
    return name if given_path(name).is_dir() else written


def _decodes(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
