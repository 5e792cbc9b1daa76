"""Gates between a model's distribution and p_kNN: how much weight the memory gets, token by token.

The simplest gate is one lambda for all tokens. He, Neubig & Berg-Kirkpatrick (Efficient nearest neighbor
language models, EMNLP 2021, section 3) predict it from a few features of the model's answer and of
the neighbors, with a small network trained on held-out text to make

    -log( lambda p_kNN(y) + (1 - lambda) p_LM(y) )

small, and leave out the search where the predicted lambda is low ("adaptive retrieval").

A gate is a class with four methods. `GATES` names those that are trained on held-out text and kept beside a datastore. A method
with a gate of its own makes it in its reader (`KnnReader.gate`); what such a gate learns, its system trains and keeps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from memlab.errors import InputError, NotFound
from memlab.memory.found import Found

BEFORE = ("entropy", "log max p")  # known before the search
FEATURES = (*BEFORE, "log nearest distance", "log distinct values")
LAMBDAS = np.round(np.linspace(0.0, 0.95, 20), 2)
_HIDDEN, _STEPS, _RATE = 16, 400, 0.02


@dataclass(frozen=True)
class HeldOut:
    """What a gate is trained on: features (n, 4), and (n,) probabilities of the tokens that followed."""

    features: np.ndarray
    p_lm: np.ndarray
    p_knn: np.ndarray

    def loss(self, lam: np.ndarray | float) -> float:
        """Mean loss in nats at these lambdas."""
        return float(-np.log(np.maximum(lam * self.p_knn + (1 - lam) * self.p_lm, 1e-30)).mean())


class KnnGate(ABC):
    """One gate. `kind` is its name; objects are frozen and can be written as JSON."""

    kind: ClassVar[str]
    reads_features: ClassVar[bool] = True
    saves_searches: ClassVar[bool] = False

    def asks(self, before: np.ndarray) -> np.ndarray:
        """(n,) whether memory is searched, from the features known before the search (n, 2)."""
        return np.ones(len(before), bool)

    @abstractmethod
    def weights(self, features: np.ndarray) -> np.ndarray:
        """(n,) lambda of each token, from all features (n, 4)."""

    @classmethod
    @abstractmethod
    def fit(cls, data: HeldOut, seed: int = 0) -> KnnGate:
        """The gate with the smallest loss on held-out tokens; the same seed gives the same gate."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, as `from_dict` reads them."""

    @classmethod
    @abstractmethod
    def from_dict(cls, record: Mapping[str, Any]) -> KnnGate: ...


@dataclass(frozen=True)
class Constant(KnnGate):
    """One lambda for all tokens, as in Khandelwal et al. (ICLR 2020)."""

    lam: float
    kind: ClassVar[str] = "constant"
    reads_features: ClassVar[bool] = False

    def weights(self, features: np.ndarray) -> np.ndarray:
        return np.full(len(features), self.lam)

    @classmethod
    def fit(cls, data: HeldOut, seed: int = 0) -> Constant:
        return cls(float(LAMBDAS[np.argmin([data.loss(float(lam)) for lam in LAMBDAS])]))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "lam": self.lam}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Constant:
        return cls(float(record["lam"]))


