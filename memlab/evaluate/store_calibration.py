"""Tuning a method on a user's datastore: temperature (or scale) and lambda, on held-out words of its own texts.

Some documents, or the end of each if there are few, are held out: their words are predicted with their own entries and
near-duplicates excluded from the search. The settings with the highest mean log-likelihood of the words are kept (for
kNN-LM the tuning of section 4.1 of Khandelwal et al., 2020, on the collection itself). The gain is cross-validated:
settings are chosen on one half of the held-out contexts and measured on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from memlab.corpus.model_kinds import model_kind
from memlab.declare import Method
from memlab.evaluate.mixtures import LAMBDAS, best_of, mixed
from memlab.evaluate.token_losses import knn_grid
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.memory.entries import Entries, Reading, entries_of, entries_of_part, one_pass
from memlab.memory.found import Found
from memlab.memory.leave_out import CONTEXT, SPARE, repeats, without
from memlab.memory.search import search_all, search_within
from memlab.progress import Tick, no_tick
from memlab.reading.mixing import knn_distances

TOKENS = 400  # held-out words that settings are tuned on
FEWEST = 200  # fewer words are not enough
SHARE = 0.1  # of the collection that is held out, at most
PIECES = 8  # documents that are held out
SPREADS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # in units of the typical spread of a search's distances
_CHARACTERS = 10  # of a token, at most on average
BATCH = 8  # contexts of one forward pass


@dataclass(frozen=True)
class Piece:
    """Held-out text: a document from its character `begin` to its end."""

    row: int
    begin: int


@dataclass(frozen=True)
class HeldOutWords:
    """Held-out words after the model's forward pass.

    logp: (n,) log p_LM of each word. queries: key -> (n, d) float32. values: (n,) token ids. context: (n,) which context
    each belongs to. before: (n, CONTEXT) the tokens before each, the last one first, -1 where there is none.
    rows: (n,) document row. sentences: (n,) the text around each, which article search is asked with.
    """

    logp: np.ndarray
    queries: dict[str, np.ndarray]
    values: np.ndarray
    context: np.ndarray
    before: np.ndarray
    rows: np.ndarray
    sentences: Sequence[str]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class StoreCalibration:
    """The settings that were found for one datastore.

    words: how many held-out words they were tuned on. mean_logp: mean log-likelihood of a word by the mixture with these
    settings, model_logp by the model alone. gain: nats per word by which the mixture is better, by two-fold
    cross-validation.
    """

    settings: dict[str, Any]
    words: int
    mean_logp: float
    model_logp: float
    gain: float

    def to_dict(self) -> dict[str, Any]:
        """The record for `calibrated` in meta.json."""
        return {
            "settings": self.settings, "mean_logp": self.mean_logp, "questions": self.words,
            "model_logp": self.model_logp, "gain": self.gain,
        }  # fmt: skip


def calibrate_stores(
    method: Method, model: LanguageModel, stores: Sequence[Datastore], tick: Tick = no_tick
) -> dict[str, StoreCalibration]:
    """The best settings on each datastore of one build (one for each key); empty where the collection is too small.

    Args:
        tick: called with the fraction done; exceptions abort.
    """
    pieces = held_out(stores[0])
    words = read_words(model, stores[0], pieces, [s.fingerprint.key for s in stores], tick)
    if len(words) < FEWEST:
        return {}
    return {store.name: _calibrate(method, store, pieces, words) for store in stores}


def held_out(store: Datastore) -> list[Piece]:
    """The held-out texts: evenly spaced documents, at most a tenth of all; with fewer than ten, the last tenth of
    each."""
    count = store.documents.count
    rows = np.flatnonzero(count > 0)
    if len(rows) >= 1 / SHARE:
        enough = -int(-TOKENS * len(rows) // int(count.sum()))  # short documents: as many as needed
        n = min(max(PIECES, enough), int(len(rows) * SHARE))
        chosen = rows[((np.arange(n) + 0.5) * len(rows) / n).astype(int)]
        return [Piece(int(row), 0) for row in chosen]
    ends = []
    for row in rows:
        length = len(store.documents.article(int(row)).text)
        ends.append(Piece(int(row), length - int(length * SHARE)))
    return ends


def read_words(
    model: LanguageModel, store: Datastore, pieces: Sequence[Piece], keys: Sequence[str], tick: Tick = no_tick
) -> HeldOutWords:
    """The first words of each piece, about TOKENS in all, read in the same contexts as entries."""
    share = -(-TOKENS // max(1, len(pieces)))
    reading = Reading(store.fingerprint.window, store.fingerprint.stride)
    after = 0 if model_kind(model.kind).left_to_right else 100  # characters of a sentence after the word
    logp, queries, values = [], {key: list[np.ndarray]() for key in keys}, []
    context, before, rows, sentences = [], [], [], []
    for n, piece in enumerate(pieces):
        planned, some = _first_words(model, store, piece, reading, share)
        text = store.documents.article(piece.row).text
        for part in _batches(planned, some):
            tick((n + 0.5) / len(pieces))
            found_logp, found_keys = _encode(model, planned, part, keys)
            logp.append(found_logp)
            for key in keys:
                queries[key].append(found_keys[key])
        values.append(planned.values[some])
        context.append(planned.context[some] + 1_000_000 * n)
        before.append(_before(planned.values, some))
        rows.append(np.full(len(some), piece.row))
        for entry in some:
            a, b = planned.spans[entry, 1:]
            sentences.append(f"{text[max(0, a - 100) : a]} {text[b : b + after]}")
    return HeldOutWords(
        _joined(logp, np.float64),
        {
            key: np.concatenate(parts) if parts else np.empty((0, model.width(key)), np.float32)
            for key, parts in queries.items()
        },
        _joined(values, np.int32),
        _joined(context, np.int64),
        np.concatenate(before) if before else np.empty((0, CONTEXT), np.int64),
        _joined(rows, np.int64),
        sentences,
    )


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _first_words(
    model: LanguageModel, store: Datastore, piece: Piece, reading: Reading, share: int
) -> tuple[Entries, np.ndarray]:
    """The entries of a piece, and the first `share` of them that are within it, by context."""
    document = store.documents.article(piece.row)
    if piece.begin == 0:
        planned = entries_of(model, [document], piece.row, reading)
    else:
        earlier = piece.begin - _CHARACTERS * (reading.window or 128)  # the earliest window that reaches into the piece
        planned = entries_of_part(model, document, piece.row, (max(0, earlier), len(document.text)), reading)
    within = np.flatnonzero(planned.spans[:, 1] >= piece.begin)
    return planned, within[:share]


def _before(values: np.ndarray, some: np.ndarray) -> np.ndarray:
    """(n, CONTEXT) values of the entries before each, the last one first; -1 before the beginning."""
    at = some[:, None] - np.arange(1, CONTEXT + 1)
    return np.where(at >= 0, values[np.maximum(at, 0)], -1)


def _batches(planned: Entries, some: np.ndarray) -> Iterator[np.ndarray]:
    """Entries of a few contexts at a time; for masked models each entry is a context of its own."""
    if planned.masked:
        yield from (some[at : at + BATCH] for at in range(0, len(some), BATCH))
        return
    used = np.unique(planned.context[some])
    for at in range(0, len(used), BATCH):
        yield some[np.isin(planned.context[some], used[at : at + BATCH])]


@torch.inference_mode()
def _encode(
    model: LanguageModel, planned: Entries, part: np.ndarray, keys: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(n,) log-probabilities of the values of some entries, and their keys."""
    ids, mask, rows, columns = one_pass(model, planned, part, cut_after=True)
    out = model.encode(ids, mask, rows, columns, tuple(keys))
    assert out.logp is not None
    targets = torch.as_tensor(planned.values[part]).long()
    logp = out.logp[torch.arange(len(part)), targets].double().numpy()
    return logp, {key: out.keys[key].float().numpy() for key in keys}


