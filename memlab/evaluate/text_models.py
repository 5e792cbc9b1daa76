"""Making models from running text: base, with short-term memory, and SPALM, on equal budgets.

A SPALM is made as in the paper (section "Training"): a base model is there, trained on the same text;
frozen, it embeds all training positions; the K neighbors of each are found once, without itself and its
near-duplicates; then transformer, embeddings and gate are trained end to end with these neighbors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from memlab.corpus.generator import atlas_articles, corpus_hash
from memlab.corpus.passages import training_passages
from memlab.corpus.split import one_text, parts
from memlab.errors import InputError
from memlab.evaluate.prepare import prepare_bundled
from memlab.lm.catalogue import BUNDLED, BUNDLED_SPALM, info, load
from memlab.lm.folder import write_model
from memlab.lm.model import LanguageModel
from memlab.lm.optimization import Progress
from memlab.lm.spalm import SpalmRecord
from memlab.lm.text_training import Loss, Stream, TextRecipe, make_stream, train_on_stream
from memlab.lm.tokenizer import text_tokenizer
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.plan import WHOLE, Reading, encode_plan, plan
from memlab.memory.precompute import Positions, Ticket, identity, keep, kept, neighbors, sentences_of
from memlab.methods import spalm
from memlab.results import Article

ATLAS = "atlas"
ATLAS_ENCODER = "atlas-clm"
# On the bundled world: passages are short, names are many.
ATLAS_SHAPE: dict[str, Any] = {
    "steps": 700, "batch": 32, "segment": 64, "memory": 64, "width": 192, "heads": 6, "feed_forward": 512,
}  # fmt: skip
ATLAS_SPALM = TextRecipe(BUNDLED_SPALM, "spalm", seed=2026, **ATLAS_SHAPE)
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Material:
    """What models are trained on (`train`), what their memory holds (`memory`), and how a datastore reads it."""

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

    Of a file, memory is the training part itself. Of the bundled world it is the articles, which tell
    every fact; the training passages tell no unseen one.
    """
    if str(text) == ATLAS:
        return Material(ATLAS, training_passages(), atlas_articles(), WHOLE)
    path = Path(text)
    name = path.name.split(".")[0]
    train = (Article(name, name, parts(one_text(path)).train),)
    return Material(path.name, train, train, Reading(recipe.segment, recipe.segment // 2))


def recipe_for(text: Path | str, name: str, kind: str, seed: int = 0, steps: int | None = None) -> TextRecipe:
    """The recipe of a kind of model for a text. Raises InputError for a kind, seed or steps that cannot be."""
    if not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed}; allowed is 0 to {2**31 - 1}.")
    shape = ATLAS_SHAPE if str(text) == ATLAS else {}
    recipe = TextRecipe(name, kind, seed=seed, **shape)
    return recipe if steps is None else replace(recipe, steps=steps)


def make_text_model(
    home: Path,
    text: Path | str,
    recipe: TextRecipe,
    encoder: str | None,
    out: Path,
    progress: Progress = lambda fraction, message: None,
    stop: Stop = lambda: False,
) -> Path:
    """Trains the model of a recipe and writes its folder. Neighbors and datastore of a SPALM stay in `home`.

    Raises:
        InputError: the text or the encoder cannot be used. StoppedError: `stop` said so.
    """
    given = material(text, recipe)
    if recipe.kind == "spalm":
        return _make_spalm(home, given, recipe, encoder, out, progress, stop)
    if encoder is not None:
        raise InputError(f"A {recipe.kind} model has no encoder; --encoder is for --kind spalm.")
    tokenizer = load(ATLAS_ENCODER).tokenizer if given.file == ATLAS else _own_tokenizer(given, recipe)
    stream = _stream(tokenizer, given)
    module = train_on_stream(recipe, stream, len(tokenizer), progress=progress, stop=stop)
    return write_model(out, module, tokenizer, _record(recipe, given, stream, tokenizer))


def _make_spalm(
    home: Path, given: Material, recipe: TextRecipe, encoder: str | None, out: Path, progress: Progress, stop: Stop
) -> Path:
    lm = _encoder(given, encoder)
    store = _memory(home, lm, given, recipe, lambda f, m: progress(0.2 * f, m), stop)
    stream = _stream(lm.tokenizer, given)
    ids = _neighbors(home, lm, store, given, recipe, lambda f, m: progress(0.2 + 0.3 * f, m), stop)
    if len(ids) != int(stream.predicted.sum()):
        raise InputError(f"{lm.name} reads the text as {len(ids)} entries, the stream has {stream.predicted.sum()}.")
    w_g = nn.Parameter(torch.zeros(recipe.width))
    module = train_on_stream(
        recipe,
        stream,
        len(lm.tokenizer),
        spalm_loss(values_at(stream, ids, np.asarray(store.values)), w_g),
        [w_g],
        lambda f, m: progress(0.5 + 0.5 * f, m),
        stop,
    )
    name = Path(lm.name).name
    made = SpalmRecord(
        encoder=name,
        encoder_hash=lm.weights_hash,
        tokenizer_hash=lm.tokenizer_hash,
        key=recipe.key,
        datastore=name,
        corpus_hash=store.fingerprint.corpus_hash,
        K=recipe.K,
        neighbors_sha256=identity(ids),
    )
    record = {**_record(recipe, given, stream, lm.tokenizer), "spalm": made.to_dict()}
    return write_model(out, module, lm.tokenizer, record, w_g)


def spalm_loss(values: np.ndarray, w_g: nn.Parameter) -> Loss:
    """The training loss of a SPALM; `values` (n, K) are the retrieved token ids of every place of the stream."""

    def loss(h: Tensor, targets: Tensor, places: np.ndarray, embedding: Tensor) -> Tensor:
        return spalm.loss(h, targets, values[places], embedding, w_g)

    return loss


def values_at(stream: Stream, ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, K) token ids of the neighbors `ids` (entries) of every place; -1 where nothing is predicted or found."""
    out = np.full((len(stream.ids), ids.shape[1]), -1, np.int32)
    out[stream.predicted] = np.where(ids >= 0, values[np.maximum(ids, 0)], -1)
    return out


def _own_tokenizer(given: Material, recipe: TextRecipe) -> PreTrainedTokenizerFast:
    return text_tokenizer("\n\n".join(a.text for a in given.train), recipe.vocabulary)


def _stream(tokenizer: PreTrainedTokenizerFast, given: Material) -> Stream:
    read = tokenizer([a.text for a in given.train], add_special_tokens=False, verbose=False)["input_ids"]
    lead = [] if given.reading.window is not None else [tokenizer.cls_token_id]
    return make_stream(read, lead)


def _encoder(given: Material, encoder: str | None) -> LanguageModel:
    """The frozen encoder, which must have been trained on the same text."""
    if encoder is None:
        raise InputError(
            "A SPALM needs the frozen model that makes its keys. Train one on the same text (--kind base) and name it with --encoder."
        )
    found = info(encoder)
    trained_on = ATLAS if found.name == ATLAS_ENCODER else found.record.get("text", {}).get("sha256")
    if trained_on not in ([ATLAS, given.sha256] if given.file == ATLAS else [given.sha256]) or found.method:
        raise InputError(
            f"{found.name} cannot be the encoder of a SPALM on {given.file}: it must be a base model trained on the same "
            f"training part. Train one: memlab train NAME --text {given.file} --kind base"
        )
    return load(encoder)


def _memory(
    home: Path, lm: LanguageModel, given: Material, recipe: TextRecipe, progress: Progress, stop: Stop
) -> Datastore:
    if lm.name in BUNDLED:
        stores = prepare_bundled(home, lm.name, progress)
        return next(s for s in stores if s.fingerprint.key == recipe.key)
    order = Order(Path(lm.name).name, (recipe.key,), reading=given.reading)
    return Datastore(build(home, lm, given.memory, order, progress, stop)[0])


def _neighbors(
    home: Path, lm: LanguageModel, store: Datastore, given: Material, recipe: TextRecipe, progress: Progress, stop: Stop
) -> np.ndarray:
    """(n, K) entry numbers for every predicted token of the training text, kept in the home folder."""
    own = given.train is given.memory
    ticket = Ticket(
        lm.weights_hash, recipe.key, store.fingerprint.corpus_hash, given.sha256, store.fingerprint.index, recipe.K,
        gap=recipe.segment,
    )  # fmt: skip
    if own:
        keys, spans = np.asarray(store.keys), np.asarray(store.spans)
    else:
        planned = plan(lm, given.train, reading=given.reading)
        spans = planned.spans
    have = kept(home / "neighbors", ticket, len(spans))
    if have is None:
        if not own:
            progress(0.0, f"embedding {len(spans):,} training positions")
            keys = encode_plan(lm, planned, (recipe.key,))[recipe.key]
        positions = Positions(keys, sentences_of(given.train, spans), own)
        have = neighbors(store, positions, recipe.K, ticket.gap, progress=progress, stop=stop)
        keep(home / "neighbors", ticket, have)
    return have


def _record(recipe: TextRecipe, given: Material, stream: Stream, tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
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