@dataclass(frozen=True)
class Network:
    """lambda = sigmoid(w2 . tanh(W1 z + b1) + b2), z the features standardized by `mean` and `scale`."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    W1: tuple[tuple[float, ...], ...]  # (F, H)
    b1: tuple[float, ...]
    w2: tuple[float, ...]
    b2: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        z = (features - np.asarray(self.mean)) / np.asarray(self.scale)
        score = np.tanh(z @ np.asarray(self.W1) + np.asarray(self.b1)) @ np.asarray(self.w2) + self.b2
        return 1.0 / (1.0 + np.exp(-score))

    @staticmethod
    def fit(features: np.ndarray, data: HeldOut, seed: int) -> Network:
        """Full-batch Adam from seeded random weights; the bias starts at the best constant lambda."""
        mean, scale = features.mean(0), features.std(0) + 1e-6
        z = torch.from_numpy((features - mean) / scale).float()
        p_lm, p_knn = torch.from_numpy(data.p_lm).float(), torch.from_numpy(data.p_knn).float()
        random_ = torch.Generator().manual_seed(seed)
        start = float(np.clip(Constant.fit(data).lam, 0.02, 0.98))
        W1 = (0.5 * torch.randn(z.shape[1], _HIDDEN, generator=random_)).requires_grad_()
        b1 = torch.zeros(_HIDDEN, requires_grad=True)
        w2 = (0.1 * torch.randn(_HIDDEN, generator=random_)).requires_grad_()
        b2 = torch.tensor(float(np.log(start / (1 - start))), requires_grad=True)
        optimizer = torch.optim.Adam([W1, b1, w2, b2], lr=_RATE, weight_decay=1e-4)
        for _ in range(_STEPS):
            lam = torch.sigmoid(torch.tanh(z @ W1 + b1) @ w2 + b2)
            loss = -torch.log((lam * p_knn + (1 - lam) * p_lm).clamp_min(1e-30)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        weights = {"W1": W1, "b1": b1, "w2": w2, "b2": b2}
        plain = {name: t.detach().double().tolist() for name, t in weights.items()}
        return Network.from_dict({"mean": mean.tolist(), "scale": scale.tolist(), **plain})

    @staticmethod
    def from_dict(record: Mapping[str, Any]) -> Network:
        """From plain lists, which become tuples, so that a network is hashable."""
        flat = {name: tuple(record[name]) for name in ("mean", "scale", "b1", "w2")}
        return Network(W1=tuple(tuple(row) for row in record["W1"]), b2=float(record["b2"]), **flat)


@dataclass(frozen=True)
class Learned(KnnGate):
    """lambda from all four features."""

    network: Network
    kind: ClassVar[str] = "learned"

    def weights(self, features: np.ndarray) -> np.ndarray:
        return self.network(features)

    @classmethod
    def fit(cls, data: HeldOut, seed: int = 0) -> Learned:
        return cls(Network.fit(data.features, data, seed))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "features": list(FEATURES), "network": asdict(self.network)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Learned:
        return cls(Network.from_dict(record["network"]))


@dataclass(frozen=True)
class Skip(KnnGate):
    """lambda from the two features known before the search; below `threshold` memory is not searched at all.

    The threshold is that of the paper's experiment: half of the held-out tokens lie below it.
    """

    network: Network
    threshold: float
    kind: ClassVar[str] = "skip"
    saves_searches: ClassVar[bool] = True
    share: ClassVar[float] = 0.5

    def asks(self, before: np.ndarray) -> np.ndarray:
        return self.network(before) >= self.threshold

    def weights(self, features: np.ndarray) -> np.ndarray:
        lam = self.network(features[:, : len(BEFORE)])
        return np.where(lam >= self.threshold, lam, 0.0)

    @classmethod
    def fit(cls, data: HeldOut, seed: int = 0) -> Skip:
        before = data.features[:, : len(BEFORE)]
        network = Network.fit(before, data, seed)
        return cls(network, float(np.quantile(network(before), cls.share)))

    def to_dict(self) -> dict[str, Any]:
        features = list(BEFORE)
        return {
            "kind": self.kind,
            "features": features,
            "threshold": self.threshold,
            "network": asdict(self.network),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Skip:
        return cls(Network.from_dict(record["network"]), float(record["threshold"]))


GATES: dict[str, type[KnnGate]] = {gate.kind: gate for gate in (Constant, Learned, Skip)}


def gate_class(kind: str) -> type[KnnGate]:
    """The class of a gate by its name. Raises NotFound with the names that exist."""
    if kind not in GATES:
        raise NotFound.named("gate", kind, GATES)
    return GATES[kind]


def read_gate(record: Mapping[str, Any]) -> KnnGate:
    """A gate from its JSON record. Raises InputError when it is damaged."""
    try:
        return gate_class(record["kind"]).from_dict(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"The saved gate is damaged ({error!r}). Train it again.") from error


def features_before(logits: Tensor) -> np.ndarray:
    """(n, 2) entropy in nats and log of the largest probability, from scores (n, V)."""
    logp = logits.log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)
    return torch.stack([entropy, logp.amax(-1)], dim=1).double().numpy()


def features_after(found: Found) -> np.ndarray:
    """(n, 2) log of the nearest squared distance, and of the number of distinct values among the neighbors.

    Where nothing was found both are 0.
    """
    values = np.sort(found.values, axis=1)
    real = values >= 0
    distinct = (real & np.diff(values, axis=1, prepend=-1).astype(bool)).sum(1)
    nearest = found.distances[:, :1].min(axis=1, initial=np.inf)
    return np.stack(
        [np.where(np.isfinite(nearest), np.log(np.maximum(nearest, 1e-6)), 0.0), np.log(np.maximum(distinct, 1))],
        axis=1,
    )
