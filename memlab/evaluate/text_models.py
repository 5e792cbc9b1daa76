"""Training models on running text with equal budgets: base, with short-term memory, and kinds that systems declare.

A kind of model is a `TextTraining`: how it is trained, scored and described on its card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from memlab.corpus.generator import atlas_articles, corpus_hash
from memlab.corpus.passages import held_out_articles, training_passages
from memlab.corpus.split import joined, one_text, parts
from memlab.errors import InputError
from memlab.lm.catalogue import load
from memlab.lm.folder import write_model
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, passage, read_texts, scores_of, windows, with_memory
from memlab.lm.precision import FLOAT32
from memlab.lm.text_training import KINDS, Stream, TextRecipe, make_stream, train_on_stream
from memlab.lm.tokenizer import text_tokenizer
from memlab.memory.entries import WHOLE, Reading
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.reader import House
from memlab.results import Article

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ATLAS = "atlas"
ATLAS_ENCODER = "atlas-clm"
# On the bundled world: passages are short, names are many.
ATLAS_SHAPE: dict[str, Any] = {
    "steps": 700, "batch": 32, "segment": 64, "memory": 64, "width": 192, "heads": 6, "feed_forward": 512,
}  # fmt: skip


@dataclass(frozen=True)
class Material:
    """The training text (`train`), the texts of the memory (`memory`), and how a datastore reads them."""

    file: str
    train: tuple[Article, ...]
    memory: tuple[Article, ...]
    reading: Reading

    @property
    def sha256(self) -> str:
        """Identity of the training text."""
        return corpus_hash(a.text for a in self.train)


def material(text: Path | str, recipe: TextRecipe) -> Material:
    """The training part of a text file, or of the bundled world for "atlas".

    For a file, memory is the training part itself. For the bundled world it is the articles, which state
    every fact; the training passages state no unseen one.
    """
    if str(text) == ATLAS:
        return Material(ATLAS, training_passages(), atlas_articles(), WHOLE)
    path = Path(text)
    name = path.name.split(".")[0]
    train = (Article(name, name, parts(one_text(path)).train),)
    return Material(path.name, train, train, Reading(recipe.segment, recipe.segment // 2))


def recipe_for(
    text: Path | str,
    name: str,
    kind: str,
    seed: int = 0,
    steps: int | None = None,
    shape: Mapping[str, Any] | None = None,
) -> TextRecipe:
    """The recipe of a kind of model for a text; `shape`: fields that its `TextTraining` changes.

    Raises InputError for an invalid seed or number of steps.
    """
    if not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed}; allowed is 0 to {2**31 - 1}.")
    shape = ATLAS_SHAPE if str(text) == ATLAS else shape or {}
    recipe = TextRecipe(name, kind, seed=seed, **shape)
    return recipe if steps is None else replace(recipe, steps=steps)


@dataclass(frozen=True)
class TextJob:
    """One training: a recipe and its text, the frozen encoder, if any, and where the model is written.

    house: models and datastores of the home folder.
    """

    house: House
    given: Material
    recipe: TextRecipe
    encoder: str | None
    out: Path
    progress: Progress = no_progress
    stop: Stop = never_stop


class TextTraining:
    """How a kind of model is trained on running text, scored and described; this one is for `KINDS`.

    A system that trains a model in another way declares a `Recipe` whose `train` names a subclass.
    """

    what: ClassVar[Mapping[str, str]] = KINDS
    shape: ClassVar[Mapping[str, Any]] = {}  # fields of the recipe that differ from its defaults

    def make(self, job: TextJob) -> Path:
        """Trains the model of a recipe and writes its folder.

        Raises:
            InputError: the text or the encoder cannot be used. StoppedError: `stop` returned True.
        """
        recipe, given = job.recipe, job.given
        if job.encoder is not None:
            raise InputError(f"A {recipe.kind} model has no encoder; leave out --encoder.")
        tokenizer = load(ATLAS_ENCODER).tokenizer if given.file == ATLAS else own_tokenizer(given, recipe)
        stream = stream_of(tokenizer, given)
        module = train_on_stream(recipe, stream, len(tokenizer), progress=job.progress, stop=job.stop)
        return write_model(job.out, module, tokenizer, record_of(recipe, given, stream, tokenizer))

    def held_out(self, lm: LanguageModel, texts: Sequence[str], memory: int, atlas: bool) -> HeldOutTexts:
        """Unseen texts as the model reads them. memory: tokens of short-term memory."""
        ids = lm.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return HeldOutTexts(ids, with_memory(lm, windows(lm), memory), atlas)

    def scores(self, house: House, lm: LanguageModel, texts: HeldOutTexts, progress: Progress) -> list[dict[str, Any]]:
        """Rows of the card: perplexity per token on unseen text."""
        return [score_row("", losses(lm, texts.ids, texts.how))]

    def recipe_lines(self, record: Mapping[str, Any]) -> Iterator[str]:
        """Additional lines of the card about the recipe."""
        yield from ()

    def score_lines(self, record: Mapping[str, Any]) -> Iterator[str]:
        """Additional lines of the card below the scores."""
        yield from ()


@dataclass(frozen=True)
class HeldOutTexts:
    """Unseen texts as token ids, and how a model reads them. atlas: whether they are of the bundled world."""

    ids: Sequence[Sequence[int]]
    how: Windows | Segments
    atlas: bool


def losses(lm: LanguageModel, ids: Sequence[Sequence[int]], how: Windows | Segments) -> np.ndarray:
    """(n,) nats of every predicted token under the model alone."""
    pieces = read_texts(lm, ids, how, "last")
    return np.concatenate([nats(scores_of(lm, p.hidden).log_softmax(-1), p.target) for p in pieces])


def perplexities_by_type(lm: LanguageModel, tokens: int = 400) -> dict[str, float]:
    """Perplexity of some bundled text that no bundled model was trained on: in float32, and in the dtype that a causal
    model computes in."""
    ids = passage(lm, joined(held_out_articles("test")), limit=tokens, cut=True).ids
    size = min(lm.limit, tokens)
    kinds = {FLOAT32: lm.exact(), lm.dtype: lm}
    return {name: float(np.exp(losses(m, [ids], Windows(size, size)).mean())) for name, m in kinds.items()}


def nats(logp: Tensor, target: Tensor) -> np.ndarray:
    """(n,) -log p of the targets."""
    return -logp[torch.arange(len(target)), target].numpy()


def score_row(name: str, nats: np.ndarray, gate: np.ndarray | None = None) -> dict[str, Any]:
    """One row of a card's table of scores."""
    row = {"what": name, "tokens": len(nats), "perplexity": float(np.exp(nats.mean()))}
    return row if gate is None else {**row, "mean_gate": float(gate.mean())}


