"""The study that trains a gate of kNN-LM on held-out articles of the bundled world."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from memlab.corpus.passages import held_out_articles
from memlab.errors import StoppedError
from memlab.evaluate.trained_gates import train_for
from memlab.progress import Progress, Stop
from memlab.reading.reader import House, Request
from memlab.systems.knn_lm.declaration import METHOD, GateSettings
from memlab.systems.knn_lm.reader import KnnLmReader

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class TrainedGate:
    """Mean loss in nats per held-out token: of the gate, of the best constant lambda, and of the model alone."""

    kind: str
    tokens: int
    seed: int
    loss: float
    constant_loss: float
    model_loss: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train(house: House, settings: GateSettings, progress: Progress, stop: Stop) -> TrainedGate:
    """Trains the gate for the bundled datastore and stores it. Raises StoppedError when asked to stop; nothing is
    stored."""

    def step(fraction: float, message: str) -> None:
        if stop():
            raise StoppedError("Stopped; no gate was kept.")
        progress(fraction, message)

    texts = [article.text for article in held_out_articles("validation")]
    request = Request("read", METHOD.name, progress=step)
    scores = train_for(house, KnnLmReader(METHOD), request, texts, settings.kind, settings.seed)
    return TrainedGate(kind=settings.kind, **scores)


def draw(document: dict[str, Any]) -> dict[str, Figure]:
    """The three losses as bars, from the document of a `TrainedGate`."""
    from plotly.graph_objects import Bar, Figure

    names = ["model alone", "best constant λ", f"{document['kind']} gate"]
    losses = [document["model_loss"], document["constant_loss"], document["loss"]]
    figure = Figure(Bar(x=names, y=losses, text=[f"{x:.3f}" for x in losses]))
    return {"Mean loss on held-out tokens, nats": figure.update_yaxes(title="nats per token", rangemode="tozero")}
