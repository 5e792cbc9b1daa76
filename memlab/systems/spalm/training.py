"""Training a SPALM (section "Training" of the paper), scoring it and describing it.

A base model trained on the same text is frozen and embeds all training positions; the K neighbors of each are found
once, without the position itself and its near-duplicates; then transformer, embeddings and gate are trained end to
end with these neighbors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.evaluate.text_models import (
    ATLAS,
    ATLAS_ENCODER,
    HeldOutTexts,
    Material,
    TextJob,
    TextTraining,
    losses,
    nats,
    record_of,
    score_row,
    stream_of,
)
from memlab.lm.catalogue import BUNDLED, info, load
from memlab.lm.folder import write_model
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, read_texts, windows
from memlab.lm.text_training import Extra, Loss, Stream, train_on_stream
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.entries import encode_keys, entries_of
from memlab.memory.precompute import Positions, Ticket, identity, keep, kept, neighbors, sentences_of
from memlab.memory.search import search_all
from memlab.progress import Progress, no_progress, part
from memlab.reading.reader import House
from memlab.systems.spalm import combination
from memlab.systems.spalm.combination import check_spalm, spalm_scores
from memlab.systems.spalm.declaration import FORMAT
from memlab.systems.spalm.model import SpalmModel, SpalmRecord, load_encoder, write_gate

GATES: Mapping[str, float | None] = {
    "as computed": None,
    "forced to 1 (no memory)": 1.0,
    "forced to 0 (memory only)": 0.0,
}


class SpalmTraining(TextTraining):
    """The paper's training, with a frozen base model of the same text as encoder."""

    what: ClassVar[Mapping[str, str]] = {
        "spalm": "a SPALM: local context, short-term and long-term memory mixed by a learned gate"
    }

    def make(self, job: TextJob) -> Path:
        recipe, given = job.recipe, job.given
        lm = _encoder(given, job.encoder)
        store = _memory(job, lm)
        stream = stream_of(lm.tokenizer, given)
        ids = _neighbors(job, lm, store)
        if len(ids) != int(stream.predicted.sum()):
            raise InputError(
                f"{lm.name} reads the text as {len(ids)} entries, but the stream has {stream.predicted.sum()}."
            )
        w_g = nn.Parameter(torch.zeros(recipe.width))
        loss_of = spalm_loss(values_at(stream, ids, np.asarray(store.values)), w_g)
        module = train_on_stream(
            recipe, stream, len(lm.tokenizer), Extra(loss_of, (w_g,)), part(job.progress, 0.5, 1.0), job.stop
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
        record = {
            **record_of(recipe, given, stream, lm.tokenizer),
            "encoder": name,
            "format": FORMAT.name,
            FORMAT.name: made.to_dict(),
        }
        return write_model(job.out, module, lm.tokenizer, record, lambda folder: write_gate(folder, w_g))

    def scores(self, house: House, lm: LanguageModel, texts: HeldOutTexts, progress: Progress) -> list[dict[str, Any]]:
        assert isinstance(lm, SpalmModel)
        reading = SpalmReading(lm, load_encoder(lm), _store_of(house, lm), texts.how)
        found = spalm_losses(reading, texts.ids, lm.record.K, GATES, progress)
        rows = [score_row(f"gate {name}", each, found.gate) for name, each in found.losses.items()]
        if texts.atlas:
            encoder = load(ATLAS_ENCODER)
            rows.append(score_row(f"{ATLAS_ENCODER} alone", losses(encoder, texts.ids, windows(encoder))))
        return rows

    def recipe_lines(self, record: Mapping[str, Any]) -> Iterator[str]:
        made = record[FORMAT.name]
        yield (
            f"\nLong-term memory: keys {made['key']} of the frozen {made['encoder']} (weights `{made['encoder_hash'][:16]}`), datastore "
            f"{made['datastore']} (text collection `{made['corpus_hash'][:16]}`); {made['K']} neighbors of every training position, found "
            "once, without the position itself, entries whose context overlaps with its own, and entries in a word-for-word copy of "
            f"its sentence (ids `{made['neighbors_sha256'][:16]}`). memlab refuses it with another encoder or collection."
        )

    def score_lines(self, record: Mapping[str, Any]) -> Iterator[str]:
        yield "\nThe gate is the weight of the local state: near 1, memory is ignored. Its mean is taken over the gate as computed."


@dataclass(frozen=True)
class SpalmReading:
    """A SPALM with its frozen encoder and memory, and how it reads texts."""

    lm: SpalmModel
    encoder: LanguageModel
    store: Datastore
    how: Windows | Segments


@dataclass(frozen=True)
class SpalmLosses:
    """losses: name of the gate -> (n,) nats of every predicted token; gate: (n,) g as computed."""

    losses: Mapping[str, np.ndarray]
    gate: np.ndarray


def spalm_losses(
    reading: SpalmReading,
    ids: Sequence[Sequence[int]],
    K: int,
    gates: Mapping[str, float | None],
    progress: Progress = no_progress,
) -> SpalmLosses:
    """Losses of a SPALM with its gate as computed or forced; encoder and model predict the same tokens in the same
    order."""
    lm, encoder, store = reading.lm, reading.encoder, reading.store
    check_spalm(lm, encoder, store.fingerprint)
    how = windows(encoder, store.fingerprint.window, store.fingerprint.stride)
    keys = np.concatenate([p.keys.numpy() for p in read_texts(encoder, ids, how, lm.record.key)])
    out: dict[str, list[np.ndarray]] = {name: [] for name in gates}
    g: list[np.ndarray] = []
    at = 0
    for piece in read_texts(lm, ids, reading.how, "last"):
        values = search_all(store, keys[at : at + len(piece)], K).values
        at += len(piece)
        for name, forced in gates.items():
            scored = spalm_scores(piece.hidden, values, lm, forced)
            out[name].append(nats(scored.logp, piece.target))
            if forced is None:
                g.append(scored.g.numpy())
        progress(at / len(keys), f"{at} of {len(keys)} tokens")
    assert at == len(keys), "encoder and model predict the same tokens"
    return SpalmLosses({name: np.concatenate(x) for name, x in out.items()}, np.concatenate(g) if g else np.empty(0))


def spalm_loss(values: np.ndarray, w_g: nn.Parameter) -> Loss:
    """The training loss of a SPALM; `values` (n, K) are the retrieved token ids at every position of the stream."""

    def loss(h: Tensor, targets: Tensor, places: np.ndarray, embedding: Tensor) -> Tensor:
        return combination.loss(h, targets, values[places], embedding, w_g)

    return loss


def values_at(stream: Stream, ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, K) token ids of the neighbors `ids` (entries) at every position; -1 where nothing is predicted or found."""
    out = np.full((len(stream.ids), ids.shape[1]), -1, np.int32)
    out[stream.predicted] = np.where(ids >= 0, values[np.maximum(ids, 0)], -1)
    return out


def _store_of(house: House, lm: SpalmModel) -> Datastore:
    """The datastore that a SPALM was trained with."""
    return house.shelf.with_key(house.shelf.open(lm.record.datastore), lm.record.key)


def _encoder(given: Material, encoder: str | None) -> LanguageModel:
    """The frozen encoder, which must have been trained on the same text."""
    if encoder is None:
        raise InputError(
            "A SPALM needs the frozen model that computes its keys. Train one on the same text (--kind base) and give it with --encoder."
        )
    found = info(encoder)
    trained_on = ATLAS if found.name == ATLAS_ENCODER else found.record.get("text", {}).get("sha256")
    if trained_on not in ([ATLAS, given.sha256] if given.file == ATLAS else [given.sha256]) or found.method:
        raise InputError(
            f"{found.name} cannot be the encoder of a SPALM on {given.file}: it must be a base model trained on the same "
            f"training part. Train one: memlab train NAME --text {given.file} --kind base"
        )
    return load(encoder)


def _memory(job: TextJob, lm: LanguageModel) -> Datastore:
    """The datastore of the training text with the encoder's keys; built if it is missing."""
    progress = part(job.progress, 0.0, 0.2)
    if lm.name in BUNDLED:
        job.house.make_ready(lm.name, progress)
        return job.house.shelf.with_key(job.house.shelf.open(lm.name), job.recipe.key)
    order = Order(Path(lm.name).name, (job.recipe.key,), reading=job.given.reading)
    return Datastore(build(job.house.home, lm, job.given.memory, order, progress, job.stop)[0])


def _neighbors(job: TextJob, lm: LanguageModel, store: Datastore) -> np.ndarray:
    """(n, K) entry numbers for every predicted token of the training text, kept in the home folder."""
    given, recipe, folder = job.given, job.recipe, job.house.home / "neighbors"
    progress = part(job.progress, 0.2, 0.5)
    ticket = Ticket(
        lm.weights_hash, recipe.key, store.fingerprint.corpus_hash, given.sha256, store.fingerprint.index, recipe.K,
        gap=recipe.segment,
    )  # fmt: skip
    planned = None if given.train is given.memory else entries_of(lm, given.train, reading=given.reading)
    spans = np.asarray(store.spans) if planned is None else planned.spans
    have = kept(folder, ticket, len(spans))
    if have is None:
        if planned is None:
            keys = np.asarray(store.keys)
        else:
            progress(0.0, f"embedding {len(spans):,} training positions")
            keys = encode_keys(lm, planned, (recipe.key,))[recipe.key]
        positions = Positions(keys, sentences_of(given.train, spans), own=planned is None)
        have = neighbors(store, positions, recipe.K, ticket.gap, progress=progress, stop=job.stop)
        keep(folder, ticket, have)
    return have