def _calibrate(method: Method, store: Datastore, pieces: Sequence[Piece], words: HeldOutWords) -> StoreCalibration:
    assert method.knn is not None
    allowed = np.ones(len(store), bool)
    for piece in pieces:
        own = store.documents.entries([piece.row])
        allowed[own[np.asarray(store.spans[own])[:, 1] >= piece.begin]] = False
    k = min(method.knn.k, int(allowed.sum()))
    found = _search(method, store, words, allowed, k)
    found = replace(found, distances=knn_distances(method, found.distances))
    divisor = next(f for f in method.fields() if f.name == method.knn.divisor)
    spreads = temperatures(found, divisor.low or 0.0, divisor.high or np.inf)
    losses = losses_of(words.logp, knn_grid(found, words.values, spreads))  # (T, L, n)
    mean = losses.mean(axis=2)
    at, lam = best_of(mean)
    settings = {"k": k, method.knn.divisor: spreads[at], "lam": lam, "key": store.fingerprint.key}
    gain = gain_by_exchange(losses, -words.logp, words.context)
    return StoreCalibration(settings, len(words), float(-mean.min()), float(words.logp.mean()), gain)


def _search(method: Method, store: Datastore, words: HeldOutWords, allowed: np.ndarray, k: int) -> Found:
    """The k nearest allowed entries of each word, by the method's default search."""
    queries, defaults = words.queries[store.fingerprint.key], method.settings()
    if getattr(defaults, "search", "all") == "articles":
        n = getattr(defaults, "articles", 1)
        return Found.stacked([_of_articles(store, words, i, query, k, n, allowed) for i, query in enumerate(queries)])
    found = search_all(store, queries, min(k + SPARE, int(allowed.sum())), allowed)
    return without(found, repeats(store, found.entries, words.before), k)


