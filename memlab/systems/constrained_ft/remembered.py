"""The same edit in a memory, for editing benchmarks: facts as entries, of which those of one case get the new object.

    p(y|x) = lambda p_kNN(y|x) + (1 - lambda) p_LM(y|x)

with the key and the distance of the kNN method for the model's kind (kNN-LM, BERT-kNN). The memory holds one entry for
each token of each case's old object, and entries of ordinary text; all entries are neighbors. lambda is 0.5, so that a
memory with p_kNN near 1 decides the answer. The temperature is a quarter of the median distance from a fact's entry to
the nearest entry of another case or of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from memlab.declare import Method, checked
from memlab.lm.model import LanguageModel
from memlab.reading.mixing import knn_distances, mix, remember
from memlab.systems.constrained_ft.alarms import batches
from memlab.systems.constrained_ft.cases import Case
from memlab.systems.constrained_ft.gaps import BATCH, Gap, gap

LAM = 0.5
SPREAD = 0.25  # temperature, in units of the median distance between neighboring entries
TEXT = -1  # the case of entries that belong to ordinary text


@dataclass(frozen=True, eq=False)
class FactMemory:
    """Facts and ordinary text as entries.

    Args:
        keys, values: (N, d) float32 and (N,) token ids. owner: (N,) the case of each entry, `TEXT` for ordinary text.
    """

    lm: LanguageModel
    method: Method
    key: str
    keys: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    owner: np.ndarray = field(repr=False)
    temperature: float

    def settings(self) -> dict[str, Any]:
        """The settings of the memory."""
        return {
            "method": self.method.name, "key": self.key, "lam": LAM, "temperature": self.temperature, "entries": len(self.values),
        }  # fmt: skip

    def corrected(self, case: int, sentence: str, new: str) -> FactMemory:
        """The memory in which the entries of one case have the new object."""
        keys, values = entries(self.lm, self.key, [gap(self.lm, sentence, new)])
        stays = self.owner != case
        return replace(
            self, keys=np.concatenate([self.keys[stays], keys]), values=np.concatenate([self.values[stays], values]),
            owner=np.concatenate([self.owner[stays], np.full(len(values), case)]),
        )  # fmt: skip

    def scores(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """(n, V) float64 log-probabilities of the mixture at chosen positions of a padded batch."""
        read = self.lm.encode(ids, mask, rows, columns, (self.key,))
        assert read.logp is not None
        far = self._distances(read.keys[self.key].numpy())
        mixed = [
            mix(alone, remember(-d / self.temperature, self.values, self.lm.V).logp, LAM)
            for alone, d in zip(read.logp.double().numpy(), far, strict=True)
        ]
        return torch.from_numpy(np.stack(mixed))

    def perplexity(self, text: ReadText) -> float:
        """The perplexity of a text that the model has read; no forward pass is needed."""
        near = -self._distances(text.keys) / self.temperature  # (n, N)
        weight = np.exp(near - near.max(axis=1, keepdims=True))
        hit = self.values[None] == text.targets[:, None]
        p_knn = (weight * hit).sum(1) / weight.sum(1)
        return float(np.exp(-np.log(LAM * p_knn + (1 - LAM) * text.p).mean()))

    def _distances(self, queries: np.ndarray) -> np.ndarray:
        return knn_distances(self.method, _squared(queries, self.keys))


@dataclass(frozen=True, eq=False)
class ReadText:
    """The predicted tokens of a text: keys (n, d), target ids (n,), and the model's own probabilities of them (n,)."""

    keys: np.ndarray
    targets: np.ndarray
    p: np.ndarray


@torch.inference_mode()
def read_text(lm: LanguageModel, key: str, text: Sequence[Gap]) -> ReadText:
    """What the perplexity of any memory needs of a text, from one reading of it."""
    keys, targets, p = [], [], []
    for part in batches(text):
        ids, mask = lm.pad([g.ids for g in part])
        rows, columns = _places(part)
        read = lm.encode(ids, mask, rows, columns, (key, "last"), logp=False).keys
        wanted = torch.tensor([t for g in part for t in g.targets])
        keys.append(read[key].numpy())
        targets.append(wanted.numpy())
        p.append((-F.cross_entropy(lm.head(read["last"]), wanted, reduction="none")).double().exp().numpy())
    return ReadText(np.concatenate(keys), np.concatenate(targets), np.concatenate(p))


def fact_memory(lm: LanguageModel, method: Method, cases: Sequence[Case], text: Sequence[Gap]) -> FactMemory:
    """The memory before any edit: the cases with their old objects, and the tokens of a text."""
    key = checked(method.settings, {}).key
    facts = [gap(lm, case.prompt, case.old) for case in cases]
    keys, values = entries(lm, key, [*facts, *text])
    owner = np.repeat([*range(len(facts)), *(TEXT for _ in text)], [len(g.targets) for g in (*facts, *text)])
    own = np.flatnonzero(owner != TEXT)
    far = knn_distances(method, _squared(keys[own], keys))
    far[owner[own][:, None] == owner[None]] = np.inf
    nearest = far.min(axis=1)
    spread = float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 1.0
    return FactMemory(lm, method, key, keys, values, owner, max(SPREAD * spread, 1e-6))


def entries(lm: LanguageModel, key: str, gaps: Sequence[Gap]) -> tuple[np.ndarray, np.ndarray]:
    """Keys (N, d) and values (N,) of every token of some gaps, in their order."""
    keys = []
    for at in range(0, len(gaps), BATCH):
        part = gaps[at : at + BATCH]
        ids, mask = lm.pad([g.ids for g in part])
        rows, columns = _places(part)
        keys.append(lm.encode(ids, mask, rows, columns, (key,), logp=False).keys[key].numpy())
    return np.concatenate(keys).astype(np.float32), np.array([t for g in gaps for t in g.targets])


def _places(gaps: Sequence[Gap]) -> tuple[Tensor, Tensor]:
    """Row and column of every token of every gap."""
    rows = torch.tensor([r for r, g in enumerate(gaps) for _ in g.positions])
    return rows, torch.tensor([c for g in gaps for c in g.positions])


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, N) squared distances, never below 0."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return np.maximum((x**2).sum(1)[:, None] - 2 * x @ y.T + (y**2).sum(1)[None], 0.0)
