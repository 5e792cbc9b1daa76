"""The check of a model when it is loaded: a model that memlab cannot read exactly is refused.

On a probe text of a few tokens, memlab's log-probabilities must equal those of the module's own forward pass, a causal
model must not depend on later tokens, and every token of the tokenizer needs a row of the embedding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from memlab.corpus.model_kinds import model_kind
from memlab.errors import InputError
from memlab.lm.architectures import is_tested
from memlab.lm.inspection import PROBE, body_options, probe_ids
from memlab.lm.model import LanguageModel

TOLERANCE = 1e-4  # of log-probabilities, memlab's against the module's own on the same text
SAME = 2e-5  # tolerance for states that should be equal up to rounding, relative to the largest
# Weights of parts that predict no words, or that are recomputed: harmless if a file has them and the model does not.
_HARMLESS = re.compile(
    r"pooler|seq_relationship|sop_classifier|position_ids|inv_freq|masked_bias|attn\.bias$|attention\.bias$|"
    r"discriminator|relative_attention_num_buckets|rotary_emb"
)


@dataclass(frozen=True)
class ModelCheck:
    """The result of the check of a model.

    architecture: the class in transformers; model_type: of the configuration. tested: whether memlab's tests cover it.
    missing, unexpected: names of weights. difference: largest difference of log p, memlab's and the module's, on the
    probe
        text.
    keys: name -> width. limit: tokens. positions: rows of its table; None where it has none.
    head: "parts" or "own" (the model's own path). cache: "plain", "own" or "none"; short_term: whether it can be cropped.
    padding: whether texts of different lengths may be in one batch.
    dtype: of its weights. dtype_difference: largest difference of log p from float32 on the probe text, for another
    dtype.
    speeds: dtype -> tokens per second of a short forward pass, if measured on this machine.
    perplexities: dtype -> perplexity of a bundled text, for a causal model in another dtype than float32, if requested.
    """

    name: str
    architecture: str
    model_type: str
    kind: str
    tested: bool
    parameters: int
    vocabulary: int
    tokens: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    difference: float
    keys: Mapping[str, int]
    limit: int
    positions: int | None
    head: str
    cache: str
    short_term: bool
    padding: bool
    notes: tuple[str, ...]
    dtype: str = "float32"
    dtype_difference: float | None = None
    speeds: Mapping[str, float] | None = None
    perplexities: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_weights(name: str, info: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    """Refuses a module with weights that its files do not contain.

    Args:
        info: the loading info of transformers. prefix: name of the body within the module.

    Returns:
        Names of the weights in the files that the model does not use.

    Raises:
        InputError: weights are missing, have other shapes, or belong to another model; names them.
    """
    missing = sorted(info["missing_keys"])
    mismatched = sorted(f"{key} {tuple(a)} for {tuple(b)}" for key, a, b in info["mismatched_keys"])
    unexpected = sorted(info["unexpected_keys"])
    body = [
        key
        for key in unexpected
        if not _HARMLESS.search(key) and (key.startswith(f"{prefix}.") or "lora" in key or re.search(r"\.\d+\.", key))
    ]
    errors = [str(text).splitlines()[0] for text in info.get("error_msgs") or []]
    if missing:
        hint = f" The files have {_listed(unexpected)} instead." if unexpected else ""
        raise InputError(
            f"The model {name!r} cannot be used: its files lack {_listed(missing)}, which would be random."
            f"{hint} Save the whole model again."
        )
    if mismatched or errors:
        raise InputError(
            f"The model {name!r} cannot be used: weights have other shapes than its config.json says: {_listed(mismatched or errors)}."
        )
    if body:
        raise InputError(
            f"The model {name!r} cannot be used: its files contain {_listed(body)}, which the model described by its "
            "config.json does not have. The configuration belongs to another model."
        )
    return tuple(unexpected)


def check_vocabulary(model: LanguageModel) -> None:
    """Checks that every token of the tokenizer has a row of the embedding and of the output.

    Raises:
        InputError: tokens without a row (names them), or a masked model without a mask token.
    """
    rows = min(int(model.module.get_input_embeddings().weight.shape[0]), model.V)
    beyond = sorted((i, token) for token, i in model.tokenizer.get_vocab().items() if i >= rows)
    if beyond:
        shown = _listed([f"{token!r} ({i})" for i, token in beyond])
        raise InputError(
            f"The model {model.name!r} cannot be used: it has {rows} words (0 to {rows - 1}), and its tokenizer also has "
            f"{shown}. Resize the embeddings (resize_token_embeddings), or remove the token."
        )
    if model_kind(model.kind).fills_gap and model.tokenizer.mask_token_id is None:
        raise InputError(f"The tokenizer of {model.name!r} has no mask token, which a {model.kind} model needs.")


@torch.inference_mode()
def check_model(model: LanguageModel, unexpected: Iterable[str] = (), notes: tuple[str, ...] = ()) -> ModelCheck:
    """Checks a model on a probe text, and sets whether it may be read with padding.

    Raises:
        InputError: says in one line what differs.
    """
    check_vocabulary(model)
    ids = _probe(model)
    own = _own_logp(model, ids)
    difference = _difference(model, ids, own)
    config = model.module.config.get_text_config()
    reads_on = model_kind(model.kind).left_to_right
    return ModelCheck(
        name=model.name,
        architecture=type(model.module).__name__,
        model_type=config.model_type,
        kind=model.kind,
        tested=is_tested(config.model_type, model.kind),
        parameters=model.module.num_parameters(),
        vocabulary=model.V,
        tokens=len(model.tokenizer),
        missing=(),
        unexpected=tuple(unexpected),
        difference=difference,
        keys={key: model.width(key) for key in model.keys},
        limit=model.limit,
        positions=model.inside.positions,
        head="parts" if model.inside.plain else "own",
        cache=model.cache.kind if reads_on else "none",
        short_term=reads_on and model.cache.cropped,
        padding=model.padded,
        notes=notes,
    )


def probe_logp(model: LanguageModel) -> Tensor:
    """(T, V) log-probabilities of the probe text."""
    return _memlabs_logp(model, [_probe(model)])


def difference(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference of two tensors; infinite if a number is not finite."""
    return _largest(a, b)


def _probe(model: LanguageModel) -> list[int]:
    """Ordinary tokens between the special ones of a text; for a model that fills a gap, one is masked."""
    before, after = model.frame
    inner = probe_ids(model.module, model.tokenizer, max(2, min(PROBE, model.limit - 4) - len(before) - len(after)))
    if model_kind(model.kind).fills_gap:
        inner[len(inner) // 2] = model.tokenizer.mask_token_id
    return [*before, *inner, *after]


def _own_logp(model: LanguageModel, ids: list[int]) -> Tensor:
    """(T, V) log-probabilities by the module's own forward pass."""
    text = torch.tensor([ids])
    out = model.module(input_ids=text, attention_mask=torch.ones_like(text), **body_options(model.kind))
    return out.logits[0].double().log_softmax(-1)


def _difference(model: LanguageModel, ids: list[int], own: Tensor) -> float:
    """The largest difference of log-probabilities on the probe. Refuses a causal model that reads ahead, and sets whether
    padding changes states."""
    alone = _largest(_memlabs_logp(model, [ids]), own)
    if not alone <= TOLERANCE:
        again = _largest(_own_logp(model, ids), own)
        if not again <= TOLERANCE:
            raise InputError(
                f"The model {model.name!r} cannot be used: its log-probabilities differ each time that it reads the same text "
                f"(by up to {again:.2g}), so memory keys would be random."
            )
        raise InputError(
            f"The model {model.name!r} cannot be used: log-probabilities by its body and head differ by up to {alone:.2g} "
            f"from those of the whole {type(model.module).__name__}; memlab does not know what it computes in between."
        )
    if model_kind(model.kind).left_to_right and (change := _reads_ahead(model, ids)) > SAME:
        raise InputError(
            f"The model {model.name!r} cannot be used as a {model.kind} model: its state at a token depends on the tokens after it "
            f"(states change by {change:.2g} of their size; is_decoder is false in config.json, or its attention "
            "is bidirectional)."
        )
    longer = [*ids, *probe_ids(model.module, model.tokenizer, 3)]
    one, beside = _states(model, [ids]), _states(model, [ids, longer])
    model.padded = _largest(one, beside) <= SAME * max(1.0, float(one.abs().max()))
    return alone


def _reads_ahead(model: LanguageModel, ids: list[int]) -> float:
    """How much the states of a text change with the tokens after it, relative to the largest; 0 for a causal model.

    Both texts have the same length, so that a causal model computes the same numbers twice.
    """
    some = probe_ids(model.module, model.tokenizer, 6)
    one, other = (_states(model, [[*ids, *end]])[: len(ids)] for end in (some[:3], some[3:]))
    return _largest(one, other) / max(1.0, float(one.abs().max()))


def _states(model: LanguageModel, texts: list[list[int]]) -> Tensor:
    """(T, d) top states of the first of the texts, read in one batch."""
    ids, mask = model.pad(texts)
    columns = torch.arange(len(texts[0]))
    return model.encode(ids, mask, torch.zeros_like(columns), columns, ("last",), logp=False).keys["last"]


def _memlabs_logp(model: LanguageModel, texts: list[list[int]]) -> Tensor:
    """(T, V) log-probabilities of the first of the texts, read in one batch."""
    ids, mask = model.pad(texts)
    columns = torch.arange(len(texts[0]))
    found = model.encode(ids, mask, torch.zeros_like(columns), columns).logp
    assert found is not None
    return found


def _largest(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is not finite."""
    if a.shape != b.shape or not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return float("inf")
    return float((a - b).abs().max())


def _listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    all_of = list(names)
    rest = len(all_of) - 3
    return ", ".join(all_of[:3]) + (f" and {rest} more" if rest > 0 else "")
