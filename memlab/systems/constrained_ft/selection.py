"""Which tensors of a model an edit may change: blocks, their attention or feed-forward part, embeddings, head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from memlab.errors import InputError
from memlab.lm.model import LanguageModel

PARTS = ("all", "attention", "feed-forward")
NAMED_BLOCKS = ("first", "middle", "last")
ALL, EMBEDDINGS, HEAD = "all", "embeddings", "head"

_ATTENTION = ("attention", "attn", "self_attn", "self_attention")


@dataclass(frozen=True)
class Selection:
    """The chosen tensors.

    Args:
        names: of the parameters, in the order of the module, a tied one once under its first name.
        label: the choice in words. notes: warnings about it.
    """

    names: tuple[str, ...]
    label: str
    notes: tuple[str, ...] = ()


def select(lm: LanguageModel, where: Sequence[int | str], part: str = ALL) -> Selection:
    """The parameters that "blocks" names.

    Args:
        where: block numbers from 0, "first", "middle", "last", "all" (all blocks), "embeddings" (the token
            embedding) and "head" (what follows the last block).
        part: of the blocks: all of it, the attention, or the feed-forward layer (matrices and biases; norms belong
            to "all" only).

    Raises:
        InputError: no such block or part, or an empty `where`.
    """
    layers = blocks_of(lm)
    if part not in PARTS:
        raise InputError(f"part is {part!r}; allowed is one of {', '.join(PARTS)}.")
    if not where:
        raise InputError(f"No block is given. {_allowed(layers)}")
    numbers, chosen, notes = set[int](), set[int](), []
    for item in where:
        if item == EMBEDDINGS:
            table = lm.module.get_input_embeddings().weight
            chosen.add(id(table))
            if table is lm.module.get_output_embeddings().weight:
                notes.append("The embeddings are tied to the output projection: changing them moves the head too.")
        elif item == HEAD:
            own = _head(lm)
            chosen |= {id(p) for p in own}
            if any(p is lm.module.get_input_embeddings().weight for p in own):
                notes.append("The head is tied to the embeddings: changing it moves the embeddings too.")
        else:
            numbers |= _numbers(item, layers)
    for n in numbers:
        chosen |= {id(p) for p in _part(layers[n], part)}
    names = tuple(name for name, p in lm.module.named_parameters() if id(p) in chosen)
    named = [f"block{'s' if len(numbers) > 1 else ''} {', '.join(map(str, sorted(numbers)))}"] if numbers else []
    if len(numbers) == len(layers) > 1:
        named = ["all blocks"]
    if numbers and part != ALL:
        named = [f"{part} of {named[0]}"]
    named += [str(item) for item in dict.fromkeys(where) if item in (EMBEDDINGS, HEAD)]
    return Selection(names, " and ".join(named), tuple(notes))


def blocks_of(lm: LanguageModel) -> list[nn.Module]:
    """The transformer blocks, from the first to the last. Raises InputError for a model without any."""
    depth = lm.module.config.get_text_config().num_hidden_layers
    for blocks in lm.module.base_model.modules():
        if isinstance(blocks, nn.ModuleList) and len(blocks) == depth:
            return list(blocks)
    raise InputError(
        f"memlab cannot find the blocks of a {lm.module.config.model_type!r} model, so it cannot edit them."
    )


def parsed(text: str) -> tuple[int | str, ...]:
    """ "0,3", "last", "all" or "1,head" as `select` takes it, from the command line or a form."""
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    return tuple(int(piece) if piece.lstrip("-").isdigit() else piece for piece in pieces)


def _numbers(item: int | str, layers: Sequence[nn.Module]) -> set[int]:
    depth = len(layers)
    named = {"first": 0, "middle": depth // 2, "last": depth - 1}
    if item == ALL:
        return set(range(depth))
    if isinstance(item, str) and item in named:
        return {named[item]}
    if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < depth:
        raise InputError(f"There is no block {item!r}. {_allowed(layers)}")
    return {item}


def _allowed(layers: Sequence[nn.Module]) -> str:
    return f"Allowed: 0 to {len(layers) - 1}, {', '.join((*NAMED_BLOCKS, ALL, EMBEDDINGS, HEAD))}."


def _part(block: nn.Module, part: str) -> Iterable[nn.Parameter]:
    if part == ALL:
        return list(block.parameters())
    out: list[nn.Parameter] = []
    for name, child in block.named_children():
        own = list(child.parameters())
        is_attention = name in _ATTENTION
        if is_attention == (part == "attention") and any(p.dim() > 1 for p in own):
            out += own
    return out


def _head(lm: LanguageModel) -> list[nn.Parameter]:
    """The parameters of the output head alone; if it is only the tied embedding, the embedding."""
    body = {id(p) for p in lm.module.base_model.parameters()}
    own = [p for p in lm.module.parameters() if id(p) not in body]
    return own or [lm.module.get_output_embeddings().weight]
