"""Explanations of one prediction, computed from its encoding and its search."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memlab.bench.explaining import PROMPTS, bench_occlusion, bench_smallest_set, bench_sweep
from memlab.corpus.model_kinds import of_kind
from memlab.corpus.world import atlas
from memlab.errors import InputError
from memlab.evaluate.health import key_health
from memlab.evaluate.lens import lens
from memlab.evaluate.occlusion import occlude
from memlab.evaluate.projection import agreement, principal_plane
from memlab.evaluate.smallest_set import MOST, Pool, doubts, smallest_set
from memlab.lab.asking import Asking, AskRequest, Question
from memlab.lab.context import Context
from memlab.memory.retrieval import Encoding, Retrieval, search_everywhere
from memlab.reading.answering import mixture_of, neighbors
from memlab.reading.mixing import knn_distances
from memlab.reading.sweep import (
    CONSTANT,
    GATE,
    Candidates,
    Voters,
    axis_of,
    divisor_of,
    sweep,
    sweep_gate,
    sweepable,
)
from memlab.results import (
    KeyMap,
    LayerLens,
    MapPoint,
    Neighbor,
    Occlusion,
    Prediction,
    QueryHealth,
    SmallestSet,
    Sweep,
)
from memlab.systems.registry import registry

SWEPT_K = 4  # k is swept up to this many times its value
LEAST_K = 128  # and at least up to this
MAPPED = 300  # neighbors drawn on a map
OTHERS = 40  # entries with other values drawn on a map
OTHERS_AMONG = 2_048  # nearest entries that are searched for them


class Explaining:
    """Views of an answer. Each takes a `Prediction` of this lab and honors its settings, edits and `as_of`."""

    def __init__(self, context: Context, asking: Asking) -> None:
        self.context, self.asking = context, asking

    def smallest_set(self, p: Prediction, most: int | None = None) -> SmallestSet:
        """The fewest neighbors whose forgetting changes the answer; at most `most` (default: k, at most 256).

        Raises:
            InputError: the method cannot explain, neighbors are already left out of `p`, or its lambda is not a constant.
        """
        _check_able(p, "explain")
        _check_constant(p)
        if p.without:
            raise InputError("Neighbors are already left out of this answer. Ask without `without` first.")
        question, encoded = self._question(p)
        most = min(len(p.neighbors), MOST) if most is None else most
        retrieved = self._more(question, encoded, len(p.neighbors) + most)
        scores, shown = self._ranked(question, p, retrieved)
        pool = Pool(scores, np.array([n.id for n in shown]), shown)
        doubt = doubts(question.store, p.prompt, retrieved)
        return smallest_set(p, pool, most, doubt, lambda entries: self.asking.again(p, without=entries))

    def occlusion(self, p: Prediction, most: int | None = None) -> Occlusion:
        """How the distances of the (first `most`) neighbors change when each prompt word is hidden.

        Raises:
            InputError: the prompt has one word and a causal model reads it.
        """
        _check_keys_of_texts(p)
        question, encoded = self._question(p)
        return self.asking.cache_of(question).get(
            ("occlusion", question.store, question.lm, p.prompt, p.answer, tuple(p.settings.items()), most),
            lambda: occlude(
                question.sources.base, question.store, encoded, p, question.how, question.sources.key, most
            ),
        )

    def layers(self, p: Prediction) -> LayerLens:
        """What the output head reads at every layer: the right kind of word, and the right one.

        Raises:
            MemlabError: the model or memory of the answer is no longer there.
        """
        question, encoded = self._question(p)
        return self.context.cache.get(
            ("layers", question.lm, p.prompt, p.answer), lambda: lens(atlas(), question.lm, encoded.read, p)
        )

    def map(self, p: Prediction, others: bool = False) -> KeyMap:
        """Question and neighbors in two dimensions; `others` adds the nearest entries with other values.

        Raises:
            MemlabError: the model or memory of the answer is no longer there.
        """
        _check_keys_of_texts(p)
        start = time.perf_counter()
        question, encoded = self._question(p)
        drawn = list(p.neighbors[:MAPPED])
        also = self._with_other_values(question, encoded, p) if others else []
        keys = question.store.gather(np.array([n.entry for n in (*drawn, *also)]))
        keys = np.concatenate([encoded.key[None], keys])
        plane, kept = principal_plane(keys)
        roles = ["neighbor"] * len(drawn) + ["other"] * len(also)
        points = [
            MapPoint(role, float(x), float(y), n)
            for role, (x, y), n in zip(roles, plane[1:], (*drawn, *also), strict=True)
        ]
        asked = MapPoint("question", float(plane[0, 0]), float(plane[0, 1]))
        ms = 1e3 * (time.perf_counter() - start)
        return KeyMap((asked, *points), kept, agreement(plane, keys), len(p.neighbors) - len(drawn), ms)

    def sweep(self, p: Prediction, over: str = "lam", points: int = 101) -> Sweep:
        """Answer and probabilities as functions of lambda, k, the method's scale or temperature, or of its gate.

        From one search, without a further forward pass. A method that mixes vectors, and an answer whose gate is not a
        constant, are swept over the gate ("lam" means the gate there, too).

        Raises:
            InputError: the method cannot be swept, or has no such setting, or fewer than two points.
        """
        _check_able(p, "sweep")
        question, encoded = self._question(p)
        if GATE in sweepable(question.how, p.gate.kind):
            return self._sweep_gate(question, encoded, p, over, points)
        k = len(p.neighbors)
        wanted = max(SWEPT_K * question.settings.k, LEAST_K) if over == "k" else question.settings.k
        distances, values = self._distances(question, p, self._more(question, encoded, wanted))
        axis = axis_of(question.how, question.settings, over, points, len(distances))
        voters = Voters(distances, Candidates.of(p.lm.p, values))
        divisor = getattr(question.settings, divisor_of(question.how))
        return sweep(axis, voters, k, divisor, p.gate.knn_weight, lambda i: p.lm.words[i])

    def _sweep_gate(self, question: Question, encoded: Encoding, p: Prediction, over: str, points: int) -> Sweep:
        how = question.how
        if over not in (GATE, "lam"):
            computed = "" if how.knn is None else f", which may change its gate {p.gate.kind!r}"
            raise InputError(f"{how.title} cannot be swept over {over!r}{computed}. Allowed: {GATE}.")
        mixture = mixture_of(question.sources, encoded, self.asking.retrieve(question, encoded)[0])
        return sweep_gate(mixture, p.gate.value, points, lambda i: p.lm.words[i])

    def health(self, p: Prediction) -> QueryHealth:
        """How good the keys of the datastore are, measured once for each state of it, and how far the question is.

        Raises:
            InputError: the datastore is too small, or still being built.
        """
        _check_keys_of_texts(p)
        question, encoded = self._question(p)
        keys = self.asking.cache_of(question).get(("health", question.store), lambda: key_health(question.store))
        distance = float(np.sqrt(search_everywhere(question.store, encoded.key[None], 1).distances[0, 0]))
        return QueryHealth(keys, distance, float(np.mean(keys.nearest < distance)))

    def benchmarks(self, prompts: Sequence[str], repeat: int) -> Iterator[dict[str, Any]]:
        """Speed of sweeping, of the smallest set for k = 128, and of occlusion, for prompts of one kind.

        Raises:
            MemlabError: a prompt cannot be asked.
        """
        predictions = [self.asking.ask(prompt, k=128) for prompt in prompts]
        long = self.asking.ask(of_kind(PROMPTS, predictions[0].kind, "prompt of this bench"))
        question, encoded = self._question(long)

        def occluded(p: Prediction) -> Occlusion:
            return occlude(question.lm, question.store, encoded, p, question.how, question.sources.key)

        yield from bench_sweep(self.sweep, predictions[0], repeat)
        yield bench_smallest_set(self.smallest_set, predictions)
        yield bench_occlusion(occluded, long, question.lm, repeat)

    def _question(self, p: Prediction) -> tuple[Question, Encoding]:
        """The question of a prediction again, and its encoding (cached)."""
        question = self.asking.resolve(
            AskRequest(p.prompt, p.method, p.model, p.datastore, p.as_of, "paper", p.without, dict(p.settings))
        )
        return question, self.asking.encode(question)[0]

    def _more(self, question: Question, encoded: Encoding, k: int) -> Retrieval:
        """The k nearest entries, or all there are."""
        return self.asking.retrieve(question, encoded, min(k, len(question.store)))[0]

    def _distances(self, question: Question, p: Prediction, retrieved: Retrieval) -> tuple[np.ndarray, np.ndarray]:
        """Distances as the method uses them, and token ids, of what a search found."""
        found = retrieved.found
        real = found.entries[0] >= 0
        values = found.values[0][real]
        return knn_distances(question.how, found.distances[0][real]), values

    def _ranked(
        self, question: Question, p: Prediction, retrieved: Retrieval
    ) -> tuple[np.ndarray, tuple[Neighbor, ...]]:
        """Log weights and neighbors of a search with a larger k; those beyond the k of `p` weigh nothing."""
        distances, values = self._distances(question, p, retrieved)
        entries = retrieved.found.entries[0][: len(values)]
        weights = np.zeros(len(values))
        weights[: len(p.neighbors)] = [n.weight for n in p.neighbors]
        shown = neighbors(question.store, p.lm.words, entries, values, distances, weights)
        return -distances / getattr(question.settings, divisor_of(question.how)), shown

    def _with_other_values(self, question: Question, encoded: Encoding, p: Prediction) -> list[Neighbor]:
        """The nearest of all entries whose values no neighbor holds (of the searched articles, while keys are encoded)."""
        within = "all" if question.store.ready else question.sources.within
        everywhere = replace(question, sources=replace(question.sources, within=within))
        retrieved = self._more(everywhere, encoded, max(OTHERS_AMONG, 2 * len(p.neighbors)))
        distances, values = self._distances(question, p, retrieved)
        other = np.flatnonzero(~np.isin(values, [n.id for n in p.neighbors]))[:OTHERS]
        entries, nothing = retrieved.found.entries[0][other], np.zeros(len(other))
        shown = neighbors(question.store, p.lm.words, entries, values[other], distances[other], nothing)
        return [replace(n, rank=int(place) + 1) for n, place in zip(shown, other, strict=True)]


def _check_able(p: Prediction, ability: str) -> None:
    """Raises InputError, with the reason, where the method of `p` does not declare an ability."""
    why = registry().method(p.method).why_not(ability)
    if why is not None:
        raise InputError(why)


def _check_keys_of_texts(p: Prediction) -> None:
    """Raises InputError for a memory whose keys cannot be compared with states of texts."""
    method = registry().method(p.method)
    if method.memory is not None:
        raise InputError(f"The keys of {method.title} are not states of texts: there is no such view of its memory.")


def _check_constant(p: Prediction) -> None:
    """Raises InputError unless the memory of `p` has a constant lambda, independent of its neighbors."""
    if p.gate.kind != CONSTANT:
        raise InputError(
            f"This answer was mixed by the gate {p.gate.kind!r}, which may change with the neighbors. "
            "Smallest sets need a constant lambda."
        )
