"""A language model as memlab uses it: text in, keys and log-probabilities out.

`LanguageModel` wraps a Hugging Face masked or causal model of any size. One forward pass through the
body gives the hidden states; the model's own output head (`heads`) is then applied only to the requested
positions. Internal states that memlab needs (the input of the last feed-forward layer, the input of the output
projection) are recorded by hooks that are set once, when the model is loaded, and write to thread-local storage:
a call never changes the shared module.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from memlab.corpus.model_kinds import model_kind
from memlab.errors import InputError
from memlab.lm.caches import CacheUse, find_cache
from memlab.lm.folder_checks import Stamp, same_weights, stamp
from memlab.lm.heads import Head, output_head
from memlab.lm.hooks import body_of, capturing, listen_to, only_at, record_alone
from memlab.lm.inspection import KEYS, body_options, inspect_model, position_limit, probe_ids
from memlab.lm.precision import FLOAT32, TYPES, cast
from memlab.lm.spans import Span, read_at_once, read_in_parts
from memlab.lm.word_names import token_names

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["KEYS", "Encoded", "LanguageModel", "capturing", "listen_to", "output_head"]


@dataclass(frozen=True)
class Encoded:
    """The result of `encode` at n positions.

    keys: name of the key -> (n, d) float32.
    logp: (n, V) float64 log-probabilities, or None if not requested.
    """

    keys: dict[str, Tensor]
    logp: Tensor | None


class LanguageModel:
    """A frozen model with its tokenizer.

    Args:
        name: its name in memlab.
        module: a masked or causal language model of transformers, in evaluation mode.
        kind: of `memlab.lm.engine_kinds`; any other is refused (InputError).
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
        tokenizer.split_special_tokens = True  # control tokens in typed text are read as text
        self.name, self.tokenizer, self.kind = name, tokenizer, kind
        self.path, self.unmet = path, unmet
        self.notes: tuple[str, ...] = ()  # what the user should know about the model; shown with its answers
        self.stamp: Stamp = ()  # of its folder when it was read
        self.dtype = FLOAT32  # of its weights; states, keys and scores are float32 in any case
        self.in_float32: Callable[[], LanguageModel] | None = (
            None  # returns this model in float32, if it has another dtype
        )
        self.padded = True  # whether texts of different lengths may be in one batch
        listen_to(module, kind)
        self.inside = inspect_model(module, tokenizer, kind, name)
        self.adopt(module)

    def adopt(self, module: PreTrainedModel) -> None:
        """Uses `module`, whose hooks are set, as this model's module; only before the model is shared."""
        self.module = module
        head = output_head(module, self.name, self.d, self.inside.plain)
        self.head = head if self.dtype == FLOAT32 else _in_type(head, TYPES[self.dtype])

    def exact(self) -> LanguageModel:
        """This model with float32 weights: itself, or the same files loaded as float32."""
        return self if self.dtype == FLOAT32 or self.in_float32 is None else self.in_float32()

    def take_type(self, dtype: str) -> None:
        """Casts the weights to another dtype ("bfloat16"); only before the model is shared.

        Its kind of cache and its limit are found in float32 first, and kept.
        """
        if model_kind(self.kind).left_to_right:
            self.cache  # noqa: B018  found once, in float32
        self.limit  # noqa: B018  as well
        self.dtype = dtype
        cast(self.module, TYPES[dtype])
        self.adopt(self.module)

    @property
    def V(self) -> int:
        """Size of the vocabulary: how many words the head gives scores for."""
        return self.inside.words

    @property
    def d(self) -> int:
        """Width of the top states, and of most keys (see `width`)."""
        return self.inside.widths["last"]

    def width(self, key: str) -> int:
        """Width of a kind of key. Raises InputError for one that the model does not have."""
        self.check_key(key)
        return self.inside.widths[key]

    @property
    def keys(self) -> tuple[str, ...]:
        """The kinds of key that this model has, the paper's first."""
        return tuple(key for key in KEYS[self.kind] if key in self.inside.widths)

    @cached_property
    def words(self) -> list[str]:
        """(V,) the readable form of each token id."""
        names = token_names(self.tokenizer, min(len(self.tokenizer), self.V))
        return names + [f"<{i}>" for i in range(len(names), self.V)]

    @cached_property
    def limit(self) -> int:
        """How many tokens fit, special tokens included."""
        return position_limit(self.module, self.tokenizer, self.inside)

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a text. A text that is continued is open at its end, so whatever
        the tokenizer would put there is left out."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        full = self.tokenizer("a")["input_ids"]
        fits = [i for i in range(len(full)) if full[i : i + len(bare)] == bare]
        if not bare or not fits:
            return [], []
        before, after = full[: fits[0]], full[fits[0] + len(bare) :]
        return before, [] if model_kind(self.kind).left_to_right else after

    @cached_property
    def cache(self) -> CacheUse:
        """The kind of cache with which a causal model reads a text in parts."""
        return find_cache(self.module, probe_ids(self.module, self.tokenizer), self.inside.first)

    @cached_property
    def uncased(self) -> bool:
        """Whether the tokenizer lowercases its input."""
        read = self.tokenizer(["Kyoto", "kyoto"], add_special_tokens=False)["input_ids"]
        unknown = self.tokenizer.unk_token_id
        return read[0] == read[1] and unknown not in read[0]

    def same_word(self, word: str) -> str:
        """The spelling under which a word is remembered: lower case for an uncased model."""
        return word.lower() if self.uncased else word

    def read(self, text: str) -> tuple[list[int], list[Span]]:
        """Token ids of a text without special tokens, and the characters of each without the blanks around it.

        Control tokens that are typed in the text are read as text.
        """
        return self.read_many([text])[0]

    def read_many(self, texts: Sequence[str]) -> list[tuple[list[int], list[Span]]]:
        """`read` for each of the texts."""
        return [
            found if self._control.isdisjoint(found[0]) else read_in_parts(self.tokenizer, text)
            for text, found in zip(texts, read_at_once(self.tokenizer, texts), strict=True)
        ]

    @cached_property
    def _control(self) -> frozenset[int]:
        """Ids of the special tokens, except that of unknown words."""
        return frozenset({*self.tokenizer.all_special_ids} - {self.tokenizer.unk_token_id})

    def read_around(self, left: str, right: str) -> tuple[list[int], list[Span], int]:
        """`read` for a text with one mask between `left` and `right`, and the index of the mask among the tokens."""
        mask = str(self.tokenizer.mask_token)
        ((ids, spans),) = read_at_once(self._marking, [left + mask + right])
        if sum(i in self._control for i in ids) == 1:
            return ids, spans, ids.index(self.tokenizer.mask_token_id)
        before, after = self.read(left), self.read(right)  # control tokens are typed beside the mask
        shift = len(left) + len(mask)
        spans = [*before[1], (len(left), shift), *((a + shift, b + shift) for a, b in after[1])]
        return [*before[0], self.tokenizer.mask_token_id, *after[0]], spans, len(before[0])

    @cached_property
    def _marking(self) -> PreTrainedTokenizerBase:
        """A copy of the tokenizer that parses special tokens in a text."""
        marking = copy.deepcopy(self.tokenizer)
        marking.split_special_tokens = False
        return marking

    @cached_property
    def weights_hash(self) -> str:
        """sha256 of configuration and weight files (of the tensors, for a model without files). It depends on the
        dtype, so that keys and cached results of different dtypes never mix. Raises InputError if the files have
        changed."""
        digest = hashlib.sha256() if self.dtype == FLOAT32 else hashlib.sha256(self.dtype.encode())
        if self.path is None:
            for name, tensor in self.module.state_dict().items():
                digest.update(name.encode() + tensor.cpu().float().contiguous().numpy().tobytes())
            return digest.hexdigest()
        if self.stamp and not same_weights(self.stamp, stamp(self.path)):
            raise InputError(
                f"The files of {self.name} have changed since it was loaded. Ask again to use the new files."
            )
        for file in [self.path / "config.json", *sorted(self.path.glob("*.safetensors"))]:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def tokenizer_hash(self) -> str:
        """sha256 of the tokenizer, independent of the truncation or padding that its last call set."""
        backend = copy.deepcopy(getattr(self.tokenizer, "backend_tokenizer", None))
        if backend is not None:
            backend.no_truncation()
            backend.no_padding()
        text = backend.to_str() if backend is not None else repr(sorted(self.tokenizer.get_vocab().items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def check_key(self, key: str) -> None:
        """Raises InputError unless `key` is a kind of key that this model has."""
        if key not in KEYS[self.kind]:
            raise InputError(f"There is no key {key!r} for a {self.kind} model. Allowed: {', '.join(KEYS[self.kind])}.")
        if key not in self.inside.widths:
            raise InputError(
                f"{self.name} ({self.module.config.model_type}) has no layer that gives the key {key!r} "
                f"({KEYS[self.kind][key]}). Use --key {' or '.join(self.keys)}."
            )

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
            rows, columns: (n,) the requested positions.
            keys: which keys; see `KEYS`.
            logp: whether to apply the output head (the key "transform" needs only its first part).
        """
        if self.padded:
            return self._encode(ids, mask, rows, columns, keys, logp)
        parts = [self._encode(*batch, keys, logp) for batch, _ in _by_length(ids, mask, rows, columns)]
        back = torch.cat([places for _, places in _by_length(ids, mask, rows, columns)]).argsort()
        found = {key: torch.cat([part.keys[key] for part in parts])[back] for key in keys}
        probs = [part.logp for part in parts if part.logp is not None]
        return Encoded(found, torch.cat(probs)[back] if probs else None)

    def _encode(
        self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor, keys: Sequence[str], logp: bool
    ) -> Encoded:
        """`encode` in one forward pass."""
        deep = "penultimate" in keys
        with capturing() as captured:
            with only_at(None if logp else (rows, columns)):
                body = body_of(self.module)(
                    input_ids=ids, attention_mask=mask, output_hidden_states=deep, **body_options(self.kind)
                )
            h = body.last_hidden_state[rows, columns]  # (n, d)
            alone = not logp and self.inside.plain  # the transform without the product with V word vectors
            if "transform" in keys and alone:
                record_alone("head", lambda: self.head(h))
            scores = self.head(h) if logp or ("transform" in keys and not alone) else None  # (n, V)
        found: dict[str, Tensor] = {}
        for key in keys:
            if key == "penultimate":
                found[key] = body.hidden_states[-2][rows, columns].float()
            elif key == "ffn":
                found[key] = captured["ffn"].view(*ids.shape, -1)[rows, columns].float()
            elif key == "transform":
                found[key] = captured["head"].reshape(len(h), -1).float()
            else:
                found[key] = h.float()
        return Encoded(found, scores.double().log_softmax(-1) if logp and scores is not None else None)

    def pad(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """(B, T) ids and attention mask of sequences of different lengths, padded on the right."""
        longest = max(map(len, sequences))
        fill = self.tokenizer.pad_token_id
        fill = 0 if fill is None or fill >= self.V else fill
        ids = torch.full((len(sequences), longest), fill, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.as_tensor(sequence)
            mask[row, : len(sequence)] = 1
        return ids, mask


def _in_type(head: Head, dtype: torch.dtype) -> Head:
    """A head that takes states of any type and gives float32 scores, computed in `dtype`."""
    return lambda states: head(states.to(dtype)).float()


def _by_length(
    ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor
) -> Iterator[tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor]]:
    """The batch in parts of equal length, without padding; with each part, the indices of the positions in it."""
    lengths = mask.sum(1)
    for length in lengths.unique():
        chosen = (lengths == length).nonzero()[:, 0]
        places = (lengths[rows] == length).nonzero()[:, 0]
        if len(places):
            row = torch.searchsorted(chosen, rows[places])
            yield (ids[chosen, :length], mask[chosen, :length], row, columns[places]), places
