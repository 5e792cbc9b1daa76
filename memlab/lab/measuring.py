"""Scores of methods on the facts of the bundled world."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from memlab.corpus.world import atlas
from memlab.evaluate.probes import probe_facts, table
from memlab.lab.house import LabHouse
from memlab.reading.reader import Request


class Measuring:
    """Measurements with questions about facts."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    def facts(
        self,
        method_name: str | None = None,
        preset: str = "calibrated",
        search: str | None = None,
        questions: tuple[int, ...] = (0, 1, 2),
        datastore: str | None = None,
        as_of: int | None = None,
    ) -> dict[str, Any]:
        """Scores of model, memory and mixture by exposure, on held-out questions; see `Lab.evaluate_facts`."""
        how = self.house.method("ask", method_name, None, "[MASK]")
        settings = {} if search is None else {"search": search}
        if how.remembers and how.knn is not None:
            self.house.make_ready(datastore or self.house.default_model(how.kind))
        request = Request("ask", how.name, None, datastore, as_of, preset, leave_out="nothing", settings=settings)
        request.check()
        sources = self.house.reader(how).sources(request, self.house)
        rows = probe_facts(atlas(), sources, questions)
        s = {} if sources.settings is None else asdict(sources.settings)
        return {
            "task": "facts",
            "data": "atlas",
            "settings": {
                "method": how.name,
                "preset": preset,
                "datastore": sources.datastore,
                "as_of": sources.head,
                **s,
            },
            "results": table(atlas(), rows, how.name),
            "rows": [row.to_dict() for row in rows],
        }
