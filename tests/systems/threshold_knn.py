"""A small system of its own: kNN-LM that uses its memory only where the nearest neighbor is close enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np

from memlab.commands import every_command, open_lab, show
from memlab.declare import Chapter, Command, KnnDistribution, LongWork, Method, Study, System, setting
from memlab.errors import StoppedError
from memlab.memory.datastore import Searchable
from memlab.reading.gates import FEATURES, HeldOut, KnnGate
from memlab.reading.knn_reader import KnnReader
from memlab.reading.reader import House
from memlab.reading.workspace import OpenLab

NEAREST = FEATURES.index("log nearest distance")


@dataclass(frozen=True)
class Settings:
    """kNN-LM's, and the threshold."""

    k: int = setting(64, "neighbors k", "How many remembered entries are asked.", low=1, high=4096, log=True)
    temperature: float = setting(5.0, "temperature T", "Divides the distances.", low=0.01, high=1000.0, log=True)
    lam: float = setting(0.3, "lambda", "Weight of the memory where it is used.", low=0.0, high=1.0, step=0.01)
    key: str = setting("ffn", "key", "Which representation is compared.", choices=("ffn", "last"))
    threshold: float = setting(
        50.0, "threshold", "The memory is ignored where its nearest entry is farther away.", low=0.0, high=1e6
    )


@dataclass(frozen=True)
class Threshold(KnnGate):
    """lambda where the squared distance of the nearest neighbor is at most `threshold`, else 0."""

    lam: float
    threshold: float
    kind: ClassVar[str] = "threshold"

    def weights(self, features: np.ndarray) -> np.ndarray:
        return np.where(np.exp(features[:, NEAREST]) <= self.threshold, self.lam, 0.0)

    @classmethod
    def fit(cls, data: HeldOut, seed: int = 0) -> Threshold:
        raise NotImplementedError("the threshold is a setting; nothing is learned")

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Threshold:
        return cls(float(record["lam"]), float(record["threshold"]))


class ThresholdReader(KnnReader):
    """kNN-LM's reader with another gate."""

    def gate(self, kind: str, store: Searchable, settings: Settings, house: House) -> KnnGate:
        return Threshold(settings.lam, settings.threshold)


@dataclass(frozen=True)
class CountSettings:
    """Of the study."""

    least: int = setting(10, "least", "Entries that a word must have to be counted.", low=1, high=1000)


@dataclass(frozen=True)
class Counted:
    """How many words have at least so many entries."""

    words: int

    def to_dict(self) -> dict[str, Any]:
        return {"words": self.words, "results": []}


def count(house: House, settings: CountSettings, progress: Any, stop: Any) -> Counted:
    """Words of the bundled datastore with at least `least` entries."""
    if stop():
        raise StoppedError("Stopped.")
    values = house.shelf.open(house.default_store(None, "causal")).values
    progress(1.0, "counted")
    return Counted(int((np.bincount(values) >= settings.least).sum()))


class Distances:
    """What the toy adds to the lab: `lab.distances`, and its verb `lab.nearest`."""

    def __init__(self, lab: OpenLab) -> None:
        self.lab = lab

    def nearest(self, prompt: str, k: int = 64) -> float:
        """The distance of the remembered entry that is nearest to a prompt.

        Args:
            k: how many entries are searched.

        Raises:
            MemlabError: as `lab.ask`.
        """
        return float(self.lab.ask(prompt, "threshold-knn", k=k).neighbors[0].distance)


@click.command()
@click.argument("prompt")
@every_command
def nearest(prompt: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """The distance of the remembered entry that is nearest to PROMPT."""
    distance = open_lab(home, workspace).nearest(prompt)
    show({"prompt": prompt, "distance": distance}, as_json, [f"{distance:.2f}"])


def nearest_as_job(lab: OpenLab, progress: Any, stop: Any, prompt: str) -> dict[str, float]:
    """The same as a job."""
    return {"distance": lab.nearest(prompt)}


SYSTEM = System(
    name="threshold_knn",
    title="kNN-LM with a threshold",
    paper="a toy system of the tests",
    group="Toys",
    summary="kNN-LM that uses its memory only where the nearest neighbor is close. It shows what a system must bring.",
    methods=(
        Method(
            name="threshold-knn",
            title="kNN-LM with a threshold",
            paper="a toy system of the tests",
            kinds=("causal",),
            help="Next words: kNN-LM where the nearest neighbor is close, the model alone elsewhere.",
            settings=Settings,
            reader=f"{__name__}:ThresholdReader",
            abilities=("ask", "read", "generate", "sweep"),
            unable={
                "explain": "Its weight depends on the distance of the nearest neighbor, which forgetting would change.",
            },
            knn=KnnDistribution(divisor="temperature", root=False, k=64),
        ),
    ),
    studies=(
        Study(
            name="count",
            title="Count words",
            help="How many words have many entries.",
            settings=CountSettings,
            run=f"{__name__}:count",
        ),
    ),
    chapters=(Chapter("distances", "Distances of remembered entries.", f"{__name__}:Distances", verbs=("nearest",)),),
    commands=(Command("nearest", f"{__name__}:nearest"),),
    work=(LongWork("nearest", f"{__name__}:nearest_as_job"),),
    words={"threshold": "The distance from which on the memory is ignored."},
)
