"""Gates that are trained on held-out text: training them, and whether one fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memlab.corpus.passages import held_out_articles
from memlab.errors import NotFound
from memlab.evaluate.trained_gates import train_for
from memlab.lab.house import LabHouse
from memlab.lab.jobs import long_work, stopping
from memlab.progress import Progress, Stop, no_progress
from memlab.reading.gates import gate_class
from memlab.reading.knn_reader import KnnReader, whole_store
from memlab.reading.reader import Request
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab


class Gates:
    """The gates of the method that can read with trained ones: training them, and whether one is trained."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    @property
    def reader(self) -> KnnReader:
        """The reader of the method that has trained gates."""
        how = next(m for m in registry().able("read").values() if m.knn is not None and len(m.gates) > 1)
        reader = self.house.reader(how)
        assert isinstance(reader, KnnReader)
        return reader

    def train(
        self,
        kind: str,
        texts: Sequence[str],
        datastore: str | None = None,
        seed: int = 0,
        progress: Progress = no_progress,
        **settings: Any,
    ) -> dict[str, Any]:
        """Trains a gate on held-out texts and stores it for reading with `gate=kind`.

        Args:
            kind: "learned" or "skip".
            texts: held-out texts; none of them may be in the datastore.
            datastore: by default the bundled one of the causal model.
            seed: of the start of training.
            progress: called before each text; an exception aborts the training, and nothing is kept.
            settings: of the method; by default the calibrated ones.

        Returns:
            The gate's losses on the texts.

        Raises:
            MemlabError: no such gate, datastore or setting; a text that cannot be read.
        """
        name = datastore or self.house.default_model("causal")
        request = self._request(name, settings, progress)
        return train_for(self.house, self.reader, request, texts, kind, seed)

    def train_on_held_out(
        self,
        gate: str,
        model: str | None = None,
        datastore: str | None = None,
        progress: Progress = no_progress,
        **settings: Any,
    ) -> dict[str, Any]:
        """As `train`, on articles of the bundled world that no datastore holds; returns the gate's losses there.

        Args:
            gate: "learned" or "skip".
            model: its datastore is used where none is given.

        Raises:
            MemlabError: as `train`.
        """
        texts = [article.text for article in held_out_articles("validation")]
        return self.train(gate, texts, datastore or self.house.default_store(model, "causal"), 0, progress, **settings)

    def is_trained(self, gate: str, model: str | None = None, datastore: str | None = None, **settings: Any) -> bool:
        """Whether a text can be read with this gate: constant, or trained for this datastore, k and temperature.

        Raises:
            MemlabError: no such gate, datastore or setting; a trained gate that is damaged.
        """
        gate_class(gate)
        name = datastore or self.house.default_store(model, "causal")
        s, reader = self.settings(name, settings), self.reader
        store = whole_store(self.house.model_and_store(model, name, reader.method, s.key)[1])
        try:
            reader.gate(gate, store, s, self.house)
        except NotFound:
            return False
        return True

    def settings(self, datastore: str, settings: dict[str, Any]) -> Any:
        """Settings of the method for reading with a datastore. Raises InputError, for article search too."""
        return self.reader.settings(datastore, self._request(datastore, settings, no_progress), self.house)

    def _request(self, datastore: str, settings: dict[str, Any], progress: Progress) -> Request:
        how = self.reader.method.name
        return Request("read", how, datastore=datastore, settings=settings, progress=progress)


@long_work("train a gate")
def _train_gate(lab: Lab, progress: Progress, stop: Stop, gate: str, **how: Any) -> dict[str, Any]:
    return lab.gates.train_on_held_out(gate, progress=stopping(progress, stop), **how)
