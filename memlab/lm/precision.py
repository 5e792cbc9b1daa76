"""The dtype that a model computes in: float32, or bfloat16 where that is faster here.

Bundled models, models that were trained here and small ones compute in float32. For any other model, the first load
measures a short forward pass in both dtypes; the result is stored beside the model's files, for this processor and this
version of torch. `$MEMLAB_DTYPE` ("float32" or "bfloat16"; "auto" measures) overrides this.

With bfloat16 only weights and activations are rounded (8 bits of precision). States, keys and scores are returned as
float32, the softmax is computed in float64, and weights are edited in float32.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from memlab.errors import InputError
from memlab.lm.json_file import read_json

if TYPE_CHECKING:
    from memlab.lm.catalogue import ModelInfo
    from memlab.lm.model import LanguageModel

VARIABLE = "MEMLAB_DTYPE"
AUTO, FLOAT32, BFLOAT16 = "auto", "float32", "bfloat16"
TYPES = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16}
MEASURED = ".memlab-types.json"  # beside the model's files
LEAST_PARAMETERS = 30_000_000  # a smaller model is fast in any dtype
GAIN = 1.2  # bfloat16 is used if it is at least this many times as fast
_TOKENS, _PASSES = 64, 3
_CLEARLY_SLOWER = 2  # times as slow: no further passes


@dataclass(frozen=True)
class Speeds:
    """Tokens per second of a short forward pass in each dtype, on one machine."""

    machine: str
    float32: float
    bfloat16: float

    @property
    def faster(self) -> str:
        """The dtype to compute in."""
        return BFLOAT16 if self.bfloat16 >= GAIN * self.float32 else FLOAT32


def forced() -> str | None:
    """The dtype that `$MEMLAB_DTYPE` sets; None for "auto" or unset. Raises InputError for another value."""
    said = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    if said not in (AUTO, *TYPES):
        raise InputError(f"${VARIABLE} is {said!r}. Allowed: {AUTO}, {', '.join(TYPES)}.")
    return None if said == AUTO else said


def is_free(found: ModelInfo) -> bool:
    """Whether the dtype of a model may be chosen: not for bundled models, those trained here, and those with a method
    of their own, whose figures and datastores belong to float32."""
    return not found.bundled and found.method is None and "recipe" not in found.record


def said(found: ModelInfo) -> str:
    """The dtype that a model would be loaded in, as far as that is known without loading it. Raises InputError."""
    if not is_free(found):
        return FLOAT32
    if (requested := forced()) is not None:
        return requested
    if (kept := kept_speeds(found.path)) is not None:
        return kept.faster
    return FLOAT32 if found.size_mb < 2e-6 * LEAST_PARAMETERS else "measured when it is loaded"


def chosen(found: ModelInfo, model: LanguageModel, asked: str | None) -> str:
    """The dtype for a model that was just read in float32.

    Args:
        asked: the dtype that a datastore needs, or None. `$MEMLAB_DTYPE` takes precedence.
    """
    requested = forced() or asked
    if not is_free(found):
        return FLOAT32
    if requested is not None:
        return requested
    if model.module.num_parameters() < LEAST_PARAMETERS:
        return FLOAT32
    return speeds(found.path, model).faster


def speeds(folder: Path, model: LanguageModel) -> Speeds:
    """The speeds of a model in float32 and bfloat16 on this machine: the stored ones, or measured now and stored."""
    file = folder / MEASURED
    with suppress(InputError, TypeError, ValueError):
        kept = read_json(file).get(_machine())
        if kept:
            return Speeds(**kept)
    found = _measured(model)
    if folder.parent.name == "snapshots":  # in the hub's cache, which memlab does not write to
        return found
    with suppress(OSError, InputError):  # a folder that cannot be written: measured again in the next process
        both: dict[str, Any] = {**read_json(file), found.machine: asdict(found)}
        work = file.with_suffix(f".{os.getpid()}.tmp")
        work.write_text(json.dumps(both, indent=1), "utf-8")
        work.replace(file)
    return found


def kept_speeds(folder: Path) -> Speeds | None:
    """The stored speeds of a model on this machine; None if there are none."""
    with suppress(InputError, TypeError):
        kept = read_json(folder / MEASURED).get(_machine())
        return Speeds(**kept) if kept else None
    return None


def cast(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Casts all floating-point parameters of a module; buffers, such as rotary frequencies, are not cast."""
    for parameter in module.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)


def _measured(model: LanguageModel) -> Speeds:
    """Measures both dtypes on one text, alternating so that other work on the machine slows both; the fastest pass
    counts.

    Stops early if bfloat16 is clearly slower. The model has its float32 weights before and after.
    """
    from memlab.lm.inspection import probe_ids

    ids = probe_ids(model.module, model.tokenizer, max(2, min(_TOKENS, model.limit - 4)))
    text = torch.tensor([ids])
    parameters = list(model.module.parameters())
    weights = {FLOAT32: [p.data for p in parameters]}
    took = dict.fromkeys(TYPES, float("inf"))
    try:
        _pass(model, text)  # warm-up: memory is allocated
        weights[BFLOAT16] = [w.to(torch.bfloat16) if w.is_floating_point() else w for w in weights[FLOAT32]]
        for _ in range(_PASSES):
            for name in TYPES:
                _put(parameters, weights[name])
                took[name] = min(took[name], _pass(model, text))
            if took[BFLOAT16] > _CLEARLY_SLOWER * took[FLOAT32]:
                break
    except Exception:  # whatever a model's code raises in a dtype that it does not support
        took[BFLOAT16] = float("inf")
    finally:
        _put(parameters, weights[FLOAT32])
    return Speeds(_machine(), *(round(text.numel() / took[name], 1) for name in (FLOAT32, BFLOAT16)))


def _put(parameters: Sequence[torch.nn.Parameter], weights: Sequence[torch.Tensor]) -> None:
    for parameter, weight in zip(parameters, weights, strict=True):
        parameter.data = weight


@torch.inference_mode()
def _pass(model: LanguageModel, text: torch.Tensor) -> float:
    start = time.perf_counter()
    model.module(input_ids=text, attention_mask=torch.ones_like(text))
    return time.perf_counter() - start


def _machine() -> str:
    """The processor and the version of torch."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, torch {torch.__version__}"
