"""The header of a GGUF file; every count and length is checked against the file's size before it is used.

Layout (little-endian, versions 2 and 3): magic, version, number of tensors, number of settings; the settings (key, type,
value); then name, dimensions, type and offset of each tensor. Written from the published description of the format.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from memlab.errors import InputError

MOST_SETTINGS = 10_000
MOST_TENSORS = 200_000
_KEPT_TEXT = 4_096  # characters of a setting that are kept
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_FLOATS = {0, 1, 28, 30}  # types of tensors: 32, 16 and 64 bits, bfloat16


@dataclass(frozen=True)
class GgufHead:
    """Settings (of an array only its length), the number of elements of each tensor, and the types of the tensors."""

    settings: dict[str, Any]
    tensors: dict[str, int]
    types: frozenset[int] = frozenset()

    @property
    def architecture(self) -> str:
        return str(self.settings.get("general.architecture", ""))

    @property
    def quantized(self) -> bool:
        """Whether some tensors are stored with less than 16 bits per number."""
        return not self.types <= _FLOATS

    @property
    def numbers(self) -> int:
        """The number of elements of all tensors."""
        return sum(self.tensors.values())


class _Damaged(Exception):
    """What is wrong with a file."""


class _Reader:
    """Reads from a file and never past its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def left(self) -> int:
        return self.size - self.file.tell()

    def number(self, form: str) -> Any:
        form = f"<{form}"
        raw = self.file.read(struct.calcsize(form))
        if len(raw) < struct.calcsize(form):
            raise _Damaged("it ends too early")
        return struct.unpack(form, raw)[0]

    def skip(self, length: int) -> None:
        if length > self.left():
            raise _Damaged("a length in it is larger than the file")
        self.file.seek(length, os.SEEK_CUR)

    def text(self) -> str:
        length = self.number("Q")
        if length > self.left():
            raise _Damaged("a length in it is larger than the file")
        start = self.file.read(min(length, _KEPT_TEXT))
        self.skip(length - len(start))
        return start.decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self.array()
        if kind not in _SCALARS:
            raise _Damaged(f"a setting in it has the unknown type {kind}")
        return self.number(_SCALARS[kind])

    def array(self) -> int:
        """Skips an array; returns its length."""
        kind, length = self.number("I"), self.number("Q")
        if kind in _SCALARS:
            self.skip(length * struct.calcsize(f"<{_SCALARS[kind]}"))
        elif kind == _STRING:
            if 8 * length > self.left():
                raise _Damaged("a length in it is larger than the file")
            for _ in range(length):
                self.skip(self.number("Q"))
        else:
            raise _Damaged("an array in it holds arrays or an unknown type")
        return int(length)


def read_head(file: Path) -> GgufHead:
    """The checked header of a GGUF file.

    Raises:
        InputError: not a GGUF file, damaged, or hostile.
    """
    with file.open("rb") as opened:
        reader = _Reader(opened, file.stat().st_size)
        if opened.read(4) != b"GGUF":
            raise InputError(f"{file.name} is not a GGUF file: it does not begin with GGUF.")
        try:
            head = _read(reader)
            _check(head)
        except _Damaged as error:
            raise InputError(f"{file.name} is refused: {error}. The file is damaged or malicious.") from None
    return head


def _read(reader: _Reader) -> GgufHead:
    version, tensors, settings = reader.number("I"), reader.number("Q"), reader.number("Q")
    if version not in (2, 3):
        raise _Damaged(f"it has version {version}, and versions 2 and 3 are known")
    if settings > MOST_SETTINGS or not 0 < tensors <= MOST_TENSORS:
        raise _Damaged(f"it claims {settings} settings and {tensors} tensors")
    values: dict[str, Any] = {}
    for _ in range(settings):
        key = reader.text()
        values[key] = reader.value(reader.number("I"))
    found: dict[str, int] = {}
    types = set()
    for _ in range(tensors):
        name, dimensions = reader.text(), reader.number("I")
        if not 1 <= dimensions <= 4:
            raise _Damaged(f"the tensor {name[:80]!r} has {dimensions} dimensions")
        count = 1
        for _ in range(dimensions):
            count *= reader.number("Q")
        types.add(reader.number("I"))
        if reader.number("Q") > reader.size:
            raise _Damaged(f"the tensor {name[:80]!r} lies beyond the end of the file")
        found[name] = count
    if sum(found.values()) > 8 * reader.size:  # the smallest type has more than one bit per number
        raise _Damaged("its tensors hold more numbers than the file can")
    return GgufHead(values, found, frozenset(types))


def _check(head: GgufHead) -> None:
    """Refuses settings that would build a model of another size than that of the tensors."""
    if not head.architecture:
        raise _Damaged("it names no architecture")
    layers = head.settings.get(f"{head.architecture}.block_count", 0)
    if not isinstance(layers, int) or not 0 < layers <= len(head.tensors):
        raise _Damaged(f"it claims {layers} layers and has {len(head.tensors)} tensors")
