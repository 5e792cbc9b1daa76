"""A workspace as one file: a zip archive that can be shared.

    manifest.json                  format, version, workspace, number and hash of the last edit, sha256 of the rows
    rows.jsonl                     one edit a line, in order
    deltas/<sha256>.safetensors    the weights that the edits name
    kept.json                      batches of prompts and notes (see `kept`); only where there are any, version 2

An archive comes from anywhere, so reading trusts nothing: only these names are looked at, sizes are checked
before anything is unpacked, the rows must form an unbroken chain, each edit must be one that can be applied
(`row_check.check_edit`), and each delta must have its hash.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

from memlab.errors import InputError, RecordError
from memlab.record.files import delta_file, file_hash
from memlab.record.fold import Mark, fold
from memlab.record.hash_chain import GENESIS, EditRow, problems
from memlab.record.kept import Kept, from_archive
from memlab.record.new_rows import AUTHOR_LENGTH, SUMMARY_LENGTH, now, one_line
from memlab.record.row_check import check_edit, wrong_form
from memlab.record.scores import deeper_than

FORMAT, VERSION, WITH_KEPT = "memlab workspace", 1, 2
MAX_BYTES = 2 << 30  # of all files of an archive together, unpacked
MAX_ROWS_BYTES = 256 << 20
MAX_KEPT_BYTES = 256 << 20
MAX_LINE_BYTES = 64 << 20  # one edit: the most sources with names as long as they may be in practice
MAX_MANIFEST_BYTES = 1 << 16
MAX_EDITS = 100_000
MAX_DELTAS = 1_000
DEEPEST = 100  # levels of nesting in one edit
LIMITS = (
    f"at most {MAX_BYTES >> 30} GiB unpacked, {MAX_EDITS:,} edits in {MAX_ROWS_BYTES >> 20} MiB, "
    f"{MAX_DELTAS:,} weight deltas"
)

_DELTA = re.compile(r"deltas/([0-9a-f]{64})\.safetensors")
_COLUMNS = {field.name for field in fields(EditRow)} - {"workspace"}


@dataclass(frozen=True)
class Archive:
    """An archive that was checked, but for the hashes of its deltas."""

    workspace: str
    rows: tuple[EditRow, ...]
    deltas: frozenset[str]
    packed: zipfile.ZipFile
    kept: Kept

    def unpack_delta(self, sha256: str, to: Path) -> None:
        """Writes one delta to a file. Raises InputError when it has another hash or is damaged."""
        with _refusing(self.packed.filename), self.packed.open(f"deltas/{sha256}.safetensors") as source:
            with to.open("wb") as target:
                while block := source.read(1 << 20):
                    target.write(block)
            if file_hash(to) != sha256:
                raise ValueError(f"the weights {sha256[:12]} do not match their hash")


def is_archive(path: Path) -> bool:
    """Whether a file is an exported workspace, by its manifest."""
    try:
        with zipfile.ZipFile(path) as packed, packed.open("manifest.json") as manifest:
            return json.loads(manifest.read(1 << 16)).get("format") == FORMAT
    except (zipfile.BadZipFile, KeyError, ValueError, AttributeError, EOFError):
        return False


def write_archive(path: Path, home: Path, workspace: str, rows: Sequence[EditRow], kept: Kept) -> None:
    """Writes an archive. Raises RecordError when a delta that an edit names is missing or was changed."""
    lines = "".join(json.dumps(_line(row)) + "\n" for row in rows).encode()
    manifest = {
        "format": FORMAT,
        "version": WITH_KEPT if kept else VERSION,  # an older memlab reads what holds edits alone
        "workspace": workspace,
        "exported": now(),
        "head": len(rows),
        "head_hash": rows[-1].hash if rows else GENESIS,
        "rows_sha256": hashlib.sha256(lines).hexdigest(),
    }
    if kept:
        manifest["kept_sha256"] = hashlib.sha256(kept.to_json()).hexdigest()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("manifest.json", json.dumps(manifest, indent=1))
        packed.writestr("rows.jsonl", lines)
        if kept:
            packed.writestr("kept.json", kept.to_json())
        for sha256 in sorted({row.delta for row in rows if row.delta}):
            file = delta_file(home, sha256)
            if not file.is_file() or file_hash(file) != sha256:
                raise RecordError(
                    f"The workspace {workspace!r} cannot be exported: the weights {file} are missing or were changed."
                )
            packed.write(file, f"deltas/{sha256}.safetensors", zipfile.ZIP_STORED)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Opens and checks an archive.

    Raises:
        InputError: it is not an archive of a workspace, is damaged, too large, or from a newer memlab.
    """
    with _refusing(path):
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is too large (allowed: {LIMITS})")
        packed = zipfile.ZipFile(path)
    with packed:
        with _refusing(path):
            deltas = _check_files(packed.infolist())
            archive = _read(packed, deltas)
        yield archive


@contextmanager
def _refusing(path: Path | str | None) -> Iterator[None]:
    """One message for everything that can be wrong with an archive."""
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
        ValueError, OSError, RecordError, InputError,
    ) as error:  # fmt: skip
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, RecursionError):
            why = "it holds JSON that is nested too deeply"
        raise InputError(
            f"{Path(path or '').name} cannot be imported: {why.rstrip('.') or 'it is damaged'}. Nothing was changed. "
            "Give a file that `memlab` exported."
        ) from error


