"""Scores."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from memlab.corpus.world import atlas
from memlab.evaluate.prepare import prepare_bundled
from memlab.evaluate.probes import probe_facts, table
from memlab.lab.explaining import Explaining
from memlab.lab.making import Making
from memlab.lab.perplexity import Perplexity
from memlab.lm.catalogue import load
from memlab.methods import method
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
