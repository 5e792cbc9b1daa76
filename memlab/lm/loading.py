"""Reading a model's folder into memory, with the check of what was read. Code from model folders is never run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from cachetools import LRUCache

from memlab.errors import InputError
from memlab.lm.checking import ModelCheck, check_model, check_weights
from memlab.lm.fae import fae_model, read_fae_record
from memlab.lm.folder_checks import Stamp, adapter_note, check_folder, same_weights, stamp
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.lm.spalm import SpalmModel, read_gate, read_record

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from memlab.lm.catalogue import ModelInfo

_KEPT = 4  # models in memory


@dataclass(frozen=True)
class Loaded:
    """A model in memory, what its folder looked like when it was read, and what the check found."""

    model: LanguageModel
    stamp: Stamp
    check: ModelCheck


_lock = threading.Lock()
_kept: LRUCache[tuple[str, str], Loaded] = LRUCache(_KEPT)


def loaded(found: ModelInfo) -> Loaded:
    """The model of a folder, read once; read again when a file in the folder has another size or time.

    Raises:
        InputError: it cannot be read, or the check refuses it.
    """
    if found.kind not in ("masked", "causal"):
        raise InputError(
            f"{found.name} is a {found.kind} model; memlab reads masked and causal language models here. Encoder-decoder models "
            "answer yes-or-no questions: memlab believe --model."
        )
    at = (str(found.path), found.name)
    with _lock:
        now, before = stamp(found.path), _kept.get(at)
        if before is not None and before.stamp == now:
            return before
        notes: tuple[str, ...] = ()
        if before is not None and not same_weights(before.stamp, now):
            notes = (
                f"The files of {found.name} have changed since it was loaded; it was read again. Memories that the "
                "other weights made are refused.",
            )
        _kept[at] = _read(found, now, notes)
        return _kept[at]


def read_anew(found: ModelInfo) -> Loaded:
    """The model of a folder, read for this call alone. Raises InputError."""
    return _read(found, stamp(found.path), ())


def _read(found: ModelInfo, now: Stamp, notes: tuple[str, ...]) -> Loaded:
    check_folder(found.path, found.name)
    try:
        with plain_path(found.path) as folder:
            module, tokenizer, info = _from_files(folder, found.kind)
    except Exception as error:  # any error while the files are read: nothing is loaded
        raise InputError(
            f"The model {found.name!r} cannot be loaded: {first_line(error)} "
            "memlab reads safetensors weights with a fast tokenizer, and never runs code from a model folder."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"The model {found.name!r} has no fast tokenizer, which memlab needs to find words in texts.")
    unused = check_weights(found.name, info, module.base_model_prefix)
    model = _language_model(found, module.eval().requires_grad_(False), tokenizer)
    model.stamp = now
    model.notes = (*notes, *adapter_note(found.path, found.name))
    return Loaded(model, now, check_model(model, unused, model.notes))


def _from_files(folder: Path, kind: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, Any]]:
    """Module, tokenizer, and what transformers says of the weights."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    auto = AutoModelForMaskedLM if kind == "masked" else AutoModelForCausalLM
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    module, info = auto.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    return module, tokenizer, info


def _language_model(found: ModelInfo, module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> LanguageModel:
    unmet = frozenset(found.record["unmet"]) if "unmet" in found.record else None
    if found.method == "spalm":
        made = read_record(found.record["spalm"], found.name)
        return SpalmModel(found.name, module, tokenizer, read_gate(found.path), made, found.path, unmet)
    if found.method == "facts-as-experts":
        made_of = read_fae_record(found.record["fae"], found.name)
        return fae_model(found.name, module, tokenizer, made_of, found.path, unmet)
    return LanguageModel(found.name, module, tokenizer, found.kind, found.path, unmet)


def first_line(error: Exception) -> str:
    """What an error of a reader says, in one line that ends with a full stop."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = (lines[0].strip() if lines else type(error).__name__)[:200]
    return said if said.endswith(".") else f"{said}."
