"""Which files of a folder are a user's texts, and which are not: hidden files, side files, links to the outside."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from memlab.corpus.door import shown

# Files that macOS, Windows and network disks create beside others.
_SIDE_FILES = {".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
_SIDE_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information", ".spotlight-v100", ".trashes"}


@dataclass
class Found:
    """The files to read in order; `left_out` names the others by kind (see `memlab.results.texts.LeftOut`)."""

    files: list[Path] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def ending(path: Path) -> str:
    """The ending that determines the format, in lower case: ".txt" for "NOTES.TXT.GZ"."""
    return Path(path.stem).suffix.lower() if is_packed(path) else path.suffix.lower()


def is_packed(path: Path) -> bool:
    """Whether a file is gzip-compressed, by its name."""
    return path.suffix.lower() == ".gz"


def find(folder: Path, endings: Collection[str], hidden: bool = False) -> Found:
    """The files of a folder and its subfolders with one of the endings. Links to folders are not followed."""
    found = Found()
    base = folder.resolve()

    def unreadable(error: OSError) -> None:
        where = Path(os.fsdecode(error.filename or "")).name
        found.left_out["unreadable"].append(shown(f"{where} cannot be read: {error.strerror}."))

    for root, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(root)
        folders[:] = [name for name in sorted(folders) if _enter(found, folder, base, here / name, hidden)]
        for name in sorted(names):
            path = here / name
            kind = _kind(path, base, endings, hidden)
            if kind is None:
                found.files.append(path)
            else:
                found.left_out[kind].append(_named(path, folder))
    found.files.sort()
    return found


def _enter(found: Found, folder: Path, base: Path, path: Path, hidden: bool) -> bool:
    """Whether a folder is read; if not, its files are added to `found.left_out`."""
    if path.is_symlink():
        if not _within(path, base):
            found.left_out["link"].append(_named(path, folder))
        return False  # a link to a folder inside: it is read there
    kind = "side" if path.name.lower() in _SIDE_FOLDERS else "hidden" if path.name.startswith(".") else None
    if kind is None or (kind == "hidden" and hidden):
        return True
    for file in _files_below(path):
        found.left_out["side" if _is_side(file.name) else kind].append(_named(file, folder))
    return False


def _kind(path: Path, base: Path, endings: Collection[str], hidden: bool) -> str | None:
    """Why a file is not read; None if it is read."""
    if _is_side(path.name):
        return "side"
    if path.name.startswith(".") and not hidden:
        return "hidden"
    if path.is_symlink() and not _within(path, base):
        return "link"
    return None if ending(path) in endings and path.is_file() else "format"


def _is_side(name: str) -> bool:
    return name.startswith("._") or name.lower() in _SIDE_FILES


def _within(path: Path, base: Path) -> bool:
    """Whether a link's target exists inside the folder."""
    try:
        return path.resolve(strict=True).is_relative_to(base)
    except (OSError, RuntimeError):  # nothing there, or links in a circle
        return False


def _files_below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in sorted(names))


def _named(path: Path, folder: Path) -> str:
    return shown(str(path.relative_to(folder)))
