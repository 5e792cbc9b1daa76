"""Why an answer came out: views of one prediction, from the encoding and search that it was made of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memlab.bench.explaining import PROMPTS, bench_occlusion, bench_smallest_set, bench_sweep
from memlab.corpus.world import atlas
from memlab.errors import InputError
from memlab.evaluate.health import key_health
from memlab.evaluate.keymap import agreement, principal_plane
from memlab.evaluate.lens import lens
from memlab.evaluate.occlusion import occlude
from memlab.evaluate.smallest_set import MOST, Pool, doubts, smallest_set
from memlab.lab.asking import Asking, Posed
from memlab.memory.retrieval import Encoding, Retrieval, search_everywhere
from memlab.methods import RECALL
from memlab.methods.answer import neighbors
from memlab.methods.sweep import Candidates, Voters, axis_of, divisor_of, sweep
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

SWEPT_K = 4  # k is swept to so many times its value
LEAST_K = 128  # but at least so far
MAPPED = 300  # neighbors drawn on a map
OTHERS = 40  # entries with other values drawn on a map
OTHERS_AMONG = 2_048  # nearest entries among which they are looked for


class Explaining(Asking):
    """Views of an answer. Each takes a `Prediction` of this lab and honors its settings, edits and `as_of`."""

    def smallest_set(self, p: Prediction, most: int | None = None) -> SmallestSet:
        """The fewest neighbors whose forgetting changes the answer; at most `most` (default: k, at most 256).

        Raises:
            InputError: neighbors are already left out of `p`, or its lambda is not a constant.
        """
        _check_constant(p)
        if p.without:
            raise InputError("Neighbors are already left out of this answer. Ask without `without` first.")
        posed, encoded = self._posed(p)
        most = min(len(p.neighbors), MOST) if most is None else most
        retrieved = self._more(posed, encoded, len(p.neighbors) + most)
        scores, shown = self._ranked(posed, p, retrieved)
        pool = Pool(scores, np.array([n.id for n in shown]), shown)
        doubt = doubts(posed.store, p.prompt, retrieved)
        return smallest_set(p, pool, most, doubt, lambda entries: self.again(p, without=entries))

    def occlusion(self, p: Prediction, most: int | None = None) -> Occlusion:
        """How the distances of the (first `most`) neighbors change when each prompt word is hidden.

        Raises:
            InputError: the prompt has one word and a causal model reads it.
        """
        posed, encoded = self._posed(p)
        return self._kept(posed).get(
            ("occlusion", posed.store, posed.lm, p.prompt, p.answer, tuple(p.settings.items()), most),
            lambda: occlude(posed.lm, posed.store, encoded, p, posed.settings, most),
        )

    def layers(self, p: Prediction) -> LayerLens:
        """What the output head reads at every layer: the right kind of word, and the right one."""
        posed, encoded = self._posed(p)
        return self._cache.get(
            ("layers", posed.lm, p.prompt, p.answer), lambda: lens(atlas(), posed.lm, encoded.read, p)
        )

    def map(self, p: Prediction, others: bool = False) -> KeyMap:
        """Question and neighbors in two dimensions; `others` adds the nearest entries with other values."""
        start = time.perf_counter()
        posed, encoded = self._posed(p)
        drawn = list(p.neighbors[:MAPPED])
        also = self._with_other_values(posed, encoded, p) if others else []
        keys = posed.store.gather(np.array([n.entry for n in (*drawn, *also)]))
        keys = np.concatenate([encoded.key[None], keys])
        plane, kept = principal_plane(keys)
        roles = ["neighbor"] * len(drawn) + ["other"] * len(also)
        points = [
            MapPoint(role, float(x), float(y), n)
            for role, (x, y), n in zip(roles, plane[1:], (*drawn, *also), strict=True)
        ]
        question = MapPoint("question", float(plane[0, 0]), float(plane[0, 1]))
        ms = 1e3 * (time.perf_counter() - start)
        return KeyMap((question, *points), kept, agreement(plane, keys), len(p.neighbors) - len(drawn), ms)

    def sweep(self, p: Prediction, over: str = "lam", points: int = 101) -> Sweep:
        """Answer and probabilities as functions of lambda, k, or the method's scale or temperature.

        From one search, without a further forward pass.

        Raises:
            InputError: the method has no such setting, its lambda is not a constant, or fewer than two points.
        """
        _check_constant(p)
        posed, encoded = self._posed(p)
        k = len(p.neighbors)
        wanted = max(SWEPT_K * posed.settings.k, LEAST_K) if over == "k" else posed.settings.k
        distances, values = self._distances(posed, p, self._more(posed, encoded, wanted))
        axis = axis_of(posed.how, posed.settings, over, points, len(distances))
        voters = Voters(distances, Candidates.of(p.lm.p, values))
        divisor = getattr(posed.settings, divisor_of(posed.how))
        return sweep(axis, voters, k, divisor, p.gate.knn_weight, lambda i: p.lm.words[i])

    def health(self, p: Prediction) -> QueryHealth:
        """How good the keys of the datastore are, measured once for each state of it, and where the question stands.

        Raises:
            InputError: the datastore is too small, or still being built.
        """
        posed, encoded = self._posed(p)
        keys = self._kept(posed).get(("health", posed.store), lambda: key_health(posed.store))
        distance = float(np.sqrt(search_everywhere(posed.store, encoded.key[None], 1).distances[0, 0]))
        return QueryHealth(keys, distance, float(np.mean(keys.nearest < distance)))

    def bench_explaining(self, prompts: Sequence[str], repeat: int) -> Iterator[dict[str, Any]]:
        """Speed of sweeping, of the smallest set for k = 128, and of occlusion, for prompts of one kind."""
        predictions = [self.ask(prompt, k=128) for prompt in prompts]
        long = self.ask(PROMPTS[predictions[0].kind])
        posed, encoded = self._posed(long)

        def occluded(p: Prediction) -> Occlusion:
            return occlude(posed.lm, posed.store, encoded, p, posed.settings)

        yield from bench_sweep(self.sweep, predictions[0], repeat)
        yield bench_smallest_set(self.smallest_set, predictions)
        yield bench_occlusion(occluded, long, posed.lm, repeat)

    def _posed(self, p: Prediction) -> tuple[Posed, Encoding]:
        """The question of a prediction again, and its encoding (cached)."""
        posed = self._pose(p.prompt, p.method, p.model, p.datastore, p.as_of, "paper", p.without, dict(p.settings))
        return posed, self._encode(posed.lm, posed.prompt, posed.settings.key)[0]

    def _more(self, posed: Posed, encoded: Encoding, k: int) -> Retrieval:
        """The k nearest entries, or all that there are."""
        return self._retrieve(posed, encoded, min(k, len(posed.store)))[0]

    def _distances(self, posed: Posed, p: Prediction, retrieved: Retrieval) -> tuple[np.ndarray, np.ndarray]:
        """Distances as the method uses them, and token ids, of what a search found."""
        found = retrieved.found
        real = found.entries[0] >= 0
        values = found.values[0][real]
        return RECALL[p.method](found.distances[0][real], values, len(p.lm), posed.settings)[0], values

    def _ranked(self, posed: Posed, p: Prediction, retrieved: Retrieval) -> tuple[np.ndarray, tuple[Neighbor, ...]]:
        """Log weights and neighbors of a search with a larger k; those beyond the k of `p` weigh nothing."""
        distances, values = self._distances(posed, p, retrieved)
        entries = retrieved.found.entries[0][: len(values)]
        weights = np.zeros(len(values))
        weights[: len(p.neighbors)] = [n.weight for n in p.neighbors]
        shown = neighbors(posed.store, p.lm.words, entries, values, distances, weights)
        return -distances / getattr(posed.settings, divisor_of(posed.how)), shown

    def _with_other_values(self, posed: Posed, encoded: Encoding, p: Prediction) -> list[Neighbor]:
        """The nearest of all entries whose values no neighbor holds (of the searched articles, while keys are encoded)."""
        everywhere = replace(posed, search="all" if posed.store.ready else posed.search)
        retrieved = self._more(everywhere, encoded, max(OTHERS_AMONG, 2 * len(p.neighbors)))
        distances, values = self._distances(posed, p, retrieved)
        other = np.flatnonzero(~np.isin(values, [n.id for n in p.neighbors]))[:OTHERS]
        entries, nothing = retrieved.found.entries[0][other], np.zeros(len(other))
        shown = neighbors(posed.store, p.lm.words, entries, values[other], distances[other], nothing)
        return [replace(n, rank=int(place) + 1) for n, place in zip(shown, other, strict=True)]


def _check_constant(p: Prediction) -> None:
    """Raises InputError unless one lambda weighs the memory of `p`, whatever its neighbors are."""
    if p.gate.kind != "constant":
        raise InputError(
            f"This answer was mixed by the gate {p.gate.kind!r}, which may move with the neighbors. "
            "Sweeps and smallest sets need a constant lambda."
        )
