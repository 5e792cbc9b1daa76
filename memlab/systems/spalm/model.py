"""A SPALM as a language model: a causal transformer and one more vector, the gate's w_g.

The folder is that of any causal model in the Hugging Face form, with `spalm.safetensors` beside it (the
tensor `w_g`) and a record in memlab.json that says which frozen encoder computes its keys and from which
text collection its memory was built. Read without memory (g = 1) it is a plain causal model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from memlab.errors import InputError, NotFound, StoreError
from memlab.lm.catalogue import load
from memlab.lm.formats import ReadFolder
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.lm.shipped import BUNDLED
from memlab.systems.spalm.declaration import GATE_FILE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class SpalmRecord:
    """What a SPALM was trained with; see memlab.json.

    encoder: the frozen model that computes its keys: a bundled name, or the name of a folder beside its own.
    encoder_hash, tokenizer_hash: of that model; both models use the same tokenizer.
    key, datastore, corpus_hash: kind of key, name and collection of the memory that it was trained with.
    K: retrieved tokens per position in training. neighbors_sha256: identity of the precomputed neighbors.
    """

    encoder: str
    encoder_hash: str
    tokenizer_hash: str
    key: str
    datastore: str
    corpus_hash: str
    K: int
    neighbors_sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class SpalmModel(LanguageModel):
    """A causal model with a gate: `w_g` is (d,) float32; the computation is in systems/spalm/combination.py."""

    def __init__(
        self,
        name: str,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        w_g: Tensor,
        record: SpalmRecord,
        path: Path | None = None,
        unmet: frozenset[int] | None = None,
    ) -> None:
        super().__init__(name, module, tokenizer, "causal", path, unmet)
        self.w_g, self.record = w_g.float(), record
        if module.get_output_embeddings().weight is not module.get_input_embeddings().weight:
            raise InputError(f"{name} is not a SPALM: its output projection is not tied to its embedding.")
        if self.w_g.shape != (self.d,):
            raise InputError(f"{name} is damaged: its gate has shape {tuple(w_g.shape)}; expected ({self.d},).")

    @property
    def embedding(self) -> Tensor:
        """(V, d) the shared embedding: of inputs, of retrieved tokens, and the output projection W."""
        return self.module.get_input_embeddings().weight


def write_gate(folder: Path, w_g: Tensor) -> None:
    """Writes w_g (d,) as 16-bit floats into a model's folder."""
    with plain_path(folder) as writable:
        save_file({"w_g": w_g.detach().half().contiguous()}, writable / GATE_FILE)


def read_gate(folder: Path) -> Tensor:
    """w_g (d,) float32. Raises InputError when it is missing or damaged."""
    try:
        with plain_path(folder) as readable:
            return load_file(readable / GATE_FILE)["w_g"].to(torch.float32)
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(f"{folder / GATE_FILE} cannot be read ({error}). Train the model again.") from error


def read_record(raw: dict[str, Any], name: str) -> SpalmRecord:
    """The record of memlab.json, checked. Raises InputError when something is missing."""
    try:
        return SpalmRecord(**raw)
    except TypeError as error:
        raise InputError(
            f"memlab.json of {name} has an incomplete record of its memory ({error}). Train the model again."
        ) from error


def spalm_model(read: ReadFolder) -> SpalmModel:
    """The model of a folder, whose transformer is read already. Raises InputError where gate or record are damaged."""
    record = read_record(read.part, read.name)
    return SpalmModel(read.name, read.module, read.tokenizer, read_gate(read.path), record, read.path, read.unmet)


def load_encoder(model: SpalmModel) -> LanguageModel:
    """The frozen encoder that a SPALM was trained with: a bundled model, or the folder of that name beside its own.

    Raises:
        StoreError: it is not there, or has other weights now.
    """
    wanted = model.record.encoder
    beside = model.path.parent / wanted if model.path is not None else Path(wanted)
    where = wanted if wanted in BUNDLED else str(beside)
    hint = f"{model.name} was trained with keys of {wanted}"
    try:
        encoder = load(where).exact()
    except NotFound as error:
        raise StoreError(f"{hint}, which is not at {where}. Put that model there, or train the SPALM again.") from error
    if encoder.weights_hash != model.record.encoder_hash:
        raise StoreError(
            f"{hint}, and {where} has other weights now: its neighbors would mean nothing. Train the SPALM again."
        )
    return encoder
