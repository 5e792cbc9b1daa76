"""Encoder-decoder models (T5, BART, ...) as answerers: the encoder reads the prompt, the decoder says yes or no.

memlab's other systems use masked and causal models; encoder-decoder models are used only for BeliefBank's questions.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from cachetools import LRUCache
from torch import Tensor

from memlab.errors import InputError
from memlab.lm.catalogue import SEQ2SEQ, SHIPPED
from memlab.lm.checking import check_weights
from memlab.lm.folder_checks import Stamp, check_folder, stamp
from memlab.lm.hub import from_hub
from memlab.lm.json_file import read_json
from memlab.lm.loading import first_line
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.outside import given_path

LONGEST = 1024  # tokens, where neither configuration nor tokenizer names a limit
_kept: LRUCache[tuple[str, Stamp], Seq2SeqModel] = LRUCache(2)
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Seq2SeqModel:
    """A frozen encoder-decoder model with its tokenizer.

    Args:
        module: a model of transformers with `encoder`, `decoder` and a head over V words, in evaluation mode.
        start: the id that the decoder begins with.
    """

    name: str
    module: Any
    tokenizer: Any
    path: Path | None
    start: int
    kind: str = SEQ2SEQ
    padded: bool = True

    @cached_property
    def limit(self) -> int:
        """The most tokens that the encoder reads; with relative positions, the model's stated training length."""
        config = self.module.config
        stated = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        known = [value for value in (*stated, int(self.tokenizer.model_max_length)) if isinstance(value, int)]
        return max(2, min([v for v in known if 0 < v < 10**9], default=LONGEST))

    @cached_property
    def weights_hash(self) -> str:
        """sha256 of configuration and weights."""
        digest = hashlib.sha256(repr(self.module.config).encode())
        for name, tensor in self.module.state_dict().items():
            digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def tokenizer_hash(self) -> str:
        """sha256 of the tokenizer."""
        return hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode()).hexdigest()

    def first_difference(self, yes: str, no: str) -> tuple[list[int], int, int]:
        """Ids that both answers begin with, and the next id of yes and of no. Raises InputError if they do not
        differ."""
        a, b = (self.tokenizer(word.strip())["input_ids"] for word in (yes, no))
        same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        unknown = self.tokenizer.unk_token_id
        if same is None or unknown in (a[same], b[same]):
            raise InputError(f"{self.name} cannot tell {yes!r} from {no!r} by one token. Choose other answer words.")
        return list(a[:same]), int(a[same]), int(b[same])

    def read(self, text: str) -> list[int]:
        """Ids of a prompt, with the tokenizer's special tokens."""
        return list(self.tokenizer(text)["input_ids"])

    @torch.inference_mode()
    def log_odds(self, rows: Sequence[Sequence[int]], yes: str, no: str) -> list[float]:
        """log p(yes) - log p(no) of the decoder's answer to each row of ids."""
        begin, yes_id, no_id = self.first_difference(yes, no)
        fill = self.tokenizer.pad_token_id or 0
        ids = torch.full((len(rows), max(map(len, rows))), fill, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        prefix = torch.tensor([[self.start, *begin]]).expand(len(rows), -1)
        logits: Tensor = self.module(input_ids=ids, attention_mask=mask, decoder_input_ids=prefix).logits[:, -1]
        return [float(v) for v in (logits[:, yes_id] - logits[:, no_id]).double()]


AnyModel = LanguageModel | Seq2SeqModel


def model_for_questions(home: Path, name: str, load: Callable[[str], LanguageModel]) -> AnyModel:
    """A model by bundled name, name in the home folder, folder or hub name.

    Args:
        load: reads masked and causal models.

    Raises:
        NotFound, InputError: no such model, or one of another kind.
    """
    if name in SHIPPED:
        return load(name)
    own = home / "models" / name
    folder = own if os.path.isfile(own / "config.json") else given_path(name)
    if not os.path.isdir(folder):
        folder = from_hub(name, SHIPPED)
    if not read_json(folder / "config.json").get("is_encoder_decoder"):
        return load(name)
    with _lock:
        at = (str(folder.resolve()), stamp(folder))
        if at not in _kept:
            _kept[at] = load_seq2seq(folder, name)
        return _kept[at]


def load_seq2seq(folder: Path, name: str) -> Seq2SeqModel:
    """Loads an encoder-decoder model; code in the model's folder is never run.

    Raises:
        InputError: it cannot be read, or lacks weights (of the head, for example).
    """
    check_folder(folder, name)
    from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with plain_path(folder) as readable:
            config = AutoConfig.from_pretrained(readable, local_files_only=True, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(readable, local_files_only=True, trust_remote_code=False)
            module, info = AutoModelForSeq2SeqLM.from_pretrained(
                readable, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True,
                ignore_mismatched_sizes=True, local_files_only=True, trust_remote_code=False,
            )  # fmt: skip
    except Exception as error:  # whatever goes wrong while reading, nothing is loaded
        raise InputError(
            f"The model {name!r} cannot be loaded as an encoder-decoder model: {first_line(error)} "
            "memlab reads safetensors weights with a fast tokenizer."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"The model {name!r} has no fast tokenizer, which memlab needs.")
    check_weights(name, info, module.base_model_prefix)
    start = module.generation_config.decoder_start_token_id if module.generation_config else None
    start = start if start is not None else getattr(config, "decoder_start_token_id", None)
    if start is None:
        raise InputError(f"The model {name!r} does not say what its decoder begins with (decoder_start_token_id).")
    tokenizer.split_special_tokens = True  # control tokens in a typed prompt are read as text
    return Seq2SeqModel(name, module.eval().requires_grad_(False), tokenizer, folder, int(start))
