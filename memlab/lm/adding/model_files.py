"""Which files of a folder, archive or repository make up a model, and which are refused by name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from memlab.errors import InputError, StoppedError
from memlab.lm.adding.origin import UNKNOWN_LICENSE
from memlab.lm.formats import formats

RECORD = "memlab.json"
INDEX = "model.safetensors.index.json"
TEXT_FILES = {
    "config.json", "generation_config.json", INDEX, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "chat_template.jinja", "memlab.json", "adapter_config.json",
}  # fmt: skip
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
LARGEST_TEXT_FILE = 100_000_000  # bytes of a configuration, tokenizer or card
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
CARDS = re.compile(r"(README\.md|LICENSE(\.txt|\.md)?)", re.IGNORECASE)
_CHUNK = 1 << 22


def is_wanted(name: str) -> bool:
    """Whether a file of this name is part of a model's folder, or states its license."""
    return name in TEXT_FILES or bool(WEIGHTS.fullmatch(name) or CARDS.fullmatch(name))


def choose(names: Iterable[str], where: str) -> tuple[str, list[str]]:
    """The one model among files, by their paths with "/".

    Returns:
        ("gguf", [path]) or ("folder", its files that are wanted: with a memlab.json among them, those of the formats that systems
        declare as well).

    Raises:
        InputError: there is none, there are several, or its weights have a format that memlab never reads.
    """
    paths = [PurePosixPath(name) for name in names]
    folders = sorted({str(p.parent) for p in paths if p.name == "config.json"})
    weights = {str(p.parent) for p in paths if WEIGHTS.fullmatch(p.name)}
    whole = [folder for folder in folders if folder in weights]
    files = sorted(str(p) for p in paths if p.suffix.lower() == ".gguf")
    if len(whole) == 1:
        inside = [p for p in paths if str(p.parent) == whole[0]]
        own = {f for each in formats() for f in each.files} if any(p.name == RECORD for p in inside) else set()
        return "folder", sorted(str(p) for p in inside if is_wanted(p.name) or p.name in own)
    if whole or len(files) > 1:
        raise InputError(f"{where} holds several models: {_some(whole or files)}. Give one of them alone.")
    if files:
        return "gguf", files
    raise InputError(_no_model(paths, where, folders))


def _no_model(paths: list[PurePosixPath], where: str, folders: list[str]) -> str:
    pickles = [str(p) for p in paths if p.suffix.lower() in PICKLES]
    if any(p.name.startswith("adapter_") for p in paths):
        return merge_first(where)
    if pickles:
        return (
            f"{where} has its weights only as {_some(pickles)}. Such files can run code when they are read, so memlab reads "
            "only safetensors and GGUF. Save it again with safe_serialization=True."
        )
    if folders:
        return f"{where} has a config.json but no weights (model.safetensors)."
    return f"{where} contains no model: expected config.json with model.safetensors and a tokenizer, or one .gguf file."


def merge_first(where: str, base: str = "") -> str:
    """The message about an adapter without its model. base: the name of the model that it changes, if known."""
    whose = f"its base model, {base}," if base else "its base model"
    return (
        f"{where} contains an adapter without the model that it changes. Merge it into {whose} with peft (merge_and_unload, "
        "then save_pretrained), and use the folder that this writes."
    )


def hashed(file: Path, stop: Callable[[], bool]) -> str:
    """sha256 of a file. Raises StoppedError."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            if stop():
                raise StoppedError("Stopped.")
            digest.update(chunk)
    return digest.hexdigest()


def license_in(text: str) -> str:
    """The license that a model card's head or a package's metadata states."""
    found = re.search(
        r"^license(?:-expression)?:[ \t]*['\"]?([^\n'\"]{1,80})", text[:20_000], re.MULTILINE | re.IGNORECASE
    )
    return found[1].strip() if found else UNKNOWN_LICENSE


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
