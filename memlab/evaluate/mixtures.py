"""Losses from the measurements of each token: every temperature and lambda from one search, tuning, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memlab.evaluate.token_losses import THETAS, Tokens

LAMBDAS = tuple(float(x) for x in np.round(np.linspace(0.05, 0.95, 19), 2))
CACHE_LAMBDAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
BLOCK = 256  # adjacent tokens are drawn together, since they are not independent
_DRAWS = 1000


@dataclass(frozen=True)
class Chosen:
    """Tuned settings: indices in the grids of temperatures and thetas, and lambdas."""

    temperature: int = 0
    lam: float = 0.25
    theta: int = THETAS.index(1.0)
    lam_cache: float = 0.1
    own_temperature: int = 0
    own_lam: float = 0.25


def mixed(logp: np.ndarray, p: np.ndarray, lam: float | np.ndarray) -> np.ndarray:
    """(n,) loss -ln((1 - lambda) e^logp + lambda p) in nats; lambda 0 gives exactly the model's loss."""
    if isinstance(lam, float) and lam == 0.0:
        return -logp
    with np.errstate(divide="ignore"):  # at lambda 1, a word that is not a neighbor's value has probability 0
        return -np.logaddexp(np.log1p(-np.asarray(lam)) + logp, np.log(np.asarray(lam)) + np.log(p))


def with_cache(t: Tokens, where: np.ndarray, c: Chosen) -> np.ndarray:
    """(n,) log of (1 - lambda_c) p_LM + lambda_c p_cache; the model alone before the first word of a text."""
    assert t.p_cache is not None
    p = t.p_cache[where, c.theta]
    loss = mixed(t.logp[where], np.nan_to_num(p), c.lam_cache)
    return np.where(np.isnan(p), t.logp[where], -loss)


def grid(logp: np.ndarray, p: np.ndarray, lambdas: Sequence[float] = LAMBDAS) -> np.ndarray:
    """(T, L) mean loss for every column of p (n, T) and every lambda."""
    return np.array([[mixed(logp, column, lam).mean() for lam in lambdas] for column in p.T])


def best_of(table: np.ndarray, lambdas: Sequence[float] = LAMBDAS) -> tuple[int, float]:
    """The position of the smallest mean loss: (column, lambda)."""
    column, lam = np.unravel_index(int(table.argmin()), table.shape)
    return int(column), lambdas[int(lam)]


def interval(losses: np.ndarray, seed: int = 0) -> list[float]:
    """95% percentile interval of the perplexity of `losses` (n,) in nats, by a bootstrap over blocks of 256 tokens.

    1,000 draws of whole blocks with replacement. A single block cannot be resampled: both ends are then its perplexity.
    """
    from scipy.stats import bootstrap  # at first use: it takes a second to import

    starts = np.arange(0, len(losses), BLOCK)
    sums, sizes = np.add.reduceat(losses, starts), np.diff(starts, append=len(losses))
    if len(starts) == 1:
        return [float(np.exp(losses.mean()))] * 2
    drawn = bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),  # the mean loss of a token
        paired=True,
        n_resamples=_DRAWS,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    return [float(np.exp(end)) for end in drawn.confidence_interval]


def over_models(perplexities: Sequence[float]) -> list[float]:
    """95% interval of the mean perplexity of at least two models (Student's t)."""
    from scipy.stats import sem, t  # at first use: it takes a second to import

    x = np.asarray(perplexities)
    return [float(end) for end in t.interval(0.95, len(x) - 1, loc=x.mean(), scale=sem(x))]


Losses = Callable[[Tokens, np.ndarray, Chosen], np.ndarray]

# role of a column -> (n,) losses of the tokens `where`. "own": the mixture of a method with its own models.
ROLES: dict[str, Losses] = {
    "base": lambda t, where, c: -t.logp[where],
    "short-term": lambda t, where, c: -_some(t.short)[where],
    "cache": lambda t, where, c: -with_cache(t, where, c),
    "memory": lambda t, where, c: mixed(t.logp[where], _some(t.p_knn)[where, c.temperature], c.lam),
    "memory+cache": lambda t, where, c: mixed(with_cache(t, where, c), _some(t.p_knn)[where, c.temperature], c.lam),
    "own": lambda t, where, c: -_some(t.own)[where],
    "own+memory": lambda t, where, c: mixed(_some(t.own)[where], _some(t.own_knn)[where, c.own_temperature], c.own_lam),
}


def _some(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return array
