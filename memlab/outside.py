"""Writing outside memlab's home folder, under one rule: memlab removes nothing that it did not make.

Exports, reports, tables, losses and models go to paths that the user chooses. A new file or folder is
written under a temporary name beside its destination and renamed when it is complete. An existing one is
replaced only if it is empty or of the kind that is being written, as memlab writes it; anything else is
refused before any work is done, and left unchanged. A model's folder that is replaced is first renamed
aside, so that at every moment either the old or the new folder is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memlab.errors import InputError

Ours = Callable[[Path], bool]  # whether a file is one that memlab wrote, of the kind that is being written

MARK_WITHIN = 4096  # bytes at the beginning of a text file that must contain its mark
_MODEL_FILES = {
    "config.json", "generation_config.json", "memlab.json", "README.md",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "chat_template.jinja",
}  # fmt: skip


def given_path(text: str | Path) -> Path:
    """The path that a user typed, with "~" or "~name" at its start expanded where that home folder exists.

    Check existence with `os.path.isfile` and `isdir`: they return False for names that no file can have.
    """
    return Path(os.path.expanduser(text))


def marked(*marks: str) -> Ours:
    """Text files that hold one of the marks near their beginning."""

    def ours(path: Path) -> bool:
        with path.open("rb") as file:
            beginning = file.read(MARK_WITHIN)
        return any(mark.encode() in beginning for mark in marks)

    return ours


def check_file(file: Path, ours: Ours) -> None:
    """Raises InputError unless a file may be written at this place; call it before long work."""
    if not file.exists() or _is_stream(file):
        return
    if not file.is_file():
        raise InputError(f"{file} cannot be written: it is a folder. Name a file.")
    try:
        fits = file.stat().st_size == 0 or ours(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}. Name another file.") from None
    if not fits:
        raise InputError(
            f"{file} exists already, and is not a file of this kind written by memlab. Nothing was changed. "
            "Name another file, or move that one away."
        )


@contextmanager
def new_file(file: Path, ours: Ours) -> Iterator[Path]:
    """A path to write to, which replaces `file` when the block ends without an exception.

    Raises:
        InputError: something else is there, or the place cannot be written (also if the block raises an OSError).
    """
    check_file(file, ours)
    if _is_stream(file):
        yield file
        return
    place = file.resolve()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{place.name[:80]}.", suffix=".part" + place.suffix, dir=place.parent)
    except OSError as error:
        raise _not_written(file, error) from None
    os.close(handle)
    work = Path(name)
    try:
        work.chmod(_mode_of(place))
        yield work
        with work.open("rb+") as written:
            os.fsync(written.fileno())
        check_file(file, ours)  # something may have appeared while the block ran
        work.replace(place)
    except OSError as error:
        raise _not_written(file, error) from None
    finally:
        work.unlink(missing_ok=True)


def write_text(file: Path, text: str, *marks: str) -> None:
    """Writes a text file. Files of this kind are recognized by any of the marks near their beginning.

    The text must contain the first mark.

    Raises:
        InputError: something else is there, or the place cannot be written.
    """
    assert marks[0] in text[:MARK_WITHIN], f"{marks[0]!r} is not at the beginning"
    with new_file(file, marked(*marks)) as work:
        work.write_text(text, "utf-8", newline="")


def check_model_folder(folder: Path) -> None:
    """Raises InputError unless a model may be written at this place; call it before long work."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InputError(f"{folder} exists already and is not a folder. Name another place for the model.")
    try:
        there = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}. Name another place for the model.") from None
    if not there:
        return
    foreign = [name for name in there if not _is_model_file(name)]
    if foreign or not _is_record(folder / "memlab.json"):
        what = f" (it holds {foreign[0]})" if foreign else ""
        raise InputError(
            f"The folder {folder} is not empty and is not a model that memlab wrote{what}. Nothing was changed. "
            "Name a new or an empty folder."
        )


@contextmanager
def new_model_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write a model to, which replaces `folder` when the block ends without an exception.

    Raises:
        InputError: something is there that is not a model written by memlab, or the place cannot be written.
    """
    check_model_folder(folder)
    place = folder.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{place.name[:80]}.new-", dir=place.parent))
    except OSError as error:
        raise _not_written(folder, error) from None
    try:
        yield work
        check_model_folder(folder)  # something may have appeared while the block ran
        work.chmod(0o777 & ~_umask())
        _put(work, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)  # made above; already renamed where all went well


def _put(work: Path, place: Path) -> None:
    """Renames a finished folder into place; the old one (memlab's model, or empty) is renamed aside first."""
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name[:80]}.old-", dir=place.parent)) / place.name
    try:
        if place.exists():
            place.rename(aside)
        try:
            work.rename(place)
        except OSError:
            if aside.exists():
                aside.rename(place)
            raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)


def _is_stream(path: Path) -> bool:
    """Whether it is a device or pipe, such as /dev/stdout, where nothing is replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _is_model_file(name: str) -> bool:
    weights = name.endswith((".safetensors", ".safetensors.index.json"))
    return weights or name in _MODEL_FILES


def _is_record(path: Path) -> bool:
    """Whether this is the record that training writes into a model's folder."""
    with suppress(OSError, ValueError):
        record = json.loads(path.read_text("utf-8"))
        return isinstance(record, dict) and "recipe" in record
    return False


def _mode_of(place: Path) -> int:
    """The permissions of the existing file, else those of a new one."""
    return place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~_umask()


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _not_written(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror}. Name a place where you may write.")
