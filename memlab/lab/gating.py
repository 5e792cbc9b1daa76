"""The gates of kNN-LM: those that are trained, training them, and whether one fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from memlab.corpus.passages import held_out_articles
from memlab.errors import InputError, NotFound
from memlab.evaluate.trained_gates import GateFor, gate_file, held_out, keep_gate, kept_gate, train_gate
from memlab.lab.asking import Asking
from memlab.lab.jobs import long_work, obedient
from memlab.lm.passage import Passage, passage, windows
from memlab.memory.datastore import Datastore
from memlab.memory.retrieval import Searchable, check_k
from memlab.methods import knn_lm
from memlab.methods.declare import checked
from memlab.methods.gates import Constant, KnnGate, gate_class
from memlab.methods.reading import Progress, Search


class Gating(Asking):
    """Gates."""

    def train_gate(
        self,
        kind: str,
        texts: Sequence[str],
        datastore: str | None = None,
        seed: int = 0,
        progress: Progress = lambda fraction, message: None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Trains a gate of kNN-LM on held-out texts and keeps it for `gate=kind`; returns its losses there.

        `progress` is called before each text; whatever it raises ends the training, and nothing is kept.
        """
        gate_class(kind)
        name = datastore or self._bundled_for("causal")
        self._ready(name)
        s = self._knn_settings(name, "calibrated", settings)
        lm, base, _ = self._model_and_store(None, name, knn_lm.METHOD, s.key)
        store = whole_store(base)
        check_k(store, s.k)
        passages = _told([passage(lm, text) for text in texts], progress)
        data = held_out(lm, passages, windows(lm), s.key, Search(store, s.k), s.temperature)
        made, scores = train_gate(kind, data, seed)
        keep_gate(
            gate_file(self.home, store.name, kind), made, GateFor.of(store.fingerprint, s.k, s.temperature), scores
        )
        return scores

    def train_gate_on_held_out(
        self,
        gate: str,
        model: str | None = None,
        datastore: str | None = None,
        progress: Progress = lambda fraction, message: None,
        **settings: Any,
    ) -> dict[str, Any]:
        """As `train_gate`, on articles of the bundled world that no datastore holds; by default the model's datastore."""
        texts = [article.text for article in held_out_articles("validation")]
        return self.train_gate(gate, texts, datastore or self._store_of(model, "causal"), 0, progress, **settings)

    def gate_is_trained(
        self, gate: str, model: str | None = None, datastore: str | None = None, **settings: Any
    ) -> bool:
        """Whether kNN-LM can be read with this gate: constant, or trained for this datastore, k and temperature.

        Raises:
            MemlabError: no such gate, datastore or setting; a trained gate that is damaged.
        """
        gate_class(gate)
        name = datastore or self._store_of(model, "causal")
        s = self._knn_settings(name, "calibrated", settings)
        store = whole_store(self._model_and_store(model, name, knn_lm.METHOD, s.key)[1])
        try:
            self._gate(gate, store, s)
        except NotFound:
            return False
        return True

    def _knn_settings(self, store_name: str, preset: str, settings: dict[str, Any]) -> Any:
        start = self.settings("knn-lm", store_name, preset, settings.get("key"))
        s = checked(knn_lm.Settings, settings, start)
        if s.search != "all":
            raise InputError(
                "Reading searches all entries; article search is for single questions. Leave out `search`."
            )
        return s

    def _gate(self, kind: str, store: Datastore, s: Any) -> KnnGate:
        if gate_class(kind) is Constant:
            return Constant(s.lam)
        return kept_gate(gate_file(self.home, store.name, kind), GateFor.of(store.fingerprint, s.k, s.temperature))


def whole_store(store: Searchable) -> Datastore:
    """Raises InputError for a datastore that is still being built."""
    if not isinstance(store, Datastore):
        raise still_building(store.name)
    return store


def still_building(name: str) -> InputError:
    """What is said of a datastore of which only a part is there."""
    return InputError(f"The datastore {name!r} is still being built; reading needs all of it. Wait, or read with base.")


def _told(passages: list[Passage], progress: Progress) -> Iterator[Passage]:
    """The passages, with how far one is before each."""
    for done, one in enumerate(passages):
        progress(done / len(passages), f"{done} of {len(passages)} held-out texts")
        yield one


@long_work("train a gate")
def _train_gate(lab: Gating, progress: Progress, stop: Callable[[], bool], gate: str, **how: Any) -> dict[str, Any]:
    return lab.train_gate_on_held_out(gate, progress=obedient(progress, stop), **how)
