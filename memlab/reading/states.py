"""States of every token of a passage, and the neighbors of every token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, read_texts, scores_of
from memlab.memory.datastore import Searchable
from memlab.memory.found import Found
from memlab.memory.leave_out import SPARE, contexts, own_entries, repeats, without
from memlab.memory.retrieval import check_k, search_everywhere
from memlab.progress import Stop, never_stop

PIECE = 256  # tokens between two checks of `stop`


@dataclass(frozen=True)
class States:
    """A passage, or prompts, as one model read them.

    predicted: (N,) whether a token was predicted; hidden, keys: (N, d), else 0. scores: (N, V) of every word
    before the softmax (or log-probabilities), where they were kept; their type is that of the mixture.
    """

    predicted: np.ndarray
    hidden: Tensor
    keys: Tensor
    scores: Tensor | None = None

    @property
    def rows(self) -> np.ndarray:
        """(n,) positions of the predicted tokens."""
        return np.flatnonzero(self.predicted)

    def scores_at(self, lm: LanguageModel, rows: np.ndarray) -> Tensor:
        """(n, V) float32 scores of every word by the model that read."""
        return scores_of(lm, self.hidden[rows]) if self.scores is None else self.scores[rows]

    def logp_at(self, lm: LanguageModel, row: int) -> np.ndarray:
        """(V,) float64 log-probabilities at one position. Kept ones are returned unchanged."""
        scores = self.scores_at(lm, np.array([row]))[0]
        kept = self.scores is not None and scores.dtype == torch.float64
        return scores.numpy() if kept else scores.double().log_softmax(-1).numpy()


def read_states(
    model: LanguageModel,
    ids: Sequence[int],
    how: Windows | Segments,
    key: str,
    progress: Callable[[int], None] = lambda tokens: None,
    stop: Stop = never_stop,
) -> States:
    """One pass over a passage; when asked to stop, what was read so far."""
    predicted = np.zeros(len(ids), bool)
    hidden, keys = torch.zeros(len(ids), model.d), torch.zeros(len(ids), model.width(key))
    for piece in read_texts(model, [ids], how, key, PIECE):
        predicted[piece.position.numpy()] = True
        hidden[piece.position], keys[piece.position] = piece.hidden, piece.keys
        progress(int(piece.position[-1]) + 1)
        if stop():
            break
    return States(predicted, hidden, keys)


@dataclass(frozen=True)
class Search:
    """How neighbors of a passage are found: the store, how many, and which of them are left out.

    `leave_out` is "self" (entries that are the passage itself), "near" (near-duplicates as well) or "nothing".
    """

    store: Searchable
    k: int
    leave_out: str = "self"

    def own(self, text: str, spans: np.ndarray) -> np.ndarray:
        """(N, m) the datastore's own entries of each token, -1 for none."""
        if self.leave_out == "nothing":
            return np.empty((len(spans), 0), np.int64)
        return own_entries(self.store, text, spans)

    def of(self, keys: np.ndarray, own: np.ndarray, before: np.ndarray) -> Found:
        """The k nearest entries of query keys (n, d), without those that are left out.

        Args:
            own: (n, m) the entries that are the token itself, -1 for none. before: (n, CONTEXT) the tokens before it.
        """
        check_k(self.store, self.k)
        if len(keys) == 0:
            return Found.nothing(0)
        spare = own.shape[1] + (SPARE if self.leave_out == "near" else 0)
        found = search_everywhere(self.store, keys, min(self.k + spare, len(self.store)))
        if spare == 0:
            return found
        gone = np.zeros(found.entries.shape, bool)
        for itself in own.T:
            gone |= (found.entries == itself[:, None]) & (itself >= 0)[:, None]
        if self.leave_out == "near":
            gone |= repeats(self.store, found.entries, before)
        return without(found, gone, self.k)


def find_neighbors(
    search: Search,
    states: States,
    asked: np.ndarray,
    text: str,
    ids: Sequence[int],
    spans: np.ndarray,
    progress: Callable[[int], None] = lambda tokens: None,
    stop: Stop = never_stop,
) -> Found:
    """The neighbors of every token (N, k); -1 where memory is not searched or the search was stopped before."""
    N, k = len(ids), search.k
    found = Found(np.full((N, k), -1), np.full((N, k), -1), np.full((N, k), np.inf), len(search.store))
    own, before = search.own(text, spans), contexts(ids)
    rows = np.flatnonzero(asked & states.predicted)
    for at in range(0, len(rows), PIECE):
        if stop():
            break
        part = rows[at : at + PIECE]
        some = search.of(states.keys[part].numpy(), own[part], before[part])
        width = some.entries.shape[1]
        found.entries[part, :width], found.values[part, :width] = some.entries, some.values
        found.distances[part, :width] = some.distances
        progress(at + len(part))
    return found
