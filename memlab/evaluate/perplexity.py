"""Perplexity of a model with and without its memories, all on the same tokens.

Each method adds columns to the table, with a role: the model alone, with short-term memory (states carried across
segments), with the continuous cache, with p_kNN of a memory, with both, the method's own mixture, and that with p_kNN.
Temperatures, thetas and lambdas that are not given are tuned on validation text, never on the measured text. Texts that
are part of a datastore do not retrieve themselves. With several models (trained with several seeds) the interval is
over models; with one, over blocks of adjacent tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from memlab.errors import InputError, NotFound
from memlab.evaluate.mixtures import (
    CACHE_LAMBDAS,
    LAMBDAS,
    ROLES,
    Chosen,
    best_of,
    grid,
    mixed,
)
from memlab.evaluate.scorers import Neighborhoods, Scorer
from memlab.evaluate.token_losses import Texts, Tokens, Wanted, read_base, read_short, read_values
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Segments, Windows, read_texts
from memlab.memory.datastore import Datastore
from memlab.memory.leave_out import CONTEXT
from memlab.memory.search import recall, search_all
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.frequencies import frequencies
from memlab.reading.gates import GATES, HeldOut, KnnGate
from memlab.reading.states import Search

SPREADS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # temperatures, in units of the median distance of the k-th
NEEDS_MEMORY = frozenset({"memory", "memory+cache"})
NEEDS_CACHE = frozenset({"cache", "memory+cache"})


@dataclass(frozen=True)
class Sources:
    """The models and memories of one run (one seed).

    Args:
        lm, local: the base model and its windows. short, carried: the model and segments with short-term memory.
        search, key: the datastore of the base model. scorer: a method with its own models.
    """

    lm: LanguageModel
    local: Windows
    short: LanguageModel | None = None
    carried: Segments | Windows | None = None
    search: Search | None = None
    key: str = "last"
    scorer: Scorer | None = None


@dataclass(frozen=True)
class Options:
    """What is measured. A single temperature or lambda is used as given; of several, the best on validation text.

    columns: name -> role; the first is that of the model alone.
    """

    columns: Mapping[str, str]
    temperatures: tuple[float, ...] = ()
    lambdas: tuple[float, ...] = LAMBDAS
    cache: int = 0
    gates: tuple[str, ...] = ()
    seed: int = 0

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the columns."""
        return frozenset(self.columns.values())


@dataclass(frozen=True)
class Measured:
    """One run: the tokens, the chosen settings, and losses (n,) of every column over the tokens that all columns
    predict.

    columns: name -> role. own: name of the method with models of its own, "" without one.
    frequency: (n,) number of entries of the datastore with each token as value; None without a datastore.
    """

    model: str
    tokens: Tokens
    chosen: Chosen
    temperatures: tuple[float, ...]
    losses: dict[str, np.ndarray]
    grid: list[dict[str, float]] = field(default_factory=list)
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)
    trained: dict[str, KnnGate] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    own: str = ""
    frequency: np.ndarray | None = None

    @property
    def base(self) -> str:
        """Name of the column of the model alone."""
        return column(self.columns, "base")


def column(columns: Mapping[str, str], role: str) -> str:
    """The first of these columns (name -> role) with a role; the role itself where none has it."""
    return next((name for name, its in columns.items() if its == role), role)


