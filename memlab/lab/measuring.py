"""Scores of methods on the facts of the bundled world."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from memlab.corpus.world import atlas
from memlab.evaluate.prepare import prepare_bundled
from memlab.evaluate.probes import probe_facts, table
from memlab.lab.asking import Asking
from memlab.lab.context import Context
from memlab.lm.catalogue import load
from memlab.methods import method
from memlab.methods.declare import checked


class Measuring:
    """Measurements with questions about facts."""

    def __init__(self, context: Context, asking: Asking) -> None:
        self.context, self.asking = context, asking

    def facts(
        self,
        method_name: str = "bert-knn",
        preset: str = "calibrated",
        search: str | None = None,
        questions: tuple[int, ...] = (0, 1, 2),
        datastore: str | None = None,
    ) -> dict[str, Any]:
        """Scores of model, memory and mixture by exposure, on held-out questions; see `Lab.evaluate_facts`."""
        how = method(method_name)
        name = datastore or self.context.bundled_for(how.kind)
        if not self.context.shelf.is_built(name):
            prepare_bundled(self.context.home, name, lambda fraction, message: None)
        s = checked(
            how.settings, {} if search is None else {"search": search}, self.asking.settings(how.name, name, preset)
        )
        store = self.context.shelf.with_key(self.context.shelf.open(name), s.key)
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
