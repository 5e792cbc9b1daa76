"""Which models there are, and loading them: bundled ones by name, any other by folder or hub name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import HFValidationError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from memlab.bundle import assets
from memlab.errors import InputError, NotFound, StoreError
from memlab.lm.model import LanguageModel
from memlab.lm.spalm import SpalmModel, read_gate, read_record

BUNDLED = ("atlas-mlm", "atlas-clm")  # each has a bundled datastore of its name
BUNDLED_SPALM = "atlas-spalm"  # reads with the memory of atlas-clm
BUNDLED_QA = "atlas-qa"  # answers yes-or-no questions; has no datastore
SHIPPED = (*BUNDLED, BUNDLED_SPALM, BUNDLED_QA)
_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
_lock = threading.Lock()


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model without loading it."""

    name: str
    title: str
    kind: str
    bundled: bool
    path: Path
    size_mb: float
    card: str
    record: dict[str, Any]

    @property
    def method(self) -> str | None:
        """The method that the model was made for, where it is part of its training: "spalm" or None."""
        return "spalm" if "spalm" in self.record else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "method": self.method,
            "bundled": self.bundled,
            "size_mb": self.size_mb,
            "recipe": self.record.get("recipe"),
            "scores": self.record.get("scores"),
        }


def bundled_models() -> list[ModelInfo]:
    """The models that ship with memlab, have a datastore of their own, and are there."""
    return _bundled(BUNDLED)


def shipped_models() -> list[ModelInfo]:
    """All models that ship with memlab and are there."""
    return _bundled(SHIPPED)


def _bundled(names: Iterable[str]) -> list[ModelInfo]:
    folders = [assets() / "models" / name for name in names]
    return [_info(path, path.name) for path in folders if (path / "config.json").is_file()]


def info(name: str) -> ModelInfo:
    """A model by bundled name, folder, or name on the Hugging Face hub.

    Raises:
        NotFound: no such model here or on the hub (or the hub cannot be reached and it was never fetched).
    """
    for model in shipped_models():
        if model.name == name:
            return model
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return _info(folder.resolve(), str(folder.resolve()))
    if folder.is_dir():
        raise NotFound(f"The folder {name} holds no model: config.json is missing.")
    return _info(_from_hub(name), name)


def _from_hub(name: str) -> Path:
    unknown = NotFound.named(
        "model",
        name,
        (m.name for m in shipped_models()),
        "Give one of these, a folder in the Hugging Face form, or a hub name (the first use needs the internet).",
    )
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES), local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES), etag_timeout=5))
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise unknown from error


def _info(path: Path, name: str) -> ModelInfo:
    record_file, card_file = path / "memlab.json", path / "README.md"
    record = json.loads(record_file.read_text("utf-8")) if record_file.is_file() else {}
    size = sum(f.stat().st_size for f in path.glob("*.safetensors")) / 1e6
    kind = record.get("kind") or _kind(path)
    card = card_file.read_text("utf-8") if card_file.is_file() else ""
    bundled = name in SHIPPED and path == assets() / "models" / name
    shown = "causal, SPALM" if "spalm" in record else kind
    title = f"{path.name if Path(name).is_absolute() else name} ({shown})"
    return ModelInfo(name, title, kind, bundled, path, round(size, 1), card, record)


def _kind(path: Path) -> str:
    """Masked or causal, by the architecture that the configuration names."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path / 'config.json'} is damaged: {error}.") from error
    named = " ".join(config.get("architectures") or [])
    if "MaskedLM" in named or ("ForPreTraining" in named and config.get("model_type") == "bert"):
        return "masked"
    if "CausalLM" in named or "LMHead" in named:
        return "causal"
    raise InputError(
        f"{path.name} is a {named or config.get('model_type')} model; memlab reads masked (…ForMaskedLM) and causal "
        "(…ForCausalLM) language models."
    )


def load(name: str) -> LanguageModel:
    """Loads a model once; later calls get the same object (at most four are kept).

    Weights are read from safetensors as 32-bit floats; code from model folders is never run.
    """
    found = info(name)
    with _lock:
        where = found.name if found.bundled else str(found.path)
        return _load(where, found.name, (found.path / "config.json").stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(where: str, name: str, written: int) -> LanguageModel:
    """`written` is when the folder was: a model that is trained again is another one."""
    found = info(where)
    auto = AutoModelForMaskedLM if found.kind == "masked" else AutoModelForCausalLM
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(found.path, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(found.path, local_files_only=True)
        module = auto.from_pretrained(
            found.path, config=config, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"The model {name!r} cannot be loaded: {str(error).splitlines()[0][:200]} "
            "memlab reads safetensors weights with a fast tokenizer, and never runs code from a model folder."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"The model {name!r} has no fast tokenizer, which memlab needs to find words in texts.")
    unmet = frozenset(found.record["unmet"]) if "unmet" in found.record else None
    module = module.eval().requires_grad_(False)
    if found.method == "spalm":
        made = read_record(found.record["spalm"], name)
        return SpalmModel(name, module, tokenizer, read_gate(found.path), made, found.path, unmet)
    return LanguageModel(name, module, tokenizer, found.kind, found.path, unmet)


def load_encoder(model: SpalmModel) -> LanguageModel:
    """The frozen encoder that a SPALM was trained with: a bundled model, or the folder of that name beside its own.

    Raises:
        StoreError: it is not there, or has other weights now.
    """
    wanted = model.record.encoder
    beside = model.path.parent / wanted if model.path is not None else Path(wanted)
    where = wanted if wanted in BUNDLED else str(beside)
    hint = f"{model.name} was trained with keys of {wanted}"
    try:
        encoder = load(where)
    except NotFound as error:
        raise StoreError(f"{hint}, which is not at {where}. Put that model there, or train the SPALM again.") from error
    if encoder.weights_hash != model.record.encoder_hash:
        raise StoreError(
            f"{hint}, and {where} has other weights now: its neighbors would mean nothing. Train the SPALM again."
        )
    return encoder