def _check_files(infos: list[zipfile.ZipInfo]) -> frozenset[str]:
    """Names, number and sizes of the files; returns the hashes of the deltas. Nothing is unpacked for this."""
    names = [info.filename for info in infos]
    if "manifest.json" not in names or "rows.jsonl" not in names:
        raise ValueError("it is not an archive of a workspace (no manifest.json or rows.jsonl)")
    deltas = {name: match[1] for name in names if (match := _DELTA.fullmatch(name))}
    if foreign := sorted(set(names) - {"manifest.json", "rows.jsonl", "kept.json"} - set(deltas)):
        raise ValueError(f"it holds {foreign[0]!r}, which does not belong in an archive of a workspace")
    if len(names) != len(set(names)):
        raise ValueError("it holds a file twice")
    sizes = {info.filename: info.file_size for info in infos}
    too_large = sum(sizes.values()) > MAX_BYTES or sizes["manifest.json"] > MAX_MANIFEST_BYTES
    too_large = too_large or sizes.get("kept.json", 0) > MAX_KEPT_BYTES
    if too_large or sizes["rows.jsonl"] > MAX_ROWS_BYTES or len(deltas) > MAX_DELTAS:
        raise ValueError(f"it is too large (allowed: {LIMITS})")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise ValueError("it is compressed in a way that memlab does not use")
    return frozenset(deltas.values())


def _read(packed: zipfile.ZipFile, deltas: frozenset[str]) -> Archive:
    manifest = json.loads(_bytes(packed, "manifest.json", MAX_MANIFEST_BYTES))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError("it is not an archive of a workspace")
    if manifest.get("version") not in (VERSION, WITH_KEPT):
        raise ValueError(
            f"it has version {manifest.get('version')!r}, this memlab reads {VERSION} and {WITH_KEPT}; update memlab"
        )
    _check_lines(packed, manifest.get("rows_sha256"))
    workspace = one_line(str(manifest.get("workspace")), "name", 80)
    with packed.open("rows.jsonl") as lines:
        rows = tuple(_row(json.loads(line), workspace) for line in iter(lambda: _one_line(lines), b""))
    if [row.sequence for row in rows] != list(range(1, len(rows) + 1)) or manifest.get("head") != len(rows):
        raise ValueError("its edits are not complete and in order")
    if broken := problems(rows, len(rows), str(manifest.get("head_hash"))):
        raise ValueError(f"its history is broken. {broken[0].message}")
    for row in rows:
        check_edit(row)
    fold(Mark(row.sequence, row.kind, row.target) for row in rows)
    if {row.delta for row in rows if row.delta} != deltas:
        raise ValueError("its weights are not those that its edits name")
    return Archive(workspace, rows, deltas, packed, _kept(packed, manifest, len(rows)))


def _kept(packed: zipfile.ZipFile, manifest: dict[str, Any], edits: int) -> Kept:
    """Batches and notes, where the archive is of the version that holds them."""
    there = "kept.json" in packed.namelist()
    if there != (manifest["version"] == WITH_KEPT):
        raise ValueError("its batches and notes do not match its version")
    if not there:
        return Kept()
    content = _bytes(packed, "kept.json", MAX_KEPT_BYTES)
    if hashlib.sha256(content).hexdigest() != manifest.get("kept_sha256"):
        raise ValueError("its batches and notes do not match their hash")
    if deeper_than(found := json.loads(content), DEEPEST):
        raise ValueError("it holds JSON that is nested too deeply")
    return from_archive(found, edits)


def _check_lines(packed: zipfile.ZipFile, sha256: Any) -> None:
    """Size, number of lines and hash of the edits, read block by block before any of them is looked at."""
    found, size, lines = hashlib.sha256(), 0, 0
    with packed.open("rows.jsonl") as source:
        while block := source.read(1 << 20):
            found.update(block)
            size += len(block)
            lines += block.count(b"\n")
            if size > MAX_ROWS_BYTES or lines > MAX_EDITS:
                raise ValueError(f"it is too large (allowed: {LIMITS})")
    if found.hexdigest() != sha256:
        raise ValueError("its edits do not match their hash")


def _one_line(lines: IO[bytes]) -> bytes:
    """The next line; nothing at the end."""
    line = lines.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"it is too large (allowed: {LIMITS})")
    return line


def _bytes(packed: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A small file, read no further than `most` bytes."""
    with packed.open(name) as source:
        content = source.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is too large (allowed: {LIMITS})")
    return content


def _line(row: EditRow) -> dict[str, Any]:
    return {name: value for name, value in row.to_dict().items() if name in _COLUMNS}


def _row(line: Any, workspace: str) -> EditRow:
    """One line as a row; raises ValueError unless every field is there and of its type."""
    if not isinstance(line, dict) or set(line) != _COLUMNS or wrong_form(line):
        raise ValueError("one of its edits is incomplete or malformed")
    if deeper_than(line, DEEPEST):
        raise ValueError("it holds JSON that is nested too deeply")
    for name, limit in (("author", AUTHOR_LENGTH), ("summary", SUMMARY_LENGTH)):
        if one_line(line[name], name, limit) != line[name]:
            raise ValueError(f"the {name} of edit {line['sequence']} is not one line")
    return EditRow(workspace=workspace, **line)