def _of_articles(
    store: Datastore, words: HeldOutWords, i: int, query: np.ndarray, k: int, n: int, allowed: np.ndarray
) -> Found:
    """The nearest allowed entries in the articles that the text around a word is about."""
    rows = [row for row in store.articles.nearest(words.sentences[i], n + 1) if len(store.documents.entries([row]))]
    others = [row for row in rows if row != words.rows[i]][:n]
    entries = store.documents.entries(others or rows[:n])
    entries = entries[allowed[entries]]
    return search_within(store, query, k, entries) if len(entries) else Found.nothing(1)


def temperatures(found: Found, low: float, high: float) -> list[float]:
    """Divisors to try, from low to high: multiples of a quarter of the median distance between nearest and farthest neighbor."""
    real = np.where(np.isfinite(found.distances) & (found.entries >= 0), found.distances, np.nan)
    seen = real[~np.isnan(real).all(axis=1)]
    width = float(np.median(np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1))) / 4 if len(seen) else 0.0
    return sorted({float(f"{min(high, max(low, (width or 1.0) * spread)):.3g}") for spread in SPREADS})


def losses_of(logp: np.ndarray, p: np.ndarray) -> np.ndarray:
    """(T, L, n) loss in nats of every word, by every temperature (columns of p (n, T)) and every lambda of LAMBDAS."""
    return np.array([[mixed(logp, column, lam) for lam in LAMBDAS] for column in p.T])


def gain_by_exchange(losses: np.ndarray, alone: np.ndarray, context: np.ndarray) -> float:
    """Nats per word by which the mixture beats the model alone (n,), by two-fold cross-validation: settings of the grid
    (T, L, n) are chosen on every second context and measured on the others, and vice versa."""
    even = np.unique(context, return_inverse=True)[1] % 2 == 0
    if even.all():  # a single context: its first half and its second
        even = np.arange(len(context)) < len(context) // 2
    total = 0.0
    for chosen_on, measured_on in ((even, ~even), (~even, even)):
        mean = losses[:, :, chosen_on].mean(axis=2)
        at = np.unravel_index(int(mean.argmin()), mean.shape)
        total += float((alone - losses[at])[measured_on].sum())
    return total / len(alone)
