"""A language model as memlab uses it: text in, keys and log-probabilities out.

`LanguageModel` wraps a Hugging Face masked or causal model of any size. One forward pass through the
body gives the hidden states; the output head is then applied only to the positions that are asked
for. Everything that memlab wants from inside the model (the input of the last feed-forward layer,
the input of the output projection) is recorded by hooks that are set once, when the model is loaded,
and write into a place that belongs to the calling thread: shared modules are never changed by a call.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memlab.errors import InputError

# What can serve as the key of an entry, by kind of model. The first is what the paper uses.
KEYS: dict[str, dict[str, str]] = {
    "masked": {
        "penultimate": "last-but-one hidden layer at the masked position (the paper's: layer 11 of 12)",
        "last": "last hidden layer at the masked position",
        "transform": "input of the output projection (the head's transform of the last layer)",
    },
    "causal": {
        "ffn": "input of the last block's feed-forward layer, after its layer norm (the paper's)",
        "last": "input of the output projection (the last layer, normed)",
    },
}

_FEED_FORWARD = ("mlp", "intermediate", "ffn", "feed_forward", "ff", "fc1")
_local = threading.local()


class _Recorder:
    """A forward pre-hook that hands the module's input to the calling thread, if it is listening."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        heard = getattr(_local, "heard", None)
        if heard is not None:
            heard[self.name] = args[0] if args else next(iter(kwargs.values()))


@contextmanager
def listening() -> Iterator[dict[str, Tensor]]:
    """While active, hooks of this thread record into the dictionary."""
    before = getattr(_local, "heard", None)
    _local.heard = {}
    try:
        yield _local.heard
    finally:
        _local.heard = before


@dataclass(frozen=True)
class Encoded:
    """What one batch of positions gave.

    keys: name of the key -> (n, d) float32.
    logp: (n, V) float64 log-probabilities, or None when not asked for.
    """

    keys: dict[str, Tensor]
    logp: Tensor | None


