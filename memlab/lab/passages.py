"""Reading as a page needs it: which settings there are, whether an answer takes a moment or a job, texts received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memlab.corpus.readers import read_texts
from memlab.corpus.received import drop_texts, keep_texts
from memlab.errors import NotFound
from memlab.lab.jobs import long_work
from memlab.lab.reading import READING_METHODS, Reading
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import Field
from memlab.methods.gates import GATES
from memlab.methods.reading import Progress
from memlab.results import Trace

ONLY_ASKING = ("search", "articles")  # of kNN-LM: a reading searches all entries
ONLY_MIXED = ("lam", "temperature", "knn_k")  # of SPALM: settings of the kNN-LM that is mixed in
KNN_GATES = tuple(GATES)


class Passages(Reading):
    """Reading from a page."""

    def reading_settings(
        self, method: str, model: str | None = None, datastore: str | None = None
    ) -> list[tuple[Field, Any]]:
        """The settings of a way of reading, each with its default for this model and datastore.

        Raises:
            MemlabError: no such method, or a model and datastore that do not belong together.
        """
        if method not in READING_METHODS:
            raise NotFound.named("method of reading", method, READING_METHODS)
        if method == "base":
            return []
        if method == "knn-lm":
            fields = [field for field in knn_lm.METHOD.fields() if field.name not in ONLY_ASKING]
            start = self._knn_settings(datastore or self._store_of(model, "causal"), "calibrated", {})
        else:
            alone = method == "spalm"
            fields = [field for field in spalm.METHOD.fields() if not (alone and field.name in ONLY_MIXED)]
            start = self._spalm(method, model, datastore, None, "calibrated", {})[3]
        return [(field, getattr(start, field.name)) for field in fields]

    def reads_at_once(
        self,
        text: str,
        method: str = "knn-lm",
        model: str | None = None,
        datastore: str | None = None,
        short_term: int = 0,
        cache: int = 0,
        gate: str | None = None,
        as_of: int | None = None,
        cut: bool = False,
        **settings: Any,
    ) -> bool:
        """Whether states and neighbors of this passage are kept, so that `read` with these arguments only mixes.

        Raises whatever `read` would raise for them.
        """
        posed = self._pose_reading(
            text, method, model, datastore, short_term, cache, gate, as_of, "calibrated", None, None, "self", None, 0.1,
            cut, settings,
        )  # fmt: skip
        return (posed.order, posed.passage.text) in self._reads

    def passage_of(self, name: str, content: bytes) -> str:
        """The text of a file that a page received, in any form that can be read. Raises InputError."""
        kept = keep_texts(self.home, [(name, content)])
        try:
            return "\n\n".join(article.text for article in read_texts(kept))
        finally:
            drop_texts(self.home, kept)


@long_work("read", stored=False)
def _read(lab: Passages, progress: Progress, stop: Callable[[], bool], text: str, **how: Any) -> Trace:
    return lab.read(text, progress=progress, stop=stop, **how)
