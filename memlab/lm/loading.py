"""Reading a model's folder into memory, with the check of what was read. Code from model folders is never run."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from cachetools import LRUCache

from memlab.declare import ModelFormat
from memlab.declare.provided import declared
from memlab.errors import InputError
from memlab.lm.checking import ModelCheck, check_model, check_weights, difference, probe_logp
from memlab.lm.engine_kinds import ENGINE_KINDS, engine_kind
from memlab.lm.folder_checks import Stamp, adapter_note, check_folder, first_line, same_weights, stamp
from memlab.lm.formats import ReadFolder, check_parts, checked_format, read_parts
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.lm.precision import BFLOAT16, FLOAT32, VARIABLE, chosen, forced, is_free, kept_speeds
from memlab.lm.weight_files import check_weight_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from memlab.lm.catalogue import ModelInfo

SEQ2SEQ = "seq2seq"  # the kind of encoder-decoder models
_KEPT = 4  # models in memory


@dataclass(frozen=True)
class Loaded:
    """A model in memory, the stamp of its folder when it was read, and the result of its check."""

    model: LanguageModel
    stamp: Stamp
    check: ModelCheck
    format: ModelFormat | None = None


_lock = threading.Lock()
_kept: LRUCache[tuple[str, str, str], Loaded] = LRUCache(_KEPT)
_chosen: dict[tuple[str, str, Stamp], str] = {}  # the dtype that was chosen for a model when none was requested


def loaded(found: ModelInfo, dtype: str | None = None) -> Loaded:
    """The model of a folder, read once; read again when a file in the folder has another size or time.

    Args:
        dtype: the dtype that a datastore needs; None for the one that is chosen (see `memlab.lm.precision`).

    Raises:
        InputError: an unsupported kind, a model that cannot be read, or one that the check refuses.
    """
    check_kind(found.kind, found.name)
    at = (str(found.path), found.name)
    with _lock:
        now = stamp(found.path)
        wanted = (forced() or dtype) if is_free(found) else FLOAT32
        wanted = wanted or _chosen.get((*at, now))
        before = None if wanted is None else _kept.get((*at, wanted))
        if before is not None and before.stamp == now and before.format == found.format:
            return before
        made = _read(found, now, _change_note(at, now))
        made = _in_chosen_type(found, made, dtype)
        if (forced() or dtype) is None:
            _chosen[(*at, now)] = made.model.dtype
        _kept[(*at, made.model.dtype)] = made
        return made


def check_kind(kind: str, name: str) -> None:
    """Refuses a model of a kind that is not run as a language model, with a hint where a system uses such models.

    Raises:
        InputError: such a kind.
    """
    if kind not in tuple(ENGINE_KINDS):  # a record may hold anything
        raise InputError(
            f"{name} is a {kind} model; memlab reads {' and '.join(ENGINE_KINDS)} language models here."
            f"{declared().hint('encoder-decoder') if kind == SEQ2SEQ else ''}"
        )


def _change_note(at: tuple[str, str], now: Stamp) -> tuple[str, ...]:
    """A note if the model was loaded before with other weights."""
    before = (_kept[key].stamp for key in list(_kept) if key[:2] == at)
    if all(same_weights(stamp, now) for stamp in before):
        return ()
    return (
        f"The files of {at[1]} have changed since it was loaded; it was read again. Datastores that were built with the old weights "
        "are refused.",
    )


def _in_chosen_type(found: ModelInfo, made: Loaded, dtype: str | None) -> Loaded:
    """The model in the dtype that was requested or is faster here; in float32 if that one does not work."""
    wanted = chosen(found, made.model, dtype)
    if wanted == FLOAT32:
        return replace(made, check=replace(made.check, speeds=_speeds(found)))
    before = probe_logp(made.model)
    made.model.take_type(wanted)
    change = difference(before, probe_logp(made.model))
    if not math.isfinite(change):
        if (forced() or dtype) is not None:
            raise InputError(
                f"The model {found.name!r} gives infinite or NaN values in {wanted}. Use {VARIABLE}={FLOAT32}."
            )
        note = f"{found.name} would be faster in {wanted} here, but gives infinite or NaN values in it; it computes in {FLOAT32}."
        return _read(found, made.stamp, (*made.model.notes, note))
    made.model.in_float32 = partial(_exact, found)
    check = replace(made.check, dtype=wanted, dtype_difference=change, speeds=_speeds(found))
    return replace(made, check=check)


def _speeds(found: ModelInfo) -> dict[str, float] | None:
    kept = kept_speeds(found.path)
    return None if kept is None else {FLOAT32: kept.float32, BFLOAT16: kept.bfloat16}


def _exact(found: ModelInfo) -> LanguageModel:
    """The model with float32 weights, whatever `$MEMLAB_DTYPE` says: weights are edited in float32."""
    at = (str(found.path), found.name, FLOAT32)
    with _lock:
        now, before = stamp(found.path), _kept.get(at)
        if before is None or before.stamp != now or before.format != found.format:
            before = _kept[at] = _read(found, now, ())
        return before.model


def read_anew(found: ModelInfo) -> Loaded:
    """The model of a folder, read again for this call and not cached. Raises InputError."""
    return _read(found, stamp(found.path), ())


def _read(found: ModelInfo, now: Stamp, notes: tuple[str, ...]) -> Loaded:
    check_folder(found.path, found.name)
    own = checked_format(found.record, found.name)
    if own is not None:
        check_parts(found.path, found.record, own, found.name)
    if not found.bundled:
        check_weight_files(found.path, found.name, found.kind)
    try:
        with plain_path(found.path) as folder:
            module, tokenizer, info = _from_files(folder, found.kind)
    except Exception as error:  # whatever goes wrong while reading, nothing is loaded
        raise InputError(
            f"The model {found.name!r} cannot be loaded: {first_line(error)} "
            "memlab reads safetensors weights with a fast tokenizer, and never runs code from a model folder."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"The model {found.name!r} has no fast tokenizer, which memlab needs to find words in texts.")
    unused = check_weights(found.name, info, module.base_model_prefix)
    model = _language_model(found, own, module.eval().requires_grad_(False), tokenizer)
    model.stamp = now
    model.notes = (*notes, *adapter_note(found.path, found.name))
    return Loaded(model, now, check_model(model, unused, model.notes), own)


def _from_files(folder: Path, kind: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, Any]]:
    """Module, tokenizer, and the loading info of transformers."""
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    module, info = (
        engine_kind(kind)
        .auto_class()
        .from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    )
    return module, tokenizer, info


def _language_model(
    found: ModelInfo, own: ModelFormat | None, module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> LanguageModel:
    """The model of an ordinary folder, or what the code of its format makes of it."""
    unmet = frozenset(found.record["unmet"]) if "unmet" in found.record else None
    if own is None:
        return LanguageModel(found.name, module, tokenizer, found.kind, found.path, unmet)
    part = found.record[own.name]
    return read_parts(own, ReadFolder(found.name, found.kind, module, tokenizer, found.path, unmet, part))
