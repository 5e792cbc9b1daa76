"""Columns of a perplexity table for methods with their own models: log p of every token by the method's own mixture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from memlab.evaluate.token_losses import Texts
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Windows
from memlab.reading.states import Search


@dataclass(frozen=True)
class Scored:
    """A method's predictions for N tokens; NaN where a token is not predicted.

    logp: (N,) log p of the token that followed. gate: (N,) the value of its gate.
    p_knn: (N, T) p_kNN with the keys of its memory, by temperature.
    """

    logp: np.ndarray
    gate: np.ndarray
    p_knn: np.ndarray


@dataclass(frozen=True)
class Neighborhoods:
    """Neighbors that are known already: values (N, K) of the first ones, and p_kNN (N, T)."""

    values: np.ndarray
    p_knn: np.ndarray


class Scorer(ABC):
    """A method's scores on running text.

    name: of the method. K: how many retrieved values it needs. search, encoder, key: its memory, and the model and
    representation of its queries. local: how the encoder reads.
    """

    name: str
    K: int
    search: Search
    encoder: LanguageModel
    key: str
    local: Windows

    @abstractmethod
    def score(self, texts: Texts, near: Neighborhoods) -> Scored:
        """log p of every token, given the values that were retrieved for it."""


@dataclass(frozen=True)
class ScorerOptions:
    """The run that a scorer is for: model of the method (None: its own), base model and its windows, short-term memory
    (None: as trained), number of neighbors of p_kNN (None: calibrated), and which entries are excluded."""

    model: str | None
    base: LanguageModel
    local: Windows
    memory: int | None
    k: int | None
    leave_out: str
