"""A second small system, declared as a package from outside would declare it: a masked method that mixes scores before the
softmax, a kind of edit that changes them, a recipe, a study with Stop, a chapter and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from memlab.declare import Chapter, Method, Recipe, ReportedTable, Study, System, checked, setting
from memlab.errors import InputError, StoppedError
from memlab.evaluate.text_models import TextTraining
from memlab.reading.mixture import Mixture, MixtureInputs, Sides, knn_probabilities, knn_weights, padded
from memlab.reading.reader import House, Mixer, Reader, Request, Sources
from memlab.reading.states import Search
from memlab.reading.workspace import OpenLab
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, Parameters, kind
from memlab.record.memory_edits import edit_of
from memlab.record.new_rows import ANONYMOUS
from memlab.results import Edit
from memlab.results.gate import GateInfo

BOOST, BOOSTS = "boost word", "boosts"
FLOOR = 1e-6  # of the memory's probabilities: scores are logarithms
GATE = GateInfo(
    "blend",
    "w",
    "the memory's scores",
    ("the model's scores alone", "the memory's scores alone"),
    learned=False,
    mixes="vectors",
    model_at=0,
    retrieved="scores of the memory",
    own="scores of the model",
    curve="log-linear",
)


@dataclass(frozen=True)
class Settings:
    """Of the method."""

    k: int = setting(16, "neighbors k", "How many remembered entries are asked.", low=1, high=1024, log=True)
    temperature: float = setting(10.0, "temperature T", "Divides the distances.", low=0.01, high=1000.0, log=True)
    weight: float = setting(0.3, "weight w", "Weight of the memory's scores.", low=0.0, high=1.0, step=0.01)
    key: str = setting("transform", "key", "Which representation is compared.", choices=("transform", "last"))


@dataclass(frozen=True)
class Blend(Mixture):
    """softmax((1 - w) log p_LM + w log p_memory): scores are mixed, and no distributions.

    boosts: (V',) what edits add to the memory's score of each word before p_memory is made of them.
    """

    inputs: MixtureInputs
    weight: float
    temperature: float
    boosts: torch.Tensor
    gate: GateInfo = GATE

    @property
    def words(self) -> int:  # type: ignore[override]
        return self.inputs.words

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        given = self.inputs
        logp = given.states.scores_at(given.lm, rows).double().log_softmax(-1)
        model = padded(logp, given.words)
        if given.found is None:
            none = np.full(len(rows), np.nan), np.zeros((len(rows), 0))
            return Sides(model, None, None, model, *none, logp, logp, np.zeros(len(rows)))
        weights = knn_weights(given.found.distances[rows], self.temperature)
        near = knn_probabilities(weights, given.found.values[rows], given.words, model.dtype)
        memory = ((near + FLOOR).log() + self.boosts).log_softmax(-1)
        w = self.weight if force is None else force
        own = (
            model.log() if w < 1 else torch.zeros_like(model)
        )  # words that only memory knows have no score of the model's
        mixed = ((1 - w) * own + w * memory).log_softmax(-1)
        told = np.full(len(rows), w), weights
        return Sides(model, memory.exp(), None, mixed.exp(), *told, logp, mixed, np.zeros(len(rows)))


@dataclass(frozen=True)
class BlendMixer(Mixer):
    """The same for what is read later."""

    settings: Settings
    boosts: Mapping[str, float]
    gate = GATE
    takes_cache = False

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        boosts = torch.zeros(inputs.words, dtype=torch.float64)
        for word, by in self.boosts.items():
            if word in inputs.lm.words:
                boosts[inputs.lm.words.index(word)] = by
        return Blend(inputs, self.settings.weight, self.settings.temperature, boosts)


class BlendReader(Reader):
    """Asks the datastore of a masked model, as the workspace sees it."""

    def sources(self, request: Request, house: House) -> Sources:
        s = checked(Settings, request.settings)
        name = request.datastore or house.default_store(request.model, "masked")
        house.make_ready(name, request.progress)
        lm, base, notices = house.model_and_store(request.model, name, self.method, s.key)
        store = house.edited(base, lm, s.key, request.as_of)
        return Sources(
            lm=house.weights(lm, request.as_of),
            base=lm,
            key=s.key,
            mixer=BlendMixer(s, house.state(BOOSTS, request.as_of)),
            head=house.head(request.as_of),
            search=Search(store, min(s.k, len(store)), request.leave_out),
            datastore=base.name,
            settings=s,
            notices=tuple(notices),
            store_base=base,
        )


def check_boost(parameters: Parameters, sequence: int) -> None:
    """A word, and by how much."""
    if parameters.keys() != {"word", "by"} or not isinstance(parameters["word"], str):
        raise InputError("needs a word, and by how much its score rises (`by`)")
    if isinstance(parameters["by"], bool) or not isinstance(parameters["by"], int | float):
        raise InputError(f"has {parameters['by']!r} for `by`; allowed is a number")


def read_boost(row: EditRow) -> tuple[str, float]:
    """Word and amount of one edit."""
    return str(row.parameters["word"]), float(row.parameters["by"])


def add_up(effects: Sequence[tuple[str, float]], head: int) -> dict[str, float]:
    """Word -> what all active edits add to its score."""
    out: dict[str, float] = {}
    for word, by in effects:
        out[word] = out.get(word, 0.0) + by
    return out


def say_boost(parameters: Parameters) -> str:
    """One line for the history."""
    return f"Score of {parameters['word']!r} raised by {parameters['by']:g}"


class Boosting:
    """What the toy adds to the lab: `lab.boosts`, and its verb `lab.boost`."""

    def __init__(self, lab: OpenLab) -> None:
        self.context = lab.context

    def boost(self, word: str, by: float) -> Edit:
        """Raises the memory's score of a word; an edit like any other.

        Args:
            by: how much, in nats.

        Raises:
            InputError: the word or the amount cannot be used.
        """
        parameters = {"word": word, "by": by}
        wrong = kind(BOOST).wrong_with(parameters, 0)
        if wrong is not None:
            raise InputError(f"The boost {wrong}.")
        summary = kind(BOOST).summarized(parameters)
        row = self.context.ledger.append(BOOST, summary, parameters)
        return edit_of(row, BOOST, summary, parameters, ANONYMOUS, self.context.workspace, row.sequence)


@dataclass(frozen=True)
class TallySettings:
    """Of the study."""

    piece: int = setting(500, "piece", "Entries that are counted between two looks at Stop.", low=1, high=100_000)
    top: int = setting(5, "top", "How many of the most frequent words are listed.", low=1, high=100)


@dataclass(frozen=True)
class Tally:
    """The most frequent words of a memory, and how many entries were counted."""

    entries: int
    rows: tuple[tuple[int, int], ...]

    def to_dict(self) -> dict[str, Any]:
        return {"entries": self.entries, "results": [{"word": w, "entries": n} for w, n in self.rows], "rows": []}


def tally(house: House, settings: TallySettings, progress: Any, stop: Any) -> Tally:
    """Counts the values of the masked model's datastore piece by piece. Raises StoppedError."""
    values = np.asarray(house.shelf.open(house.default_store(None, "masked")).values)
    counts = np.zeros(int(values.max()) + 1, np.int64)
    for at in range(0, len(values), settings.piece):
        if stop():
            raise StoppedError(f"Stopped after {at} entries.")
        counts += np.bincount(values[at : at + settings.piece], minlength=len(counts))
        progress(min(1.0, (at + settings.piece) / len(values)), "counting")
    most = np.argsort(-counts, kind="stable")[: settings.top]
    return Tally(len(values), tuple((int(w), int(counts[w])) for w in most))


def draw_tally(document: Mapping[str, Any]) -> dict[str, Any]:
    """Bars of the most frequent words."""
    import plotly.graph_objects as go

    rows = document["results"]
    return {"Entries of a word": go.Figure(go.Bar(x=[str(r["word"]) for r in rows], y=[r["entries"] for r in rows]))}


class QuickTraining(TextTraining):
    """The general training of a base model, made as small as it can be."""

    shape: ClassVar[Mapping[str, Any]] = {
        "steps": 2, "batch": 2, "segment": 16, "width": 16, "layers": 1, "heads": 2, "feed_forward": 32,
        "vocabulary": 300, "warmup": 1,
    }  # fmt: skip


SYSTEM = System(
    name="toy_vectors",
    title="Blended scores",
    paper="a toy system of the tests",
    group="Toys",
    summary="A masked model whose scores are mixed with those of its memory before the softmax. Edits raise a word's score.",
    api=1,
    methods=(
        Method(
            name="blend",
            title="Blended scores",
            paper="a toy system of the tests",
            kinds=("masked",),
            help="One missing word: scores of the model and of the memory, mixed before the softmax.",
            settings=Settings,
            reader=f"{__name__}:BlendReader",
            abilities=("ask", "sweep"),
            unable={"explain": "Scores are mixed before the softmax: no neighbor has a share of the probability."},
            takes_cache=False,
        ),
    ),
    edits=(
        EditKind(
            name=BOOST,
            part=BOOSTS,
            check=f"{__name__}:check_boost",
            fold=f"{__name__}:add_up",
            summary=f"{__name__}:say_boost",
            read=f"{__name__}:read_boost",
            form=(
                FormField("word", "Word", "The word whose score the memory raises."),
                FormField("by", "By", "How much, in nats.", "number"),
            ),
            title="Boost a word",
        ),
    ),
    studies=(
        Study(
            name="tally",
            title="Most frequent words",
            help="Counts the words that the masked model's memory holds.",
            settings=TallySettings,
            run=f"{__name__}:tally",
            draw=f"{__name__}:draw_tally",
        ),
    ),
    recipes=(
        Recipe(
            name="quick",
            kind="base",
            title="Quick base model",
            data="a text",
            steps=2,
            seed=0,
            minutes=0.1,
            train=f"{__name__}:QuickTraining",
        ),
    ),
    reported=(ReportedTable("Nothing", "a toy system of the tests", ("what",), ({"what": "1"},)),),
    words={"weight w": "How much the memory's scores count."},
    chapters=(Chapter("boosts", "Raised scores of words.", f"{__name__}:Boosting", verbs=("boost",)),),
)
