"""Reading as a page needs it: which settings there are, whether an answer takes a moment or a job, texts received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memlab.corpus.readers import read_texts
from memlab.corpus.received import drop_texts, keep_texts
from memlab.errors import NotFound
from memlab.lab.jobs import long_work
from memlab.lab.posing import READING_METHODS, How
from memlab.lab.reading import Reading
from memlab.lm.passage import check_causal
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import Field
from memlab.methods.gates import GATES
from memlab.methods.reading import Progress
from memlab.results import Article, Trace

ONLY_ASKING = ("search", "articles")  # of kNN-LM: a reading searches all entries
ONLY_MIXED = ("lam", "temperature", "knn_k")  # of SPALM: settings of the kNN-LM that is mixed in
KNN_GATES = tuple(GATES)
LONGEST_LITERAL = 1_000  # characters of a passage that stands within the code that reads it
UNSAID = {"short_term": (0,), "cache": (0,), "leave_out": ("self",)}  # left out of the code: what holds anyway


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
        if model is not None:
            check_causal(self._load(model))
        if method == "base":
            return []
        if method == "knn-lm":
            fields = [field for field in knn_lm.METHOD.fields() if field.name not in ONLY_ASKING]
            start = self._knn_settings(datastore or self._store_of(model, "causal"), "calibrated", {})
        else:
            alone = method == "spalm"
            fields = [field for field in spalm.METHOD.fields() if not (alone and field.name in ONLY_MIXED)]
            start = self._spalm(How(method, model, datastore))[3]
        return [(field, getattr(start, field.name)) for field in fields]

    def reading_code(self, trace: Trace) -> str:
        """Python that gives the same trace in a notebook; a long passage is read from a file."""
        if len(trace.text) <= LONGEST_LITERAL:
            before, text = "", repr(trace.text)
        else:
            before, text = (
                "from pathlib import Path\n\n",
                'Path("passage.txt").read_text("utf-8")  # save it there first',
            )
        given = {
            name: value
            for name, value in trace.settings.items()
            if name not in ONLY_ASKING and value not in UNSAID.get(name, (None,))
        }
        if not trace.settings.get("cache"):
            given.pop("lam_cache", None)
        settings = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return (
            f"{before}from memlab import Lab\n\n"
            f"text = {text}\n"
            f"lab = Lab.open(workspace={trace.workspace!r})\n"
            f"trace = lab.read(text, method={trace.method!r}, model={trace.model!r}, datastore={trace.datastore!r},\n"
            f"                 as_of={trace.as_of}{', ' + settings if settings else ''})\n"
            'trace.summary["perplexity"]  # trace[0] is its first token; trace.to_dict() has everything\n'
        )

    def reads_at_once(self, text: str, cut: bool = False, **how: Any) -> bool:
        """Whether states and neighbors of this passage are kept, so that `read` with these arguments only mixes.

        Raises whatever `read` would raise for them.
        """
        posed = self._pose_reading(text, How.of(how), cut)
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
    return lab.read(Article("passage", "passage", text), progress=progress, stop=stop, **how)
