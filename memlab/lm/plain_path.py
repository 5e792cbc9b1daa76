"""Folders whose names do not decode, for libraries that take names only as UTF-8 (tokenizers, safetensors)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ESCAPE = re.compile(r"\\u(dc[89a-f][0-9a-f])")


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """The folder, or, where its name does not decode, another name of it that holds while the block runs.

    With LC_ALL=C and PYTHONUTF8=0, "Küche" is such a name, as is one in Latin-1 in every locale. Only Linux has such
    names, and there an open folder has a name of its own.

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
    """The text with what does not decode written as an escape (`\\udce9`), so that files and databases can hold it."""
    return text.encode("utf-8", "backslashreplace").decode()


def as_on_disk(written: str) -> str:
    """A name of a model again from what `readable` wrote, where a folder of that name is there; else the text as it is."""
    name = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), written)
    if name == written or Path(written).exists():
        return written
    name = os.fsdecode(os.fsencode(name))  # in this locale it may decode
    return name if Path(name).expanduser().is_dir() else written


def _decodes(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
