"""Finding and loading models: bundled ones by name, any other by folder or hub name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from memlab.bundle import assets
from memlab.declare import ModelFormat
from memlab.errors import InputError, NotFound
from memlab.lm.adding.model_files import license_in
from memlab.lm.architectures import is_tested
from memlab.lm.checking import ModelCheck
from memlab.lm.folder_checks import Stamp, check_folder, stamp
from memlab.lm.formats import format_of, formats, shown
from memlab.lm.hub import from_hub
from memlab.lm.json_file import read_json
from memlab.lm.loading import SEQ2SEQ, loaded
from memlab.lm.model import LanguageModel
from memlab.lm.precision import said
from memlab.lm.shipped import BUNDLED, SHIPPED
from memlab.lm.weight_files import no_model
from memlab.outside import given_path
from memlab.serialize import as_json

_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim", "word_embed_proj_dim")  # as configurations name it
_VOCABULARIES = ("vocab_size", "n_vocab")


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
    architecture: str = ""
    width: int | None = None
    vocabulary: int | None = None

    @property
    def license(self) -> str:
        """The license stated at the model's source; "not stated" if it is unknown."""
        if self.bundled:
            return "Apache-2.0"
        added = self.record.get("added")
        stated = str(added.get("license") or "") if isinstance(added, dict) else ""
        return stated or license_in(self.card)

    @property
    def source(self) -> str:
        """Where the model came from, as text for the user."""
        if self.bundled:
            return "ships with memlab"
        added = self.record.get("added")
        if isinstance(added, dict) and added.get("source"):
            return str(added["source"])
        return f"trained here: {self.path}" if "recipe" in self.record else str(self.path)

    @property
    def dtype(self) -> str:
        """The dtype that it computes in here, as far as that is known without loading it."""
        return said(self)

    @property
    def tested(self) -> bool:
        """Whether memlab's tests compare models of this architecture with the plain module."""
        return is_tested(self.architecture, self.kind)

    @property
    def format(self) -> ModelFormat | None:
        """The declared format of its folder; None for an ordinary model, and where no system here declares the one it names."""
        return format_of(self.record)

    @property
    def method(self) -> str | None:
        """The method that the model was made for, as its format says; None for any other model."""
        return (self.format.method or None) if self.format is not None else None

    @property
    def note(self) -> str:
        """What the format of its folder says to whoever sees it in a list; "" for an ordinary model."""
        return self.format.note if self.format is not None else ""

    def to_dict(self) -> dict[str, Any]:
        names = ("name", "title", "kind", "method", "architecture", "tested", "bundled", "size_mb")
        more = ("width", "vocabulary", "license", "source", "dtype")
        return {
            **as_json(self, *names, *more),
            "format": self.format.name if self.format is not None else self.record.get("format"),
            "note": self.note,
            "recipe": self.record.get("recipe"),
            "scores": self.record.get("scores"),
        }


def encoder_of(record: Mapping[str, Any]) -> str | None:
    """The model whose keys a model was trained with, by its memlab.json; None where it needs no other model."""
    parts = (part for part in record.values() if isinstance(part, dict))
    return next((str(part["encoder"]) for part in parts if part.get("encoder")), None)


def bundled_models() -> list[ModelInfo]:
    """The models that ship with memlab and have a bundled datastore, if their files are there."""
    return _bundled(BUNDLED)


def shipped_models() -> list[ModelInfo]:
    """All models that ship with memlab and whose files are there."""
    return _bundled(SHIPPED)


def _bundled(names: Iterable[str]) -> list[ModelInfo]:
    folders = [assets() / "models" / name for name in names]
    return [described(path, path.name) for path in folders if (path / "config.json").is_file()]


def info(name: str) -> ModelInfo:
    """A model by bundled name, folder, or name on the Hugging Face hub.

    Raises:
        NotFound: no such model here or on the hub (or the hub cannot be reached and it was never fetched).
    """
    if name in SHIPPED and (found := _bundled((name,))):
        return found[0]
    folder = given_path(name)
    if os.path.isfile(folder / "config.json"):
        return described(folder.resolve(), str(folder.resolve()))
    if os.path.isdir(folder):
        raise NotFound(no_model(folder, name))
    return described(from_hub(name, (m.name for m in shipped_models())), name)


def described(path: Path, name: str) -> ModelInfo:
    """The `ModelInfo` of the model in a folder, read again when one of its files has changed. Raises InputError for a
    damaged model, or one of an unsupported kind."""
    card_file = path / "README.md"
    card = card_file.read_text("utf-8", "replace") if card_file.is_file() else ""
    return _described(path, name, card, assets(), (stamp(path), formats()))


@lru_cache(maxsize=64)
def _described(
    path: Path, name: str, card: str, shipped: Path, now: tuple[Stamp, tuple[ModelFormat, ...]]
) -> ModelInfo:
    """As `described`; `now`, the stamp and the declared formats, is only a cache key: when it changes, the folder is read again."""
    record, config = read_json(path / "memlab.json"), read_json(path / "config.json")
    size = sum(f.stat().st_size for f in path.glob("*.safetensors")) / 1e6
    kind = record.get("kind") or _kind(path, config, name)
    bundled = name in SHIPPED and path == shipped / "models" / name
    title = f"{path.name if Path(name).is_absolute() else name} ({shown(kind, record, now[1])})"
    architecture = str(config.get("model_type") or "")
    width, vocabulary = (_first_number(config, *names) for names in (_WIDTHS, _VOCABULARIES))
    return ModelInfo(name, title, kind, bundled, path, round(size, 1), card, record, architecture, width, vocabulary)


def _first_number(config: dict[str, Any], *names: str) -> int | None:
    """The first integer that a configuration, or its text_config, has under one of the names."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        for name in names:
            if isinstance(part.get(name), int) and not isinstance(part[name], bool):
                return int(part[name])
    return None


def _kind(path: Path, config: dict[str, Any], name: str) -> str:
    """Masked, causal or seq2seq, by the architecture that the configuration names."""
    check_folder(path, name)
    declared = config.get("architectures") or []
    named = " ".join(map(str, declared if isinstance(declared, list) else [declared]))
    if "MaskedLM" in named or ("ForPreTraining" in named and config.get("model_type") == "bert"):
        return "masked"
    if "CausalLM" in named or "LMHead" in named:
        return "causal"
    if config.get("is_encoder_decoder") and "ConditionalGeneration" in named:
        return SEQ2SEQ  # only for BeliefBank's questions; see memlab.systems.beliefbank.seq2seq
    raise InputError(
        f"{name} is a {named or config.get('model_type')} model; memlab reads masked (…ForMaskedLM) and causal "
        "(…ForCausalLM) language models."
    )


def load(name: str, dtype: str | None = None) -> LanguageModel:
    """Loads a model once; later calls, of any window or lab of the process, get the same object (at most four are kept).

    Weights are read from safetensors as 32-bit floats, or as bfloat16 if `memlab.lm.precision` chooses it; code from
    model folders is never run. A model that fails the check of `memlab.lm.checking` is refused.

    Args:
        dtype: the dtype that a datastore needs ("float32", "bfloat16"); None for the one that is chosen here.

    Raises:
        NotFound, InputError: no such model, one that cannot be read, or one that the check refuses.
    """
    return loaded(info(name), dtype).model


def check(name: str) -> ModelCheck:
    """The result of the check of a model, which is loaded for it. Raises what `load` raises."""
    return loaded(info(name)).check
