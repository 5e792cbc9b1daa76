"""A Facts-as-Experts model as a language model: a masked transformer with an entity memory and a fact memory.

The folder is that of any masked model in the Hugging Face form, with two files beside it: `fae.safetensors` (the tensors
of `FactParts`) and `facts.csv` (the rows of its fact memory). memlab.json holds a `FaeRecord`. The entity memory
is part of the transformer; the fact memory's computation is in systems/facts_as_experts/combination.py.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lm.formats import ReadFolder
from memlab.lm.hooks import body_of, record
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.results import Fact
from memlab.systems.facts_as_experts.declaration import FACTS_FILE, PARTS_FILE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MENTIONS = "mentions"  # name under which `capturing` records the entity memory's scores
_local = threading.local()


@dataclass(frozen=True)
class FaeRecord:
    """The record of a Facts-as-Experts model in memlab.json.

    entities: names in the order of the entity memory, one token each. relations: names in the order of the relation
    embeddings. block: number of the block after which the entity memory is read. start: the model that training
    started from.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    block: int
    start: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class FactParts(nn.Module):
    """Everything that the model has beyond a masked transformer of width d.

    Args:
        tokens: (n,) token id of every entity. relations: number of relations. words: size of the vocabulary V.

    Attributes:
        E: (n, d) entity embeddings, shared by entity memory, fact keys, fact values and answers.
        W_e, W_b: query of the entity memory, and projection of what it returns.
        R: (relations, d). W_a: fact key from (subject; relation). W_f: fact query. W_c: context query of the mask.
        null_key, null_bias: the null fact. scale: of answers. entity: (V,) entity of each token, -1 for none.
    """

    entity: Tensor
    tokens: Tensor

    def __init__(self, tokens: Sequence[int], relations: int, words: int, d: int) -> None:
        super().__init__()
        self.E = nn.Parameter(torch.randn(len(tokens), d) * d**-0.5)
        self.R = nn.Parameter(torch.randn(relations, d) * d**-0.5)
        self.W_e, self.W_b = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.W_a = nn.Linear(2 * d, d, bias=False)
        self.W_f, self.W_c = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.null_key, self.null_bias = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(()))
        self.scale = nn.Parameter(torch.ones(()))
        entity = torch.full((words,), -1)
        entity[torch.as_tensor(tokens)] = torch.arange(len(tokens))
        self.register_buffer("entity", entity, persistent=False)
        self.register_buffer("tokens", torch.as_tensor(tokens), persistent=False)

    def attach(self, module: PreTrainedModel, block: int) -> None:
        """Reads the entity memory after a block of `module`, which then has these parts as its own."""
        module.add_module("facts_as_experts", self)
        body = body_of(module)
        body.register_forward_pre_hook(self._note_ids, with_kwargs=True)
        blocks: Any = body.layers
        blocks[block].register_forward_hook(self._read_entities)

    def _note_ids(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        _local.ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]

    def _read_entities(self, module: nn.Module, args: tuple, states: Tensor) -> Tensor:
        """Entities as Experts: at every mention h <- h + W_b sum_e softmax_e(E W_e h) e.

        A mention is one token here, not a span. The softmax is over all entities, not only the best 100.
        """
        of_token = self.entity[_local.ids]  # (B, T)
        rows, columns = (of_token >= 0).nonzero(as_tuple=True)
        if len(rows) == 0:
            return states
        scores = self.W_e(states[rows, columns]) @ self.E.T  # (m, n)
        record(MENTIONS, (scores, of_token[rows, columns]))
        read = self.W_b(scores.softmax(-1) @ self.E)
        return states.index_put((rows, columns), read, accumulate=True)


class FaeModel(LanguageModel):
    """A masked model with an entity memory and a fact memory. `facts`: the rows of its fact memory, in order."""

    def __init__(
        self,
        name: str,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        record: FaeRecord,
        facts: tuple[Fact, ...],
        path: Path | None = None,
        unmet: frozenset[int] | None = None,
    ) -> None:
        super().__init__(name, module, tokenizer, "masked", path, unmet)
        self.record, self.facts = record, facts
        self.entity_of = {entity: n for n, entity in enumerate(record.entities)}
        self.relation_of = {relation: n for n, relation in enumerate(record.relations)}

    @property
    def parts(self) -> FactParts:
        """The tensors of the entity memory and the fact memory, also of a weights version."""
        found = self.module.get_submodule("facts_as_experts")
        assert isinstance(found, FactParts)
        return found


def entity_tokens(tokenizer: PreTrainedTokenizerBase, entities: Sequence[str]) -> list[int]:
    """The token of every entity. Raises InputError for a name that is not one token."""
    read = tokenizer(list(entities), add_special_tokens=False)["input_ids"]
    for name, ids in zip(entities, read, strict=True):
        if len(ids) != 1:
            raise InputError(f"The entity {name!r} is {len(ids)} tokens; every entity must be one token.")
    return [ids[0] for ids in read]


def write_parts(folder: Path, parts: FactParts, facts: Sequence[Fact]) -> None:
    """Writes the tensors as 16-bit floats, and the rows of the fact memory, into a model's folder."""
    with plain_path(folder) as writable:
        save_file({k: v.detach().half().contiguous() for k, v in parts.state_dict().items()}, writable / PARTS_FILE)
    with (folder / FACTS_FILE).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("subject", "relation", "object", "exposure"))
        out.writerows((f.subject, f.relation, f.object, f.exposure or "") for f in facts)


def read_fae_record(raw: dict[str, Any], name: str) -> FaeRecord:
    """The record of memlab.json, checked. Raises InputError when something is missing."""
    try:
        return FaeRecord(tuple(raw["entities"]), tuple(raw["relations"]), int(raw["block"]), str(raw["start"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"memlab.json of {name} has an incomplete record of its memories ({error}). Train the model again."
        ) from error


def fae_model(read: ReadFolder) -> FaeModel:
    """The model in a folder whose transformer is loaded already. Raises InputError if a file is missing or damaged."""
    name, module, tokenizer, folder = read.name, read.module, read.tokenizer, read.path
    found = read_fae_record(read.part, name)
    words, d = module.get_input_embeddings().weight.shape
    parts = FactParts(entity_tokens(tokenizer, found.entities), len(found.relations), words, d)
    try:
        with plain_path(folder) as readable:
            tensors = load_file(readable / PARTS_FILE)
        parts.load_state_dict({k: v.to(torch.float32) for k, v in tensors.items()})
        with (folder / FACTS_FILE).open(encoding="utf-8", newline="") as file:
            facts = tuple(
                Fact(r["subject"], r["relation"], r["object"], r["exposure"] or None) for r in csv.DictReader(file)
            )
    except (OSError, SafetensorError, RuntimeError, KeyError, UnicodeDecodeError, csv.Error) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"The memories of {name} cannot be read ({said[:160]}). Train the model again.") from error
    known = set(found.entities), set(found.relations)
    for f in facts:
        if {f.subject, f.object} - known[0] or f.relation not in known[1]:
            raise InputError(
                f"{folder / FACTS_FILE} has a row with a name that {name} does not know: {f.subject}, {f.relation}, {f.object}."
            )
    parts.attach(module, found.block)
    return FaeModel(name, module, tokenizer, found, facts, folder, read.unmet)
