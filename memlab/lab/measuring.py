"""Scores and speeds."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from memlab.corpus.generator import atlas_articles
from memlab.corpus.world import atlas
from memlab.evaluate.bench import bench_ask, bench_build, bench_indexes, bench_mix, machine
from memlab.evaluate.prepare import (
    BUNDLED_METHOD,
    prepare_bundled,
)
from memlab.evaluate.probes import probe_facts, table
from memlab.lab.explaining import Explaining
from memlab.lab.making import Making
from memlab.lab.perplexity import Perplexity
from memlab.lm.catalogue import bundled_models, load
from memlab.methods import METHODS, method
from memlab.methods.declare import checked


class Measuring(Explaining, Perplexity, Making):
    """Measurements."""

    def evaluate_facts(
        self,
        method_name: str = "bert-knn",
        preset: str = "calibrated",
        search: str | None = None,
        questions: tuple[int, ...] = (0, 1, 2),
        datastore: str | None = None,
    ) -> dict[str, Any]:
        """Held-out questions about all facts that calibration has not seen: model, memory, mixture by exposure."""
        how = method(method_name)
        name = datastore or self._bundled_for(how.kind)
        if not self._shelf.is_built(name):
            prepare_bundled(self.home, name, lambda fraction, message: None)
        s = checked(how.settings, {} if search is None else {"search": search}, self.settings(how.name, name, preset))
        store = self._shelf.with_key(self._shelf.open(name), s.key)
        lm = load(store.fingerprint.model)
        store.check(lm, s.key)
        s = replace(s, k=min(s.k, len(store)))
        rows = probe_facts(atlas(), how, lm, store, s, questions)
        return {
            "task": "facts",
            "data": "atlas",
            "settings": {"method": how.name, "preset": preset, "datastore": store.name, **asdict(s)},
            "results": table(atlas(), rows, how.name),
            "rows": [row.to_dict() for row in rows],
        }

    def bench(self, repeat: int = 60) -> dict[str, Any]:
        """Asking, mixing, explaining, building and searching against their bare parts, in one run."""
        self.build_bundled()
        results = []
        for m in bundled_models():
            how = METHODS[BUNDLED_METHOD[m.kind]]
            s = self.settings(how.name)
            store = self._shelf.with_key(self._shelf.open(m.name), s.key)
            facts = atlas().facts[:: max(1, len(atlas().facts) // repeat)][: repeat + 1]
            prompts = [self.question(f, 0, m.kind) for f in facts]
            results.append(bench_ask(self.ask, how.name, load(m.name), store, prompts, s))
            results.append(bench_mix(self.ask, how.name, prompts[0], repeat))
            results += self.bench_explaining(prompts, repeat)
            results.append(bench_build(load(m.name), atlas_articles()[:400], s.key))
        results += self.bench_reading()
        results += bench_indexes(self._shelf.open(bundled_models()[0].name))
        return {"task": "bench", "machine": machine(), "results": results}
