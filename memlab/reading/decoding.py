"""Decoding: choosing a word of a distribution.

Temperature sharpens or flattens the distribution (p^(1/T), renormalized; 0 takes the most
probable word). Nucleus sampling (Holtzman et al., The curious case of neural text degeneration, ICLR 2020)
then keeps the smallest set of most probable words that together have at least probability `top_p`.

With memory it is the *mixture* that is decoded, not the model's part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.declare import setting


@dataclass(frozen=True)
class Decoding:
    """How words are chosen. The defaults are greedy."""

    temperature: float = setting(
        0.0,
        "sampling temperature",
        "0 always takes the most probable word of the mixture. Larger: less probable words are taken more often.",
        low=0.0,
        high=10.0,
        step=0.05,
    )
    top_p: float = setting(
        1.0,
        "top-p",
        "Draws only from the most probable words that together reach this probability; 1 is all words.",
        low=0.001,
        high=1.0,
        step=0.001,
    )
    seed: int = setting(
        0, "seed", "The same seed draws the same words. Greedy decoding draws nothing.", low=0, high=999_999, step=1
    )


def nucleus(p: np.ndarray, decoding: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """The words that can be drawn and their probabilities (sum 1), most probable first; `temperature` above 0.

    Args:
        p: (V,) float64 probabilities.
    """
    words = np.argsort(-p, kind="stable")
    words = words[p[words] > 0]
    scores = np.log(p[words]) / decoding.temperature
    q = np.exp(scores - scores[0])
    q /= q.sum()
    reached = int(np.searchsorted(np.cumsum(q), decoding.top_p - 1e-12)) + 1  # the first set that has top_p
    q = q[:reached]
    return words[: len(q)], q / q.sum()


def choose(p: np.ndarray, decoding: Decoding, position: int) -> int:
    """The id of the word chosen from a distribution (V,) for the token at `position` of a text.

    The random number depends on seed and position alone. So a text that is continued from its middle continues
    as it would have, and runs with and without memory draw the same numbers.
    """
    if decoding.temperature == 0:
        return int(p.argmax())
    words, q = nucleus(p, decoding)
    drawn = np.random.default_rng((decoding.seed, position)).random()
    return int(words[min(int(np.searchsorted(np.cumsum(q), drawn, side="right")), len(q) - 1)])
