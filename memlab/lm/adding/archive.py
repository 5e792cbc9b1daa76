"""Unpacking a model from a wheel or zip: only its own files, never outside the folder, with bounded memory and disk."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from memlab.errors import InputError, StoppedError
from memlab.lm.adding.model_files import LARGEST_TEXT_FILE, choose, license_in

LARGEST_DIRECTORY = 16_000_000  # bytes of the archive's list of files, which is read whole
LARGEST_RATIO = 200  # uncompressed to compressed, of a file above _SMALL; weights reach about 2
_SMALL = 10_000_000
_TAIL = 65_557  # bytes at the end that contain the end record: its 22, and a comment
_CHUNK = 1 << 20

Step = Callable[[float, str], None]


def unpack(
    archive: Path, into: Path, room: Callable[[int], None], step: Step, stop: Callable[[], bool]
) -> tuple[Path, str]:
    """Unpacks the only model of an archive into a folder.

    Args:
        room: raises an error unless that many bytes fit on the disk.

    Returns:
        The GGUF file or the folder, and the license that the archive states.

    Raises:
        InputError: damaged, hostile, or without exactly one model. StoppedError.
    """
    _check_directory(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive)
            kind, names = choose(members, archive.name)
            room(sum(members[name].file_size for name in names))
            into.mkdir(parents=True)
            total, done = max(1, sum(members[name].file_size for name in names)), 0
            for name in names:
                done = _take(opened, members[name], into / PurePosixPath(name).name, (done, total), step, stop)
            stated = _stated_license(opened, members)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, struct.error, RuntimeError, ValueError) as error:
        raise InputError(f"{archive.name} is not a readable zip, or it is damaged: {error}.") from error
    return (into / PurePosixPath(names[0]).name if kind == "gguf" else into), stated


def _check_directory(archive: Path) -> None:
    """Refuses a list of files that is too long to read, before it is read."""
    size = archive.stat().st_size
    with archive.open("rb") as file:
        file.seek(max(0, size - _TAIL - 20))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise InputError(f"{archive.name} is not a readable zip, or it is damaged: it has no end record.")
    listed = struct.unpack_from("<L", tail, at + 12)[0]
    if listed == 0xFFFFFFFF:  # zip64: the size is in an earlier record
        far = tail.rfind(b"PK\x06\x06", 0, at)
        listed = struct.unpack_from("<Q", tail, far + 40)[0] if far >= 0 and len(tail) >= far + 48 else size
    if listed > LARGEST_DIRECTORY:
        raise InputError(
            f"{archive.name} is refused: its list of files alone has {listed / 1e6:.0f} MB "
            f"({LARGEST_DIRECTORY / 1e6:.0f} are allowed). A model's archive has few files."
        )


def _checked(opened: zipfile.ZipFile, archive: Path) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name. Raises InputError for unsafe names, links and sizes."""
    members: dict[str, zipfile.ZipInfo] = {}
    compressed = 0
    for member in opened.infolist():
        name = member.filename
        if name.startswith(("/", "\\")) or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            raise InputError(f"{archive.name} is refused: it has a file {name!r} that would lie outside its folder.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(
                f"{archive.name} is refused: {name!r} in it is a symbolic link. Pack the files themselves."
            )
        if member.is_dir():
            continue
        if member.flag_bits & 1:
            raise InputError(f"{archive.name} is encrypted with a password. Unpack it first, and add the folder.")
        if name in members:
            raise InputError(f"{archive.name} is refused: it has {name!r} twice.")
        compressed += member.compress_size
        if member.file_size > _SMALL and member.file_size > LARGEST_RATIO * member.compress_size:
            raise InputError(
                f"{archive.name} is refused: {name!r} would grow from {member.compress_size / 1e6:.2f} to "
                f"{member.file_size / 1e6:,.0f} MB, which no weights do."
            )
        members[name] = member
    if compressed > archive.stat().st_size:
        raise InputError(f"{archive.name} is refused: its files overlap.")
    return members


def _take(
    opened: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    target: Path,
    so_far: tuple[int, int],
    step: Step,
    stop: Callable[[], bool],
) -> int:
    """Writes one file, at most as long as the archive's list says; returns how many bytes are done in total."""
    done, total = so_far
    if target.suffix not in (".safetensors", ".gguf") and member.file_size > LARGEST_TEXT_FILE:
        raise InputError(f"{member.filename} has {member.file_size / 1e6:,.0f} MB; a file of its kind has at most 100.")
    left = member.file_size
    with opened.open(member) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise InputError(f"{member.filename} is refused: it is longer than its archive says.")
            if stop():
                raise StoppedError("Stopped while unpacking.")
            file.write(chunk)
            done += len(chunk)
            step(done / total, f"unpacking {target.name}")
    return done


def _stated_license(opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> str:
    """The license in the package's metadata, or in a model card."""
    for name in sorted(members, key=lambda n: not n.endswith(".dist-info/METADATA")):
        if name.endswith((".dist-info/METADATA", "README.md")):
            with opened.open(members[name]) as file:
                found = license_in(file.read(20_000).decode("utf-8", "replace"))
            if found != "not stated":
                return found
    return "not stated"