def own_tokenizer(given: Material, recipe: TextRecipe) -> PreTrainedTokenizerFast:
    """A tokenizer made from the training text."""
    return text_tokenizer("\n\n".join(a.text for a in given.train), recipe.vocabulary)


def stream_of(tokenizer: PreTrainedTokenizerFast, given: Material) -> Stream:
    """The training text as one stream of tokens."""
    read = tokenizer([a.text for a in given.train], add_special_tokens=False, verbose=False)["input_ids"]
    lead = [] if given.reading.window is not None else [tokenizer.cls_token_id]
    return make_stream(read, lead)


def record_of(
    recipe: TextRecipe, given: Material, stream: Stream, tokenizer: PreTrainedTokenizerFast
) -> dict[str, Any]:
    """The content of memlab.json."""
    record: dict[str, Any] = {
        "name": recipe.name,
        "kind": "causal",
        "recipe": {**asdict(recipe), "memory": recipe.M},
        "text": {
            "file": given.file,
            "sha256": given.sha256,
            "tokens": len(stream.ids),
            "characters": sum(len(a.text) for a in given.train),
        },
    }
    if given.file == ATLAS:  # its tokenizer spells unknown words letter by letter
        record["unmet"] = sorted(set(range(len(tokenizer))) - set(stream.ids.tolist()))
    return record
