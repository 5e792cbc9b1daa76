"""What is refused before anything of a model is loaded: archives, heads of GGUF files, names, links, pickles."""

from __future__ import annotations

import io
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memlab.errors import HomeError, InputError, NotFound, StoppedError
from memlab.lm.adding import Adding, add_model, model_name
from memlab.lm.adding.archive import LARGEST_DIRECTORY, unpack
from memlab.lm.adding.gguf_header import read_head
from memlab.lm.adding.model_files import choose, license_in
from memlab.lm.catalogue import SHIPPED

MODEL = {"m/config.json": b"{}", "m/model.safetensors": b"weights", "m/tokenizer.json": b"{}"}


def _quiet(fraction: float, message: str) -> None:
    """No progress."""


def _never() -> bool:
    return False


def _zip(file: Path, files: dict[str, bytes], **how: Any) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **how)
    return file


def _unpack(file: Path, into: Path, room: Callable[[int], None] = lambda size: None) -> tuple[Path, str]:
    return unpack(file, into, room, _quiet, _never)


# Archives


def test_only_the_files_of_the_model_are_taken_out(tmp_path: Path) -> None:
    files = {**MODEL, "m/run.py": b"boom", "m/sub/x.json": b"{}", "m/README.md": b"---\nlicense: mit\n---\n"}
    asked: list[int] = []
    path, stated = _unpack(_zip(tmp_path / "a.zip", files), tmp_path / "out", asked.append)
    assert sorted(p.name for p in path.iterdir()) == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert (path / "model.safetensors").read_bytes() == b"weights"
    assert stated == "mit"
    assert asked == [2 + 7 + 2 + 21]


@pytest.mark.parametrize("name", ["../up.json", "m/../../up", "/abs", "C:/x", "m\\up"])
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {**MODEL, name.replace("\\", "/"): b"x"})
    if "\\" in name:  # zipfile writes "/" for it; an archive made elsewhere has it as it is
        file.write_bytes(file.read_bytes().replace(b"m/up", b"m\\up"))
    with pytest.raises(InputError, match="would lie outside its folder"):
        _unpack(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "up.json").exists()


