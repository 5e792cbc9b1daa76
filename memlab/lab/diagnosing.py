"""Why answers are wrong: the evidence from memory that `memlab.evaluate.causes` needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.corpus.expected import Expected
from memlab.corpus.expected import expected as of_the_world
from memlab.corpus.world import atlas
from memlab.declare import Method
from memlab.errors import InputError, NotFound
from memlab.evaluate.causes import FAR_PERCENTILE, Evidence, diagnose
from memlab.evaluate.health import found_entries, nearest_elsewhere
from memlab.lab.asking import Asking, AskRequest, Question
from memlab.lab.context import Context
from memlab.memory.own_store import OwnStore
from memlab.memory.retrieval import Searchable
from memlab.record.memory_edits import corpus_of, stating, still_there
from memlab.results import Fact, Prediction, Verdict
from memlab.results.cause import Cause
from memlab.results.verdict import ids_of, plain_word

SAMPLE = 200  # entries whose nearest entry of another text is searched


@dataclass(frozen=True)
class Diagnosis:
    """`cause` of a wrong answer; `far`: whether the nearest neighbor is far from the question, None where that is not known."""

    cause: Cause | None
    far: bool | None


class Diagnosing:
    """Causes of wrong answers."""

    def __init__(self, context: Context, asking: Asking) -> None:
        self.context, self.asking = context, asking

    def of(self, p: Prediction, verdict: Verdict | None) -> Diagnosis:
        """Why an answer is wrong (None where it is right, or that is not known), and whether its question is far.

        Raises:
            MemlabError: the model or memory of the answer is no longer there.
        """
        if verdict is not None and verdict.mixture:
            verdict = None
        if not p.neighbors:
            nothing = Evidence(
                stated=False, editable=False, right=() if verdict is None else ids_of(p, verdict.expected)
            )
            return Diagnosis(None if verdict is None else diagnose(p, verdict, nothing), None)
        question = self.asking.resolve(_same(p))
        far = self._far_from(question)
        cause = None if verdict is None else diagnose(p, verdict, self._evidence(p, verdict, question, far))
        return Diagnosis(cause, None if far is None else p.neighbors[0].distance > far)

    def _evidence(self, p: Prediction, verdict: Verdict, question: Question, far: float | None) -> Evidence:
        right, store = ids_of(p, verdict.expected), question.store
        settable = question.how.knn is not None and p.gate.kind == "constant"
        if isinstance(store, OwnStore):
            stated = bool(np.isin(np.asarray(store.values), right).any())
            return Evidence(right, stated, settable=settable, editable=False)
        asked = of_the_world(atlas(), p.prompt)
        titles = self._articles_stating(store, p, asked, verdict)
        stated = bool(titles) if titles is not None else self._remembered(store, right)
        fact = None if asked is None else self._stated_instead(store, p, asked, verdict)
        return Evidence(right, stated and fact is None, tuple(titles or ()), far, fact, settable)

    def _far_from(self, question: Question) -> float | None:
        """The distance, as the method shows it, above which a question is far from what is remembered.

        The 99th percentile of the distances from `SAMPLE` entries to their nearest entry of another text, measured once
        for each datastore (its edits change few entries). None for a memory without such distances, or while keys are encoded.
        """
        store = question.sources.store_base
        if question.sources.search is None or store is None or isinstance(store, OwnStore) or not store.ready:
            return None
        far = self.context.cache.get(("far", store), lambda: _far(store))
        return far if far is None or _rooted(question.how) else far**2

    def _articles_stating(
        self, store: Searchable, p: Prediction, asked: Expected | None, verdict: Verdict
    ) -> list[str] | None:
        """Titles of the articles that state a right answer to a question of the world; None for any other question."""
        if asked is None:
            return None
        out: dict[str, None] = {}
        for answer in verdict.expected:
            for document in self._stating(store, p, Fact(asked.subject, asked.relation, answer)):
                row = store.documents.row_of(document)
                out.setdefault(store.documents.article(row).title if row is not None else document)
        return list(out)

    def _stating(self, store: Searchable, p: Prediction, fact: Fact) -> list[str]:
        """Ids of the documents that state a fact, without what was forgotten."""
        try:
            sources = stating(store, corpus_of(store), fact)
        except NotFound:
            return []
        left = still_there(sources, self.context.changes(p.as_of).removed)
        return list(dict.fromkeys(source.document for source in left if source.text == fact.object))

    def _stated_instead(self, store: Searchable, p: Prediction, asked: Expected, verdict: Verdict) -> Fact | None:
        """The world's own fact, where memory states it and another answer is expected."""
        if {plain_word(answer) for answer in asked.answers} & {plain_word(answer) for answer in verdict.expected}:
            return None
        facts = (Fact(asked.subject, asked.relation, answer) for answer in asked.answers)
        return next((fact for fact in facts if self._stating(store, p, fact)), None)

    def _remembered(self, store: Searchable, right: tuple[int, ...]) -> bool:
        """Whether an entry that can be found has a right word as its value."""
        entries = found_entries(store)
        return bool(np.isin(np.asarray(store.values[entries]), right).any())


def _same(p: Prediction) -> AskRequest:
    datastore = p.datastore or None
    return AskRequest(p.prompt, p.method, p.model, datastore, p.as_of, "paper", p.without, dict(p.settings))


def _rooted(how: Method) -> bool:
    return how.knn is not None and how.knn.root


def _far(store: Searchable) -> float | None:
    entries = found_entries(store)
    sample = np.random.default_rng(0).choice(entries, min(SAMPLE, len(entries)), replace=False)
    try:
        return float(np.percentile(nearest_elsewhere(store, sample), FAR_PERCENTILE))
    except InputError:  # all near entries are of one text
        return None