def chosen_columns(names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """The columns of those names with their roles, the model alone first, each once. Raises NotFound for an unknown one."""
    for name in names:
        if name not in known:
            raise NotFound.named("method", name, known)
    return {name: known[name] for name in dict.fromkeys((column(known, "base"), *names))}


def measure(
    sources: Sources,
    passages: Sequence[Passage],
    validation: Sequence[Passage],
    options: Options,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Measured:
    """One run over the texts; with validation passages, the settings are tuned on them first.

    Raises:
        InputError: gates or untuned settings without validation text, or texts without a predictable token.
    """
    temperatures = options.temperatures
    if not temperatures and (sources.search or sources.scorer):
        temperatures = spread_temperatures(sources, validation)
    options = replace(options, temperatures=temperatures)
    chosen, trained = Chosen(lam=options.lambdas[0], own_lam=options.lambdas[0]), {}
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
    losses = {name: ROLES[role](tokens, where, chosen) for name, role in options.columns.items()}
    gates: dict[str, dict[str, Any]] = {}
    for kind, gate in trained.items():
        losses[f"{column(options.columns, 'memory')}, {kind} gate"], gates[kind] = _gated(tokens, where, chosen, gate)
    own = sources.scorer.name if sources.scorer else ""
    often = frequencies(sources.search.store, tokens.target[where]) if sources.search else None
    return Measured(
        sources.lm.name, tokens, chosen, temperatures, losses, table, gates, trained, options.columns, own, often
    )


def _tokens(sources: Sources, passages: Sequence[Passage], options: Options, progress: Progress, stop: Stop) -> Tokens:
    """Everything that the columns need of these texts, with one pass and one search per source."""
    roles, s, own = options.roles, sources, sources.scorer
    texts = Texts.of(passages, s.search or (own.search if own else None))
    shared = _shares_memory(s)  # then one search serves both
    search = s.search if roles & NEEDS_MEMORY or options.gates or (own and shared) else None
    cache = options.cache if roles & NEEDS_CACHE else 0
    K = own.K if own else 0
    wanted = Wanted(s.key, search, options.temperatures, cache, bool(options.gates), K)
    t = read_base(s.lm, texts, s.local, wanted, progress, stop)
    if search is not None:
        t.recall = sampled_recall(s.lm, search, texts, s.local, s.key)
    if s.carried is not None and "short-term" in roles:
        t.short = read_short(s.short or s.lm, texts, s.carried)
    if own is not None:
        if shared:
            assert t.values is not None
            assert t.p_knn is not None
            near = Neighborhoods(t.values, t.p_knn)
        else:
            of_its_own = Wanted(own.key, own.search, options.temperatures, K=K)
            near = Neighborhoods(*read_values(own.encoder, texts, s.local, of_its_own))
        scored = own.score(texts, near)
        t.own, t.gate, t.own_knn = scored.logp, scored.gate, scored.p_knn
    return t


def _shares_memory(s: Sources) -> bool:
    """Whether the method can use the base model's neighbors: same memory, same encoder, and enough of them."""
    if s.scorer is None or s.search is None or not _same_memory(s.search, s.scorer.search):
        return False
    return s.search.k >= s.scorer.K and s.scorer.encoder.weights_hash == s.lm.weights_hash


def _same_memory(one: Search | None, other: Search | None) -> bool:
    """Whether two searches use the same keys of the same entries."""
    if one is None or other is None or not isinstance(one.store, Datastore) or not isinstance(other.store, Datastore):
        return False
    return one.store.fingerprint == other.store.fingerprint and one.leave_out == other.leave_out


def tune(t: Tokens, options: Options) -> tuple[Chosen, list[dict[str, float]]]:
    """The settings with the smallest loss on validation tokens, and their perplexity by temperature and lambda."""
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
    if t.own is not None and t.own_knn is not None:
        lambdas = options.lambdas if len(options.lambdas) == 1 else (0.0, *options.lambdas)
        temperature, lam = best_of(grid(t.own[where], t.own_knn[where], lambdas), lambdas)
        c = replace(c, own_temperature=temperature, own_lam=lam)
    return c, table


def _held_out(t: Tokens, c: Chosen) -> HeldOut:
    assert t.features is not None
    assert t.p_knn is not None
    where = np.flatnonzero(t.predicted)
    return HeldOut(t.features[where], np.exp(t.logp[where]), t.p_knn[where, c.temperature])


def _gated(t: Tokens, where: np.ndarray, c: Chosen, gate: KnnGate) -> tuple[np.ndarray, dict[str, Any]]:
    """Losses with a learned gate, and its mean lambda and share of searches."""
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
        assert sources.scorer is not None
        lm, search, key = sources.scorer.encoder, sources.scorer.search, sources.scorer.key
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
    """(n, d) query keys of a sample of tokens from the beginning of the passages."""
    keys: list[np.ndarray] = []
    for piece in read_texts(lm, [p.ids[: 8 * sample] for p in passages], how, key, 8 * sample):
        keys.append(piece.keys.numpy()[:: max(1, len(piece) // sample)][:sample])
        break
    return np.concatenate(keys)
