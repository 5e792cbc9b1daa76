"""Hooks that record a model's internal states for the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from memlab.lm.engine_kinds import engine_kind

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FEED_FORWARD = ("mlp", "intermediate", "ffn", "feed_forward", "ff", "fc1", "block_sparse_moe")
BY_POSITION = ("modernbert",)  # feed-forward layers (B, T, d) -> (B, T, d) without the residual
_local = threading.local()


class _Enough(Exception):
    """Raised by a hook to end the forward pass once everything that its thread needs is recorded."""


def _record_for_thread(name: str, value: Any) -> None:
    """Records a value for the calling thread, if it is capturing; ends the pass if nothing later is needed."""
    captured = getattr(_local, "captured", None)
    if captured is not None:
        captured[name] = value
        if getattr(_local, "enough", None) == name:
            raise _Enough


class _Recorder:
    """A forward pre-hook that records the module's input for the calling thread, if it is capturing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        if getattr(_local, "captured", None) is not None:
            _record_for_thread(self.name, args[0] if args else next(iter(kwargs.values())))


class _PositionRecorder(_Recorder):
    """Records the positions that are looked up, also if a mask precedes them (OPT)."""

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        positions = kwargs.get("position_ids")
        super().__call__(module, args if positions is None else (positions,), kwargs)


class _OutputRecorder(_Recorder):
    """A forward hook that records the module's output instead."""

    def __call__(self, module: nn.Module, args: tuple, output: Tensor) -> None:  # type: ignore[override]
        _record_for_thread(self.name, output)


class _AtPlaces:
    """Hooks of a position-wise layer: it computes only the positions of `only_at`, and returns 0 elsewhere."""

    def before(self, module: nn.Module, args: tuple) -> tuple | None:
        places = getattr(_local, "places", None)
        if places is None:
            return None
        _local.whole = args[0].shape
        return (args[0][places],)

    def after(self, module: nn.Module, args: tuple, output: Tensor) -> Tensor | None:
        places = getattr(_local, "places", None)
        if places is None:
            return None
        whole = output.new_zeros(_local.whole)
        whole[places] = output
        return whole


@contextmanager
def only_at(places: tuple[Tensor, Tensor] | None) -> Iterator[None]:
    """While active, top states are computed only at these rows and columns, if the model can skip the others."""
    _local.places = places
    try:
        yield
    finally:
        _local.places = None


@contextmanager
def capturing() -> Iterator[dict[str, Tensor]]:
    """While active, hooks of this thread record into the dictionary."""
    before = getattr(_local, "captured", None)
    _local.captured = {}
    try:
        yield _local.captured
    finally:
        _local.captured = before


def record_alone(name: str, forward: Callable[[], Any]) -> None:
    """Runs a part of a model, and ends it as soon as its hook has recorded `name` in the surrounding `capturing`
    block."""
    _local.enough = name
    try:
        forward()
    except _Enough:
        pass
    finally:
        _local.enough = None


def record(name: str, value: Any) -> None:
    """Records something that a part of a model computed for the calling thread, if it is capturing."""
    captured = getattr(_local, "captured", None)
    if captured is not None:
        captured[name] = value


def listen_to(module: PreTrainedModel, kind: str) -> None:
    """Sets the hooks that record keys and positions. Called once, before the module is shared. Raises InputError for an
    unknown kind."""
    if "ffn" in engine_kind(kind).keys and (part := feed_forward(module)) is not None:
        part.register_forward_pre_hook(_Recorder("ffn"), with_kwargs=True)
    if module.config.model_type in BY_POSITION and (part := feed_forward(module)) is not None:
        at_places = _AtPlaces()
        part.register_forward_pre_hook(at_places.before)
        part.register_forward_hook(at_places.after)
    if (transform := last_transform(module)) is not None:
        transform.register_forward_hook(_OutputRecorder("head"))
    elif isinstance(last := module.get_output_embeddings(), nn.Module):
        last.register_forward_pre_hook(_Recorder("head"), with_kwargs=True)
    for name, table in position_tables(module).items():
        table.register_forward_pre_hook(_PositionRecorder(f"positions {name}"), with_kwargs=True)


def body_name(module: PreTrainedModel) -> str | None:
    """Name of the part below the head; None where there is no such part."""
    names = (module.base_model_prefix, "model", "transformer")
    return next((name for name in names if name and isinstance(getattr(module, name, None), nn.Module)), None)


def body_of(module: PreTrainedModel) -> nn.Module:
    """The part below the head: from token ids to top states."""
    name = body_name(module)
    return module if name is None else getattr(module, name)


def last_transform(module: PreTrainedModel) -> nn.Module | None:
    """The part whose output is the input of the output projection, for models whose projection is not a module; else
    None."""
    for path in ("cls.predictions.transform", "lm_predictions.lm_head.LayerNorm"):
        own = module.config.model_type == "mobilebert" or path.startswith("lm_predictions")
        try:
            if own:  # MobileBERT multiplies by two concatenated matrices, DeBERTa by its embeddings
                return module.get_submodule(path)
        except AttributeError:
            continue
    return None


def feed_forward(module: PreTrainedModel) -> nn.Module | None:
    """The feed-forward layer of the last block; None where there is none of a known name."""
    depth = module.config.get_text_config().num_hidden_layers
    for blocks in body_of(module).modules():
        if isinstance(blocks, nn.ModuleList) and len(blocks) == depth:
            for name in FEED_FORWARD:
                if isinstance(part := getattr(blocks[-1], name, None), nn.Module):
                    return part
    return None


def position_tables(module: PreTrainedModel) -> dict[str, nn.Embedding]:
    """The tables of absolute positions by their names in the body."""
    words = module.get_input_embeddings()
    found = {}
    for path, part in body_of(module).named_modules():
        name = path.rsplit(".", 1)[-1]
        if isinstance(part, nn.Embedding) and part is not words and ("pos" in name or name == "wpe"):
            found[path] = part
    return found


def first_position(captured: dict[str, Tensor], table: str, length: int) -> int | None:
    """The first row that a text of `length` tokens looked up in a table; None unless the rows were consecutive."""
    taken = captured.get(f"positions {table}")
    if not isinstance(taken, Tensor) or taken.is_floating_point() or taken.ndim == 0 or taken.shape[-1] < length:
        return None  # a sinusoidal table gets a shape; some models pad the text to blocks
    row = taken.reshape(-1, taken.shape[-1])[0, :length]
    return int(row[0]) if bool((row[1:] - row[:-1] == 1).all()) else None


def rows_from(table: nn.Embedding, first: int) -> int:
    """How many tokens a table has positions for, when the first token takes row `first` (plus its own offset)."""
    offset: Any = getattr(table, "offset", 0)
    return int(table.weight.shape[0] - first - offset)


def same(a: Tensor, b: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are equal up to `tolerance` of the largest number in them."""
    if a.shape != b.shape or not bool(torch.isfinite(a).all()):
        return False
    return float((a - b).abs().max()) <= tolerance * max(1.0, float(b.abs().max()))
