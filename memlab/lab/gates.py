"""The gates of kNN-LM: those that are trained, training them, and whether one fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from memlab.corpus.passages import held_out_articles
from memlab.errors import InputError, NotFound
from memlab.evaluate.trained_gates import GateFor, gate_file, held_out, keep_gate, kept_gate, train_gate
from memlab.lab.asking import Asking
from memlab.lab.context import Context
from memlab.lab.inventory import Inventory
from memlab.lab.jobs import long_work, stopping
from memlab.lab.preparing import build_if_bundled
from memlab.lm.passage import Passage, passage, windows
from memlab.memory.datastore import Datastore
from memlab.memory.retrieval import Searchable, check_k
from memlab.methods import knn_lm
from memlab.methods.declare import checked
from memlab.methods.gates import Constant, KnnGate, gate_class
from memlab.methods.reading import Progress, Search

if TYPE_CHECKING:
    from memlab.lab import Lab


class Gates:
    """The gates of kNN-LM: training them, and whether one is trained."""

    def __init__(self, context: Context, inventory: Inventory, asking: Asking) -> None:
        self.context, self.inventory, self.asking = context, inventory, asking

    def train(
        self,
        kind: str,
        texts: Sequence[str],
        datastore: str | None = None,
        seed: int = 0,
        progress: Progress = lambda fraction, message: None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Trains a gate of kNN-LM on held-out texts and keeps it for `gate=kind`.

        Args:
            kind: "learned" or "skip".
            texts: held-out texts; none of them may be in the datastore.
            datastore: by default the bundled one of the causal model.
            seed: of the start of training.
            progress: called before each text; an exception aborts the training, and nothing is kept.
            settings: of kNN-LM; by default the calibrated ones.

        Returns:
            The gate's losses on the texts.

        Raises:
            MemlabError: no such gate, datastore or setting; a text that cannot be read.
        """
        gate_class(kind)
        name = datastore or self.context.bundled_for("causal")
        build_if_bundled(self.context, name)
        s = self.knn_settings(name, "calibrated", settings)
        lm, base, _ = self.context.model_and_store(None, name, knn_lm.METHOD, s.key)
        store = whole_store(base)
        check_k(store, s.k)
        passages = _with_progress([passage(lm, text) for text in texts], progress)
        data = held_out(lm, passages, windows(lm), s.key, Search(store, s.k), s.temperature)
        made, scores = train_gate(kind, data, seed)
        keep_gate(
            gate_file(self.context.home, store.name, kind),
            made,
            GateFor.of(store.fingerprint, s.k, s.temperature),
            scores,
        )
        return scores

    def train_on_held_out(
        self,
        gate: str,
        model: str | None = None,
        datastore: str | None = None,
        progress: Progress = lambda fraction, message: None,
        **settings: Any,
    ) -> dict[str, Any]:
        """As `train`, on articles of the bundled world that no datastore holds; returns the gate's losses there.

        Args:
            gate: "learned" or "skip".
            model: whose datastore is used where none is named.

        Raises:
            MemlabError: as `train`.
        """
        texts = [article.text for article in held_out_articles("validation")]
        return self.train(gate, texts, datastore or self.inventory.store_of(model, "causal"), 0, progress, **settings)

    def is_trained(self, gate: str, model: str | None = None, datastore: str | None = None, **settings: Any) -> bool:
        """Whether kNN-LM can be read with this gate: constant, or trained for this datastore, k and temperature.

        Raises:
            MemlabError: no such gate, datastore or setting; a trained gate that is damaged.
        """
        gate_class(gate)
        name = datastore or self.inventory.store_of(model, "causal")
        s = self.knn_settings(name, "calibrated", settings)
        store = whole_store(self.context.model_and_store(model, name, knn_lm.METHOD, s.key)[1])
        try:
            self.open(gate, store, s)
        except NotFound:
            return False
        return True

    def knn_settings(self, store_name: str, preset: str, settings: dict[str, Any]) -> Any:
        """Settings of kNN-LM for reading with a datastore. Raises InputError, also for the article search."""
        start = self.asking.settings("knn-lm", store_name, preset, settings.get("key"))
        s = checked(knn_lm.Settings, settings, start)
        if s.search != "all":
            raise InputError(
                "Reading searches all entries; article search is for single questions. Leave out `search`."
            )
        return s

    def open(self, kind: str, store: Datastore, s: Any) -> KnnGate:
        """A gate for this datastore and these settings. Raises NotFound where it is not trained."""
        if gate_class(kind) is Constant:
            return Constant(s.lam)
        return kept_gate(
            gate_file(self.context.home, store.name, kind), GateFor.of(store.fingerprint, s.k, s.temperature)
        )


def whole_store(store: Searchable) -> Datastore:
    """Raises InputError for a datastore that is still being built."""
    if not isinstance(store, Datastore):
        raise still_building(store.name)
    return store


def still_building(name: str) -> InputError:
    """The error for a datastore of which only a part is built."""
    return InputError(f"The datastore {name!r} is still being built; reading needs all of it. Wait, or read with base.")


def _with_progress(passages: list[Passage], progress: Progress) -> Iterator[Passage]:
    """The passages; `progress` is called before each."""
    for done, one in enumerate(passages):
        progress(done / len(passages), f"{done} of {len(passages)} held-out texts")
        yield one


@long_work("train a gate")
def _train_gate(lab: Lab, progress: Progress, stop: Callable[[], bool], gate: str, **how: Any) -> dict[str, Any]:
    return lab.gates.train_on_held_out(gate, progress=stopping(progress, stop), **how)