class LanguageModel:
    """A frozen model with its tokenizer.

    Args:
        name: how memlab calls it.
        module: a masked or causal language model of transformers, in evaluation mode.
        kind: "masked" or "causal".
        path: the folder with its files; hashed for the fingerprint of datastores.
        unmet: ids of the tokens that its training text never contained, where that is recorded.
    """

    def __init__(
        self,
        name: str,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        kind: str,
        path: Path | None = None,
        unmet: frozenset[int] | None = None,
    ) -> None:
        self.name, self.tokenizer, self.kind = name, tokenizer, kind
        self.path, self.unmet = path, unmet
        listen_to(module, kind)
        self.adopt(module)

    def adopt(self, module: PreTrainedModel) -> None:
        """Takes `module`, which has its hooks, as the weights of this model; only while nobody else has it."""
        self.module = module
        self.head = output_head(module, self.name)

    @property
    def V(self) -> int:
        """Size of the vocabulary."""
        return int(self.module.get_output_embeddings().weight.shape[0])

    @property
    def d(self) -> int:
        """Width of the keys."""
        return int(self.module.config.get_text_config().hidden_size)

    @cached_property
    def words(self) -> list[str]:
        """(V,) what a person reads for each id."""
        names = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        decoded = self.tokenizer.batch_decode([[i] for i in range(len(names))], clean_up_tokenization_spaces=False)
        out = [text.strip() or raw for text, raw in zip(decoded, names, strict=True)]
        return out + [f"<{i}>" for i in range(len(out), self.V)]

    @cached_property
    def limit(self) -> int:
        """How many tokens fit, special tokens included."""
        config = self.module.config.get_text_config()
        known = [self.tokenizer.model_max_length, getattr(config, "max_position_embeddings", None) or 1024]
        offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0  # their positions start at 2
        return int(min(known) - offset)

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """The special tokens that the tokenizer puts before and after a text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        full = self.tokenizer("a")["input_ids"]
        before = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
        return full[:before], full[before + len(bare) :]

    @cached_property
    def weights_hash(self) -> str:
        """sha256 of configuration and weight files (of the tensors, for a model that has no files)."""
        digest = hashlib.sha256()
        if self.path is None:
            for name, tensor in self.module.state_dict().items():
                digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
            return digest.hexdigest()
        for file in [self.path / "config.json", *sorted(self.path.glob("*.safetensors"))]:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def tokenizer_hash(self) -> str:
        """sha256 of the tokenizer."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        text = backend.to_str() if backend is not None else repr(sorted(self.tokenizer.get_vocab().items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def check_key(self, key: str) -> None:
        """Raises InputError unless `key` names something that this kind of model has."""
        if key not in KEYS[self.kind]:
            raise InputError(f"There is no key {key!r} for a {self.kind} model. Allowed: {', '.join(KEYS[self.kind])}.")

    @torch.inference_mode()
    def encode(
        self,
        ids: Tensor,
        mask: Tensor,
        rows: Tensor,
        columns: Tensor,
        keys: Sequence[str] = (),
        logp: bool = True,
    ) -> Encoded:
        """Keys and log-probabilities at chosen positions of a padded batch, in one forward pass.

        Args:
            ids, mask: (B, T) token ids and attention mask.
            rows, columns: (n,) the positions asked for.
            keys: which keys; see `KEYS`.
            logp: whether to apply the output head (needed for the key "transform" as well).
        """
        deep = "penultimate" in keys
        options = {"use_cache": False} if self.kind == "causal" else {}
        with listening() as heard:
            body = self.module.base_model(input_ids=ids, attention_mask=mask, output_hidden_states=deep, **options)
            h = body.last_hidden_state[rows, columns]  # (n, d)
            scores = self.head(h) if logp or "transform" in keys else None  # (n, V)
        found: dict[str, Tensor] = {}
        for key in keys:
            if key == "penultimate":
                found[key] = body.hidden_states[-2][rows, columns]
            elif key == "ffn":
                found[key] = heard["ffn"].view(*ids.shape, -1)[rows, columns]
            elif key == "transform":
                found[key] = heard["head"]
            else:
                found[key] = h
        return Encoded(found, scores.double().log_softmax(-1) if logp and scores is not None else None)

    def pad(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """(B, T) ids and attention mask of sequences of different lengths, padded on the right."""
        longest = max(map(len, sequences))
        fill = self.tokenizer.pad_token_id
        fill = 0 if fill is None else fill
        ids = torch.full((len(sequences), longest), fill, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.as_tensor(sequence)
            mask[row, : len(sequence)] = 1
        return ids, mask


def listen_to(module: PreTrainedModel, kind: str) -> None:
    """Sets the hooks that record keys. Called once, before the module is shared."""
    if kind == "causal":
        _feed_forward(module).register_forward_pre_hook(_Recorder("ffn"), with_kwargs=True)
    module.get_output_embeddings().register_forward_pre_hook(_Recorder("head"), with_kwargs=True)


def _feed_forward(module: PreTrainedModel) -> nn.Module:
    """The feed-forward layer of the last block."""
    depth = module.config.get_text_config().num_hidden_layers
    for blocks in module.base_model.modules():
        if isinstance(blocks, nn.ModuleList) and len(blocks) == depth:
            for name in _FEED_FORWARD:
                if isinstance(part := getattr(blocks[-1], name, None), nn.Module):
                    return part
    raise InputError(
        f"memlab cannot find the feed-forward layer of a {module.config.model_type!r} model "
        f"(looked in its last block for {', '.join(_FEED_FORWARD)})."
    )


def output_head(module: PreTrainedModel, name: str) -> Callable[[Tensor], Tensor]:
    """The output head as a function from (n, d) hidden states to (n, V) scores."""
    if isinstance(part := getattr(module, "cls", None), nn.Module):  # BERT, ERNIE, ELECTRA-like
        return part
    if isinstance(part := getattr(module, "lm_head", None), nn.Module):  # RoBERTa, GPT-2, Llama ...
        return part
    if hasattr(module, "vocab_projector"):  # DistilBERT
        return lambda h: module.vocab_projector(module.vocab_layer_norm(module.activation(module.vocab_transform(h))))
    if hasattr(module, "head") and hasattr(module, "decoder"):  # ModernBERT
        return lambda h: module.decoder(module.head(h))
    if isinstance(part := module.get_output_embeddings(), nn.Module):  # GPT-NeoX and others
        return part
    raise InputError(f"memlab does not know the output head of {name!r} ({module.config.model_type}).")
