"""Toy methods whose gates are declared in every way: which end is the model, what is known of the curve, what is mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memlab.declare import Method, System, checked, setting
from memlab.reading.knn_reader import whole_store
from memlab.reading.mixture import Mixture, MixtureInputs, Sides, knn_probabilities, padded
from memlab.reading.reader import House, Mixer, Reader, Request, Sources
from memlab.reading.states import Search
from memlab.results import GateInfo

GATE = 0.3  # the value of every gate here

REVERSED = GateInfo("toy", "w", "the memory", ("the model alone", "the memory alone"), True, "vectors")
USUAL = GateInfo("toy", "u", "the model", ("the memory alone", "the model alone"), True, "vectors")
WORDED = replace(REVERSED, model_at=0, curve="log-linear", retrieved="remembered words", own="own guess", share="share")
SUM = replace(REVERSED, mixes="distributions", curve="linear")
SUM_REVERSED = replace(USUAL, mixes="distributions", curve="linear")
GATES = {
    "toy-reversed": REVERSED,
    "toy-usual": USUAL,
    "toy-worded": WORDED,
    "toy-bent": REVERSED,
    "toy-sum": replace(SUM, model_at=None),
    "toy-sum-reversed": replace(SUM_REVERSED, model_at=None),
    "toy-wrong": replace(REVERSED, model_at=1),
    "toy-wrong-bent": replace(WORDED, kind="bent"),
    "toy-wrong-sum": replace(SUM, model_at=1),
}


def model_at(name: str) -> int:
    """Where the method really answers as the model alone."""
    return int(name in ("toy-usual", "toy-sum-reversed"))


@dataclass(frozen=True)
class Settings:
    """Of all toys."""

    k: int = setting(8, "neighbors k", "How many remembered entries are averaged.", low=1, high=64)


@dataclass(frozen=True)
class ToyMixture(Mixture):
    """log p = (1 - w) log p_LM + w log p_memory, or a sum; a bent one has w^2 for w. w is the gate, or 1 minus the gate."""

    inputs: MixtureInputs
    name: str

    @property
    def words(self) -> int:  # type: ignore[override]
        return self.inputs.words

    @property
    def gate(self) -> GateInfo:  # type: ignore[override]
        return GATES[self.name]

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        given, g = self.inputs, GATE if force is None else force
        assert given.found is not None
        logp = given.states.scores_at(given.lm, rows).double().log_softmax(-1)
        lm, values = padded(logp, given.words), given.found.values[rows]
        weights = np.full(values.shape, 1 / values.shape[1])
        knn = 0.999 * knn_probabilities(weights, values, given.words, lm.dtype) + 0.001 / given.words
        w = 1 - g if model_at(self.name) else g
        w = w * w if self.name.endswith("bent") else w
        if self.gate.mixes == "vectors":
            both = ((1 - w) * lm.log() + w * knn.log()).log_softmax(-1).exp()
        else:
            both = (1 - w) * lm + w * knn
        nothing = np.zeros(len(rows))
        return Sides(lm, knn, None, both, np.full(len(rows), g), weights, logp, both.log(), nothing)


@dataclass(frozen=True)
class ToyMixer(Mixer):
    """Mixes as the method of that name."""

    name: str
    takes_cache = False

    @property
    def gate(self) -> GateInfo:  # type: ignore[override]
        return GATES[self.name]

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        return ToyMixture(inputs, self.name)


class ToyReader(Reader):
    """A causal model and the datastore of its own states."""

    def sources(self, request: Request, house: House) -> Sources:
        s = checked(self.method.settings, request.settings)
        name = request.datastore or house.default_store(request.model, "causal")
        house.make_ready(name, request.progress)
        lm, base, notices = house.model_and_store(request.model, name, self.method, "ffn")
        base = whole_store(base)
        return Sources(
            lm=house.weights(lm, request.as_of),
            base=lm,
            key="ffn",
            mixer=ToyMixer(self.method.name),
            head=house.head(request.as_of),
            search=Search(house.edited(base, lm, "ffn", request.as_of), s.k, request.leave_out),
            datastore=base.name,
            settings=s,
            notices=tuple(notices),
            store_base=base,
        )


class OwnReader(Reader):
    """Stands for a reader of another kind of model: it brings one, whatever memlab ships."""

    def sources(self, request: Request, house: House) -> Sources:
        from memlab.reading.reader import ModelAlone

        checked(self.method.settings, request.settings)
        lm = house.load("atlas-clm")
        return Sources(lm, lm, "last", ModelAlone(), house.head(request.as_of))


class NoModelReader(Reader):
    """Looks for a model of its kind where memlab ships none."""

    def sources(self, request: Request, house: House) -> Sources:
        lm = house.load(request.model or house.default_model(self.method.kind))
        return Sources(lm, lm, "last", None, house.head(request.as_of))  # type: ignore[arg-type]


def _method(name: str, **other: Any) -> Method:
    declared = {
        "kinds": ("causal",),
        "reader": f"{__name__}:ToyReader",
        "abilities": ("ask", "read", "generate", "sweep"),
        **other,
    }
    return Method(
        name=name, title=f"Toy {name[4:]}", paper="a toy of the tests", help="A gate that is declared in its own way.",
        settings=Settings, unable={"explain": "Vectors have no shares."}, **declared,
    )  # fmt: skip


SYSTEM = System(
    name="toy_gates",
    title="Toy gates",
    paper="a toy of the tests",
    group="Toys",
    summary="Methods whose gates are declared in every way that is allowed, and in three that contradict the method.",
    methods=(
        *(_method(name) for name in GATES),
        _method("toy-own", kinds=("seq2seq",), reader=f"{__name__}:OwnReader", abilities=("ask",), remembers=False),
        _method("toy-none", kinds=("seq2seq",), reader=f"{__name__}:NoModelReader", abilities=("ask",)),
    ),
)
