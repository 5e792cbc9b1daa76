"""Perplexity of a SPALM: log p of every token, given the values that its frozen encoder retrieved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from memlab.errors import InputError
from memlab.evaluate.scorers import Neighborhoods, Scored, Scorer, ScorerOptions
from memlab.evaluate.token_losses import Texts
from memlab.lm.catalogue import info
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, read_texts, with_memory
from memlab.memory.retrieval import check_k
from memlab.progress import no_progress
from memlab.reading.knn_reader import still_building
from memlab.reading.reader import House
from memlab.reading.states import Search
from memlab.systems.spalm.combination import check_spalm, spalm_scores
from memlab.systems.spalm.declaration import METHOD
from memlab.systems.spalm.knn import knn_method
from memlab.systems.spalm.model import SpalmModel, load_encoder


@dataclass(frozen=True)
class SpalmScorer(Scorer):
    """A SPALM that reads texts with its short-term memory."""

    lm: SpalmModel
    how: Segments | Windows
    encoder: LanguageModel  # pyrefly: ignore[bad-override]
    search: Search  # pyrefly: ignore[bad-override]
    local: Windows  # pyrefly: ignore[bad-override]
    name: str = METHOD.name  # pyrefly: ignore[bad-override]

    @property
    def K(self) -> int:  # type: ignore[override]
        return self.lm.record.K

    @property
    def key(self) -> str:  # type: ignore[override]
        return self.lm.record.key

    def score(self, texts: Texts, near: Neighborhoods) -> Scored:
        logp, gate = (np.full(len(near.values), np.nan) for _ in range(2))
        for piece in read_texts(self.lm, texts.ids, self.how, "last"):
            rows = texts.rows(piece)
            scored = spalm_scores(piece.hidden, near.values[rows], self.lm)
            logp[rows] = scored.logp[torch.arange(len(rows)), piece.target].double().numpy()
            gate[rows] = scored.g.double().numpy()
        return Scored(logp, gate, near.p_knn)


def scorer(house: House, options: ScorerOptions) -> SpalmScorer:
    """The SPALM, its encoder and its memory.

    Raises:
        MemlabError: not a SPALM, another tokenizer than the base model's, or a memory that is not built.
    """
    name = options.model or METHOD.model
    assert name is not None
    lm = house.load(name)
    if not isinstance(lm, SpalmModel):
        raise InputError(f"{name} is not a SPALM. Train one: memlab train NAME --kind spalm.")
    if lm.tokenizer_hash != options.base.tokenizer_hash:
        raise InputError(
            f"{lm.name} and {options.base.name} have different tokenizers; perplexities of different tokens cannot be compared."
        )
    encoder = load_encoder(lm)
    house.make_ready(lm.record.datastore, no_progress)
    if not house.shelf.is_built(lm.record.datastore):
        raise still_building(lm.record.datastore)
    store = house.shelf.with_key(house.shelf.open(lm.record.datastore), lm.record.key)
    check_spalm(lm, encoder, store.fingerprint)
    memory = options.memory
    if memory is None:
        memory = int((info(lm.name).record.get("recipe") or {}).get("memory") or 0)
    k = options.k
    if k is None:
        k = min(len(store), house.settings(knn_method().name, store.name, "calibrated", lm.record.key).k)
    check_k(store, k)
    search = Search(store, max(lm.record.K, k), options.leave_out)
    return SpalmScorer(lm, with_memory(lm, options.local, memory), encoder, search, options.local)
