"""Perplexity of a model with and without its memories, all on the same tokens.

The methods, each with what it adds to `base`: `short-term` (states carried across segments), `cache` (continuous
cache), `knn-lm`, `knn-lm+cache`, `spalm`, `spalm+knn-lm`. Temperatures, thetas and lambdas that are not given are
tuned on validation text, never on the text that is measured. Texts that are part of a datastore do not
retrieve themselves. With several models (trained with several seeds) the interval is over models; with one,
over blocks of neighboring tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from memlab.errors import InputError, NotFound
from memlab.evaluate.mixtures import (
    CACHE_LAMBDAS,
    LAMBDAS,
    METHODS,
    Chosen,
    best_of,
    grid,
    mixed,
)
from memlab.evaluate.token_losses import Texts, Tokens, read_base, read_short, read_spalm, read_values
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Segments, Windows, read_texts
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Datastore
from memlab.memory.leave_out import CONTEXT
from memlab.memory.search import recall, search_all
from memlab.methods.gates import GATES, HeldOut, KnnGate
from memlab.methods.reading import Progress, Search

SPREADS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # temperatures, in units of the median distance of the k-th
NEEDS_STORE = ("knn-lm", "knn-lm+cache", "spalm", "spalm+knn-lm")


@dataclass(frozen=True)
class Sources:
    """The models and memories of one run (one seed).

    Args:
        lm, local: the base model and its windows. short, carried: what reads with short-term memory.
        search, key: the datastore of the base model. spalm: SPALM, how it reads; its encoder, windows and store.
    """

    lm: LanguageModel
    local: Windows
    short: LanguageModel | None = None
    carried: Segments | Windows | None = None
    search: Search | None = None
    key: str = "last"
    spalm: SpalmModel | None = None
    spalm_how: Segments | Windows | None = None
    encoder: LanguageModel | None = None
    spalm_search: Search | None = None


@dataclass(frozen=True)
class Options:
    """What is measured. A grid of one temperature or lambda is a given one; more are tuned on validation text."""

    methods: tuple[str, ...]
    temperatures: tuple[float, ...] = ()
    lambdas: tuple[float, ...] = LAMBDAS
    cache: int = 0
    gates: tuple[str, ...] = ()
    K: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """One run: the tokens, what was chosen, losses of every method (n,) over the tokens that all predict."""

    model: str
    tokens: Tokens
    chosen: Chosen
    temperatures: tuple[float, ...]
    losses: dict[str, np.ndarray]
    grid: list[dict[str, float]] = field(default_factory=list)
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)
    trained: dict[str, KnnGate] = field(default_factory=dict)


def check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """The methods, base first, each once. Raises NotFound for an unknown one."""
    for name in methods:
        if name not in METHODS:
            raise NotFound.named("method", name, METHODS)
    return tuple(dict.fromkeys(("base", *methods)))


def measure(
    sources: Sources,
    passages: Sequence[Passage],
    validation: Sequence[Passage],
    options: Options,
    progress: Progress = lambda fraction, message: None,
    stop: Callable[[], bool] = lambda: False,
) -> Measured:
    """One run over the texts; with validation passages the settings are tuned on them first."""
    temperatures = options.temperatures
    if not temperatures and (sources.search or sources.spalm_search):
        temperatures = spread_temperatures(sources, validation)
    options = replace(options, temperatures=temperatures)
    chosen, trained = Chosen(lam=options.lambdas[0], spalm_lam=options.lambdas[0]), {}
    table: list[dict[str, Any]] = []
    if validation:
        held = _tokens(sources, validation, options, lambda f, m: progress(0.4 * f, f"validation: {m}"), stop)
        chosen, table = tune(held, options)
        trained = {kind: GATES[kind].fit(_held_out(held, chosen), options.seed) for kind in options.gates}
    elif options.gates:
        raise InputError("A gate is learned from held-out text. Give some: --validation FILE.")
    share = 0.4 if validation else 0.0
    tokens = _tokens(sources, passages, options, lambda f, m: progress(share + (1 - share) * f, m), stop)
    where = np.flatnonzero(tokens.predicted)
    if len(where) == 0:
        raise InputError("No token of these texts can be predicted: they are too short for this window.")
    losses = {name: METHODS[name](tokens, where, chosen) for name in options.methods}
    gates: dict[str, dict[str, Any]] = {}
    for kind, gate in trained.items():
        losses[f"knn-lm, {kind} gate"], gates[kind] = _gated(tokens, where, chosen, gate)
    return Measured(sources.lm.name, tokens, chosen, temperatures, losses, table, gates, trained)


def _tokens(
    sources: Sources, passages: Sequence[Passage], options: Options, progress: Progress, stop: Callable[[], bool]
) -> Tokens:
    """Everything that the methods need of these texts, with as few passes and searches as there are sources."""
    methods, s = set(options.methods), sources
    texts = Texts.of(passages, s.search or s.spalm_search)
    knn = methods & {"knn-lm", "knn-lm+cache"} or options.gates
    # SPALM's neighbors are those of kNN-LM where both read the same memory with the same model, and there are enough.
    shared = _same_memory(s.search, s.spalm_search) and s.search is not None and s.search.k >= options.K
    shared = shared and s.encoder is not None and s.encoder.weights_hash == s.lm.weights_hash
    search = s.search if knn or (s.spalm and shared) else None
    cache = options.cache if methods & {"cache", "knn-lm+cache"} else 0
    t = read_base(
        s.lm, texts, s.local, s.key, search, options.temperatures, cache, bool(options.gates), options.K, progress, stop
    )
    if search is not None:
        t.recall = sampled_recall(s.lm, search, texts, s.local, s.key)
    if s.carried is not None and "short-term" in methods:
        t.short = read_short(s.short or s.lm, texts, s.carried)
    if s.spalm is not None and s.spalm_how is not None:
        values, t.spalm_knn = t.values, t.p_knn
        if not shared:
            assert s.encoder is not None
            assert s.spalm_search is not None
            key = s.spalm.record.key
            values, t.spalm_knn = read_values(
                s.encoder, texts, s.local, key, s.spalm_search, options.temperatures, options.K
            )
        assert values is not None
        t.spalm, t.gate = read_spalm(s.spalm, texts, s.spalm_how, values)
    return t


def _same_memory(one: Search | None, other: Search | None) -> bool:
    """Whether two searches look through the same keys of the same entries."""
    if one is None or other is None or not isinstance(one.store, Datastore) or not isinstance(other.store, Datastore):
        return False
    return one.store.fingerprint == other.store.fingerprint and one.leave_out == other.leave_out


def tune(t: Tokens, options: Options) -> tuple[Chosen, list[dict[str, float]]]:
    """The settings with the smallest loss on validation tokens, and the table of temperatures and lambdas."""
    where, c, table = np.flatnonzero(t.predicted), Chosen(), []
    if t.p_cache is not None:
        log_p = np.nan_to_num(t.p_cache[where])
        theta, share = best_of(grid(t.logp[where], log_p, CACHE_LAMBDAS), CACHE_LAMBDAS)
        c = replace(c, theta=theta, lam_cache=share)
    if t.p_knn is not None:
        losses = grid(t.logp[where], t.p_knn[where], options.lambdas)
        temperature, lam = best_of(losses, options.lambdas)
        c = replace(c, temperature=temperature, lam=lam)
        table = [
            {"temperature": T, "lam": lam, "validation_perplexity": float(np.exp(losses[i, j]))}
            for i, T in enumerate(options.temperatures)
            for j, lam in enumerate(options.lambdas)
        ]
    if t.spalm is not None and t.spalm_knn is not None:
        lambdas = options.lambdas if len(options.lambdas) == 1 else (0.0, *options.lambdas)
        temperature, lam = best_of(grid(t.spalm[where], t.spalm_knn[where], lambdas), lambdas)
        c = replace(c, spalm_temperature=temperature, spalm_lam=lam)
    return c, table


def _held_out(t: Tokens, c: Chosen) -> HeldOut:
    assert t.features is not None
    assert t.p_knn is not None
    where = np.flatnonzero(t.predicted)
    return HeldOut(t.features[where], np.exp(t.logp[where]), t.p_knn[where, c.temperature])


def _gated(t: Tokens, where: np.ndarray, c: Chosen, gate: KnnGate) -> tuple[np.ndarray, dict[str, Any]]:
    """Losses of kNN-LM with a learned gate, and what the gate did."""
    data = _held_out(t, c)
    lam = gate.weights(data.features)
    asked = gate.asks(data.features[:, :2])
    lam = np.where(asked, lam, 0.0)
    about = {
        "mean_lambda": float(lam.mean()),
        "searched": float(asked.mean()),
        "searches_saved": float(1 - asked.mean()),
    }
    assert t.p_knn is not None
    return mixed(t.logp[where], t.p_knn[where, c.temperature], lam), about


def spread_temperatures(sources: Sources, passages: Sequence[Passage], sample: int = 256) -> tuple[float, ...]:
    """Temperatures to try: multiples of the typical distance between the nearest and the k-th neighbor."""
    if not passages:
        raise InputError(
            "Temperature and lambda are tuned on validation text. Give --validation FILE, or --temperature and --lam."
        )
    lm, search, key = sources.lm, sources.search, sources.key
    if search is None:
        assert sources.encoder is not None
        assert sources.spalm is not None
        lm, search, key = sources.encoder, sources.spalm_search, sources.spalm.record.key
    assert search is not None
    keys = _some_keys(lm, passages, sources.local, key, sample)
    found = search.of(keys, np.empty((len(keys), 0), np.int64), np.full((len(keys), CONTEXT), -1))
    real = np.where(np.isfinite(found.distances), found.distances, np.nan)
    typical = float(np.nanmedian(np.nanmax(real, axis=1) - np.nanmin(real, axis=1))) / 4 or 1.0
    return tuple(float(f"{typical * spread:.3g}") for spread in SPREADS)


def sampled_recall(
    lm: LanguageModel, search: Search, texts: Texts, how: Windows, key: str, sample: int = 128
) -> float | None:
    """Share of the truly nearest entries that an approximate index finds, on some tokens; None for a flat index."""
    store = search.store
    if not isinstance(store, Datastore) or store.fingerprint.index == "flat":
        return None
    keys = _some_keys(lm, texts.passages, how, key, sample)
    return recall(store, keys, search_all(store, keys, search.k))


def _some_keys(lm: LanguageModel, passages: Sequence[Passage], how: Windows, key: str, sample: int) -> np.ndarray:
    """(n, d) query keys of some tokens, from the beginning of as many passages as it takes."""
    keys: list[np.ndarray] = []
    for piece in read_texts(lm, [p.ids[: 8 * sample] for p in passages], how, key, 8 * sample):
        keys.append(piece.keys.numpy()[:: max(1, len(piece) // sample)][:sample])
        break
    return np.concatenate(keys)