def test_symbolic_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("m/vocab.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in MODEL.items():
            archive.writestr(name, content)
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match=r"'m/vocab\.txt' in it is a symbolic link"):
        _unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {**MODEL, "m/model.safetensors": bytes(30_000_000)})
    assert file.stat().st_size < 40_000
    with pytest.raises(InputError, match=r"would grow from 0\.03 to 30 MB"):
        _unpack(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_lies_about_its_sizes_writes_no_more_than_it_says(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {**MODEL, "m/model.safetensors": bytes(5_000_000)})
    file.write_bytes(file.read_bytes().replace(struct.pack("<L", 5_000_000), struct.pack("<L", 1_000)))
    with pytest.raises(InputError, match="damaged"):
        _unpack(file, tmp_path / "out")
    assert sum(p.stat().st_size for p in (tmp_path / "out").iterdir()) < 2_000


def test_a_long_list_of_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", MODEL)
    raw = bytearray(file.read_bytes())
    struct.pack_into("<L", raw, raw.rfind(b"PK\x05\x06") + 12, LARGEST_DIRECTORY + 1)
    file.write_bytes(raw)
    with pytest.raises(InputError, match=r"its list of files alone has 16 MB"):
        _unpack(file, tmp_path / "out")


def test_files_over_each_other_passwords_and_doubles_are_refused(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", MODEL)
    raw = bytearray(file.read_bytes())
    at = raw.find(b"PK\x01\x02")
    locked = raw.copy()
    locked[at + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(InputError, match="password"):
        _unpack(tmp_path / "locked.zip", tmp_path / "out")
    struct.pack_into("<L", raw, at + 20, 1_000_000)
    (tmp_path / "over.zip").write_bytes(raw)
    with pytest.raises(InputError, match="its files overlap"):
        _unpack(tmp_path / "over.zip", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("m/config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("m/config.json", "{}")
    with pytest.raises(InputError, match="twice"):
        _unpack(tmp_path / "twice.zip", tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"PK", b"text that is no zip" * 100])
def test_what_is_no_zip_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.whl is not a readable zip"):
        _unpack(tmp_path / "a.whl", tmp_path / "out")


def test_unpacking_stops(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        unpack(_zip(tmp_path / "a.zip", MODEL), tmp_path / "out", lambda size: None, _quiet, lambda: True)


# What makes a model


def test_one_model_is_chosen_by_its_files() -> None:
    assert choose(["x.gguf", "x.py"], "it") == ("gguf", ["x.gguf"])
    shards = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert choose([*shards, "pytorch_model.bin", "onnx/model.onnx"], "it") == ("folder", sorted(shards))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["config.json", "pytorch_model.bin"], "can run code when they are read"),
        (["config.json", "model.ckpt"], "safe_serialization=True"),
        (["adapter_config.json", "adapter_model.safetensors"], "an adapter without the model"),
        (["config.json"], "no weights"),
        (["a.gguf", "b.gguf"], r"several models: a\.gguf, b\.gguf"),
        (["readme.txt"], "contains no model"),
        ([], "contains no model"),
    ],
)
def test_what_is_no_single_model_says_why(names: list[str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        choose(names, "it")


def test_licenses_are_read_where_they_are_stated() -> None:
    assert license_in("---\nlanguage: en\nlicense: apache-2.0\n---\n") == "apache-2.0"
    assert license_in("Name: x\nLicense: MIT\n") == "MIT"
    assert license_in("This text has no license: at all") == "not stated"


# Heads of GGUF files


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _head(
    settings: list[bytes], tensors: list[bytes], version: int = 3, claims: tuple[int, int] | None = None
) -> bytes:
    """claims: how many tensors and settings it says it has."""
    counts = struct.pack("<IQQ", version, *(claims or (len(tensors), len(settings))))
    return b"GGUF" + counts + b"".join(settings) + b"".join(tensors)


def _tensor(name: str = "token_embd.weight", *sides: int, at: int = 0) -> bytes:
    shape = sides or (4, 4)
    return _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at)


ARCHITECTURE = _text("general.architecture") + struct.pack("<I", 8) + _text("llama")
LAYERS = _text("llama.block_count") + struct.pack("<II", 4, 1)


def _given(content: bytes, folder: Path, fill: int = 64) -> Path:
    file = folder / "a.gguf"
    file.write_bytes(content + bytes(fill))
    return file


def test_a_head_is_read(tmp_path: Path) -> None:
    words = _text("tokens") + struct.pack("<IIQ", 9, 8, 2) + _text("a") + _text("bc")
    numbers = _text("scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8)
    head = read_head(_given(_head([ARCHITECTURE, LAYERS, words, numbers], [_tensor()]), tmp_path))
    assert head.settings == {"general.architecture": "llama", "llama.block_count": 1, "tokens": 2, "scores": 2}
    assert (head.architecture, head.numbers, head.quantized) == ("llama", 16, False)


HOSTILE = {
    "another magic": (b"GGML" + bytes(40), "does not begin with GGUF"),
    "an old version": (_head([ARCHITECTURE, LAYERS], [_tensor()], version=1), "version 1"),
    "endless settings": (_head([ARCHITECTURE], [_tensor()], claims=(1, 2**60)), "settings and 1 tensors"),
    "endless tensors": (_head([ARCHITECTURE], [], claims=(2**60, 1)), "tensors"),
    "an endless text": (_head([struct.pack("<Q", 2**60)], [_tensor()]), "larger than the file"),
    "an endless array": (_head([_text("k") + struct.pack("<IIQ", 9, 0, 2**62)], [_tensor()]), "larger than the file"),
    "endless words": (_head([_text("k") + struct.pack("<IIQ", 9, 8, 2**60)], [_tensor()]), "larger than the file"),
    "arrays of arrays": (_head([_text("k") + struct.pack("<IIQ", 9, 9, 5)], [_tensor()]), "holds arrays"),
    "an unknown type": (_head([_text("k") + struct.pack("<I", 77)], [_tensor()]), "unknown type 77"),
    "a tensor too large": (_head([ARCHITECTURE, LAYERS], [_tensor("t", 2**40, 2**20)]), "more numbers than the file can"),
    "a tensor outside": (_head([ARCHITECTURE, LAYERS], [_tensor("t", 2, at=2**50)]), "beyond the end"),
    "many dimensions": (_head([ARCHITECTURE, LAYERS], [_text("t") + struct.pack("<I", 2**31)]), "dimensions"),
    "no architecture": (_head([LAYERS], [_tensor()]), "names no architecture"),
    "endless layers": (
        _head([ARCHITECTURE, _text("llama.block_count") + struct.pack("<II", 4, 2**31)], [_tensor()]),
        "claims 2147483648 layers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_head_is_refused(how: str, tmp_path: Path) -> None:
    content, why = HOSTILE[how]
    with pytest.raises(InputError, match=why):
        read_head(_given(content, tmp_path))


def test_a_head_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = _head([ARCHITECTURE, LAYERS], [_tensor()])
    for length in range(4, len(whole)):
        with pytest.raises(InputError, match="is refused"):
            read_head(_given(whole[:length], tmp_path, fill=0))


# Names, and things that are not there


def test_names_come_from_the_source_and_are_checked() -> None:
    assert model_name("smollm2") == "smollm2"
    assert model_name("owner/Some-Model-1B") == "Some-Model-1B"
    assert model_name("dir/My model (2).gguf") == "My-model-2"
    assert model_name("/x/thing-1.0-py3-none-any.whl", "thing") == "thing"
    for bad in ("", "../up", "a/b", ".hidden", *SHIPPED, "x" * 90):
        with pytest.raises(InputError, match="cannot name a model"):
            model_name("smollm2", bad or " ")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("./nowhere.gguf", "no file or folder"),
        ("/nowhere/at/all", "no file or folder"),
        ("a b?", "known name \\(smollm2\\)"),
        ("x/y/z", "hub name"),
    ],
)
def test_what_is_not_there_says_what_can_be_given(what: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=why):
        add_model(tmp_path, Adding(what, "mine"), _quiet, _never)
    assert not (tmp_path / "mine").exists()
    assert not (tmp_path / ".adding/mine").exists()


def test_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for name, content in MODEL.items():
        (folder / Path(name).name).write_bytes(content)
    (tmp_path / "secret").write_text("x")
    (folder / "vocab.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="symbolic link to a file outside the folder"):
        add_model(tmp_path / "models", Adding(str(folder), "mine"), _quiet, _never)


def test_a_disk_that_is_too_small_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_000

    file = _zip(tmp_path / "a.zip", MODEL)
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(HomeError, match=r"too small: 50 MB are needed, and 1 MB are free"):
        add_model(tmp_path / "models", Adding(str(file), "mine"), _quiet, _never)


def test_missing_packages_for_gguf_are_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    file = _given(_head([ARCHITECTURE, LAYERS], [_tensor()]), tmp_path)
    with pytest.raises(InputError, match=r"^Reading GGUF files needs gguf and accelerate.*memlab\[gguf\]'\.$"):
        add_model(tmp_path / "models", Adding(str(file), "mine"), _quiet, _never)


def test_an_addition_needs_no_torch_in_this_process() -> None:
    script = (
        "import sys, memlab.lm.adding, memlab.lm.known; print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False"]


def test_the_archive_is_read_from_a_file_only(tmp_path: Path) -> None:
    """A zip within a zip is not opened."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.safetensors", "x")
    with pytest.raises(InputError, match="contains no model"):
        _unpack(_zip(tmp_path / "a.zip", {"inner.zip": inner.getvalue()}), tmp_path / "out")
