"""The answer to one prompt, and everything that says why."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.results.distribution import Distribution
from memlab.results.gate import Gate
from memlab.results.tables import csv_text
from memlab.serialize import as_json

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Neighbor:
    """One remembered entry that was close to the question.

    `distance` is what the method uses (squared L2, or L2), `weight` the entry's
    share of p_kNN. `left` and `right` are the text around the remembered `value`; `start` and `end`
    its character span in the article `document`. `source` is "base" or "edit:<seq>".
    """

    rank: int
    entry: int
    id: int
    token: str
    distance: float
    weight: float
    left: str
    value: str
    right: str
    document: str
    start: int
    end: int
    source: str = "base"

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class PromptToken:
    """One token of the prompt as the model reads it.

    `known` is False for a token that the model's training text never contained (only recorded for
    the bundled models; None elsewhere).
    """

    text: str
    id: int
    start: int
    end: int
    known: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class TippingPoint:
    """The value of the gate at which the answer of the other side takes over.

    Where distributions are mixed, `lam` is the lambda above which memory's answer beats the model's: for model answer
    a and memory answer b, lambda* = D_LM / (D_LM + D_kNN) with D_LM = p_LM(a) - p_LM(b) and
    D_kNN = p_kNN(b) - p_kNN(a). None where they agree.
    `others` are words that win for some lambda strictly between 0 and 1 although neither model nor
    memory puts them first: (word, from lambda, to lambda). Where vectors are mixed, `lam` is the smallest g from which
    on the model's answer holds (found by halving), and `symbol` says so.
    """

    lam: float | None
    model_answer: str
    memory_answer: str
    others: tuple[tuple[str, float, float], ...] = ()
    symbol: str = "λ"

    def to_dict(self) -> dict[str, Any]:
        return {**as_json(self), "others": [{"token": t, "from": a, "to": b} for t, a, b in self.others]}


@dataclass(frozen=True)
class Timings:
    """Wall-clock milliseconds of one question; 0 where the result was cached."""

    encode: float = 0.0
    search: float = 0.0
    mix: float = 0.0
    total: float = 0.0

    def to_dict(self) -> dict[str, float]:
        return as_json(self)


@dataclass(frozen=True)
class Prediction:
    """The answer to one prompt: model, memory, mixture, and why.

    `lm`, `knn` and `mixture` are complete distributions over the same words. `prompt_tokens` is how
    the model read the prompt; `articles` the titles that article search chose (empty when all
    entries were searched), `searched` how many entries were compared of `entries` in the store.
    `without` are entries that were left out as if they had been forgotten.
    Of a method that mixes vectors, `lm` and `knn` are its distributions without memory and from memory alone, and
    `counterfactuals` its distributions with the gate g forced to "0" and "1".
    `notices` are plain sentences that a page should show (an unknown word, a store still being built).
    """

    prompt: str
    method: str
    model: str
    kind: str
    datastore: str
    workspace: str
    as_of: int
    settings: Mapping[str, Any]
    lm: Distribution
    knn: Distribution
    mixture: Distribution
    gate: Gate
    neighbors: tuple[Neighbor, ...]
    prompt_tokens: tuple[PromptToken, ...]
    tipping: TippingPoint
    articles: tuple[str, ...] = ()
    searched: int = 0
    entries: int = 0
    without: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()
    timings: Timings = field(default_factory=Timings)
    counterfactuals: Mapping[str, Distribution] = field(default_factory=dict)

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """Typed words that the model's training text never contained, in the prompt's order."""
        words: list[tuple[str, int, bool]] = []  # text, end, met
        for t in self.prompt_tokens:
            met = t.known is not False
            if words and t.start == words[-1][1] and t.text[:1].isalnum() and words[-1][0][-1:].isalnum():
                text, _, so_far = words.pop()
                words.append((text + t.text, t.end, so_far and met))
            else:
                words.append((t.text, t.end, met))
        return tuple(dict.fromkeys(text for text, _, met in words if not met))

    @property
    def answer(self) -> str:
        """The most probable word of the mixture."""
        return self.mixture[0].token

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Plain JSON types. `top=n` cuts the distributions to n words and adds the mass of the rest."""
        parts = {"lm": self.lm, "knn": self.knn, "mixture": self.mixture}
        out: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            **as_json(
                self, "prompt", "method", "model", "kind", "datastore", "workspace", "as_of", "settings", "answer"
            ),
            **{name: d.to_list(top) for name, d in parts.items()},
            "gate": self.gate.to_dict(),
            "gate_info": self.gate.info.to_dict(),
            **as_json(self, "tipping", "neighbors", "prompt_tokens", "unknown_words", "articles"),
            **as_json(self, "searched", "entries", "without", "notices"),
            "timings_ms": self.timings.to_dict(),
        }
        if self.counterfactuals:
            out["counterfactuals"] = {g: d.to_list(top) for g, d in self.counterfactuals.items()}
        if top is not None:
            out["rest"] = {name: max(0.0, 1.0 - sum(w.p for w in d.top(top))) for name, d in parts.items()}
        return out

    def formula(self, times: str = "×", digits: int = 2) -> str:
        """How p of the answer is computed, in numbers: lambda p_kNN + (1 - lambda) p_LM, or its form for vectors."""
        best, lam, g = self.mixture[0], self.gate.knn_weight, self.gate.local_weight
        model, memory, p = (f"{x:.{digits}f}" for x in (self.lm.of(best.id), self.knn.of(best.id), best.p))
        if g is None:
            return f"{lam:.{digits}f} {times} {memory} + {1 - lam:.{digits}f} {times} {model} = {p}"
        mixed, symbol = f"softmax of W({1 - g:.{digits}f} m + {g:.{digits}f} h) = {p}", self.gate.info.symbol
        return f"{mixed}; without memory ({symbol} = 1) {model}, by memory alone ({symbol} = 0) {memory}"

    def neighbors_csv(self) -> str:
        """The neighbor table as CSV text, the same rows as `neighbors`."""
        columns = ("rank", "value", "weight", "distance", "left", "right", "document", "entry", "source")
        return csv_text([n.to_dict() for n in self.neighbors], columns)

    def _repr_html_(self) -> str:
        """How a notebook displays a prediction: the three answers, the formula and the neighbors."""
        e = html.escape
        rows = "".join(
            f"<tr><td>{n.rank}</td><td><b>{e(n.value)}</b></td><td>{n.weight:.3f}</td><td>{n.distance:.3f}</td>"
            f"<td style='text-align:left'>{e(n.left[-60:])}<mark>{e(n.value)}</mark>{e(n.right[:60])}</td>"
            f"<td>{e(n.document)}</td></tr>"
            for n in self.neighbors[:8]
        )
        return (
            f"<div><p><b>{e(self.prompt)}</b> &rarr; <b>{e(self.answer)}</b></p>"
            f"<p>model: {e(self.lm[0].token)} ({self.lm[0].p:.2f}) &middot; "
            f"memory: {e(self.knn[0].token)} ({self.knn[0].p:.2f}) &middot; "
            f"mixture: {e(self.formula())}</p>"
            "<table><tr><th>#</th><th>value</th><th>weight</th><th>distance</th><th>context</th><th>article</th></tr>"
            f"{rows}</table></div>"
        )
