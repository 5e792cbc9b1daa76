"""Widths, keys, positions and head of a model, found by running it once on a few tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from memlab.errors import InputError
from memlab.lm.engine_kinds import ENGINE_KINDS, engine_kind
from memlab.lm.heads import is_plain, output_head
from memlab.lm.hooks import body_of, capturing, first_position, last_transform, position_tables, rows_from

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROBE = 12  # tokens of the text that a model is checked with
KEYS = {kind.name: kind.keys for kind in ENGINE_KINDS.values()}


@dataclass(frozen=True)
class Inside:
    """What `inspect_model` finds.

    words: V, scores of its head. widths: of each key that it has. plain: whether `heads.plain_head` is exact for it.
    first: number of the first position. positions: how many its position table has; None without a table.
    """

    words: int
    widths: Mapping[str, int] = field(hash=False)
    plain: bool
    first: int
    positions: int | None


def probe_ids(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, count: int = PROBE) -> list[int]:
    """`count` different ordinary token ids, spread over the vocabulary; special tokens are left out."""
    rows = int(module.get_input_embeddings().weight.shape[0])
    padding = getattr(module.config.get_text_config(), "pad_token_id", None)
    special = {*tokenizer.all_special_ids, padding}
    usable = min(rows, len(tokenizer))
    step = max(1, usable // (2 * count))
    ordinary = [i for i in range(usable - 1, -1, -step) if i not in special]
    if not ordinary:
        raise InputError(f"The tokenizer of the {module.config.model_type} model has no ordinary tokens.")
    return [ordinary[n % len(ordinary)] for n in range(count)]


def body_options(kind: str) -> dict[str, Any]:
    """Further arguments of a call to the model's body. Raises InputError for an unknown kind."""
    return dict(engine_kind(kind).options)


@torch.inference_mode()
def inspect_model(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, kind: str, name: str) -> Inside:
    """Runs the body on a few tokens and the head on their states.

    Raises:
        InputError: an unknown kind, or the body or the head fails on the probe text.
    """
    keys = engine_kind(kind).keys
    ids = torch.tensor([probe_ids(module, tokenizer)])
    try:
        with capturing() as captured:
            body = body_of(module)(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                output_hidden_states="penultimate" in keys,
                **body_options(kind),
            )
        states = body.last_hidden_state[0]
        plain = is_plain(module, states.shape[-1])
        with capturing() as captured_by_head:
            scores = output_head(module, name, states.shape[-1], plain)(states)
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise InputError(
            f"memlab cannot run {name!r}: its {module.config.model_type} body or head failed on a text of {PROBE} tokens "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        ) from error
    widths = {"last": int(states.shape[-1])}
    if "penultimate" in keys:
        layers = getattr(body, "hidden_states", None)
        if layers is not None and len(layers) > 1 and layers[-2].shape[:2] == ids.shape:
            widths["penultimate"] = int(layers[-2].shape[-1])
    if "transform" in keys:
        last = captured_by_head.get("head")
        known = last_transform(module) is not None or _rows(module) == scores.shape[-1]
        if last is not None and last.numel() == len(states) * last.shape[-1] and known:
            widths["transform"] = int(last.shape[-1])
    if "ffn" in keys and "ffn" in captured and captured["ffn"].numel() % ids.numel() == 0:
        widths["ffn"] = captured["ffn"].numel() // ids.numel()
    first, positions = _positions(module, captured, ids.shape[1])
    return Inside(int(scores.shape[-1]), widths, plain, first, positions)


def _rows(module: PreTrainedModel) -> int:
    """Rows of what transformers calls the output embeddings (in some models another part); 0 without a weight."""
    weight = getattr(module.get_output_embeddings(), "weight", None)
    return int(weight.shape[0]) if isinstance(weight, Tensor) else 0


def _positions(module: PreTrainedModel, captured: Mapping[str, Tensor], length: int) -> tuple[int, int | None]:
    """The number of the first position, and how many there are; (0, None) for a model without a table of them."""
    found = [
        (first, rows_from(table, first))
        for name, table in position_tables(module).items()
        if (first := first_position(dict(captured), name, length)) is not None
    ]
    return min(found, key=lambda pair: pair[1]) if found else (0, None)


def position_limit(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, inside: Inside) -> int:
    """The most tokens that fit, special ones included: the least limit of tokenizer, configuration and position
    table."""
    config = module.config.get_text_config()
    names = ("max_position_embeddings", "max_seq_len", "n_positions", "seq_length", "max_sequence_length")
    stated = [value for name in names if isinstance(value := getattr(config, name, None), int) and value > 0]
    known = [int(tokenizer.model_max_length), stated[0] if stated else 1024]
    if inside.positions is not None:
        known.append(inside.positions)
    return max(2, min(known))
