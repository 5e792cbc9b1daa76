"""LAMA: public facts, asked of a model with a memory of the sentences that state them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from memlab.corpus.model_kinds import model_kind
from memlab.errors import InputError, StoppedError
from memlab.evaluate.lama import LamaAsked, Relation, ask, askable, candidates, evidence, read_lama, table
from memlab.lab.building import Building, BuildRequest
from memlab.lab.house import LabHouse
from memlab.lm.model import LanguageModel
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.reading.reader import Request
from memlab.systems.registry import registry


class Lama:
    """P@1 on LAMA T-REx: model, memory of the evidences, mixture."""

    def __init__(self, house: LabHouse, building: Building) -> None:
        self.house, self.building = house, building

    def measure(
        self,
        data: Path,
        relations: Sequence[str] = (),
        limit: int | None = None,
        model: str | None = None,
        method: str | None = None,
        preset: str = "calibrated",
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> dict[str, Any]:
        """See `Lab.evaluate_lama`."""
        Request("ask", "", preset=preset).check()
        if limit is not None and limit < 1:
            raise InputError(f"limit is {limit}; allowed is 1 or more.")
        name = model or self.house.default_model("masked")
        lm = self.house.load(name)
        how = self.house.method("ask", method, name)
        if how.knn is None:
            fitting = ", ".join(m.name for m in registry().able("ask", lm.kind).values() if m.knn is not None)
            raise InputError(
                f"{how.title} does not mix in p_kNN, and what is measured is the model, p_kNN and their mixture. Methods that do: "
                f"{fitting}."
            )
        chosen = _fitting(read_lama(data, relations), lm, bool(relations))
        allowed = candidates(data, lm)
        asked = [askable(relation, lm, limit, allowed) for relation in chosen]
        articles = evidence(asked)
        if not articles:
            why = "; ".join(f"{a.relation.name}: {_reasons(a)}" for a in asked)
            raise InputError(
                f"{lm.name} can be asked none of these facts ({why}). Choose another model or other relations."
            )
        store = _store_name(name, asked)
        self.building.build(articles, BuildRequest(store, name), part(progress, 0.0, 0.6), stop)
        k = self.house.settings(how.name, store, preset).k
        entries = len(self.house.shelf.open(store))
        few = {"k": entries} if k > entries else {}
        request = Request("ask", how.name, name, store, 0, preset, leave_out="nothing", settings=few)
        sources = self.house.reader(how).sources(request, self.house)
        rows = []
        for n, one in enumerate(asked):
            shown = partial(_asking, part(progress, 0.6, 1.0), stop, n, len(asked), one.relation.name)
            rows += ask(sources, one, allowed, shown)
        settings = {} if sources.settings is None else asdict(sources.settings)
        return {
            "task": "lama",
            "data": str(data),
            "settings": {
                "model": name, "method": how.name, "preset": preset, "datastore": store, "limit": limit,
                "candidates": None if allowed is None else len(allowed), "articles": len(articles), **settings,
            },
            "passed_over": {one.relation.name: one.passed_over for one in asked},
            "results": table(rows, how.name),
            "rows": [row.to_dict() for row in rows],
            "notes": self._notes(),
        }  # fmt: skip

    def _notes(self) -> list[str]:
        """What a reader of the result must know: that the edits of the workspace are not part of it."""
        edits = self.house.context.ledger.active_count()
        if edits == 0:
            return []
        return [
            f"This workspace has {edits} active edit{'' if edits == 1 else 's'}, of memory or weights. None is part of this "
            "measurement: the model answers with the weights of its files, and only the evidences are remembered."
        ]


def _fitting(relations: Sequence[Relation], lm: LanguageModel, named: bool) -> list[Relation]:
    """The relations that a model can be asked about. Raises InputError for one that was named and does not fit."""
    if not model_kind(lm.kind).left_to_right:
        return list(relations)
    wrong = [r for r in relations if not r.object_ends]
    if wrong and named:
        raise InputError(
            f"{lm.name} is {lm.kind} and is asked left to right: the object must end the sentence, which it does not in "
            + ", ".join(f"{r.name} ({r.template})" for r in wrong)
            + ". Leave these out, or choose a masked model."
        )
    fitting = [r for r in relations if r.object_ends]
    if not fitting:
        raise InputError("The object ends the sentence in none of these relations. Choose a masked model.")
    return fitting


def _store_name(model: str, asked: Sequence[LamaAsked]) -> str:
    """A name that is the same for the same facts and model, so that a second measurement finds the memory built."""
    facts = "\n".join(f"{f.relation}\t{f.subject}\t{f.object}" for one in asked for f in one.facts)
    return f"lama-{Path(model).name[:40]}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"


def _asking(progress: Progress, stop: Stop, n: int, of: int, name: str, share: float) -> None:
    if stop():
        raise StoppedError("stopped while asking; the memory of the evidences is kept")
    progress((n + share) / of, f"asking {name}")


def _reasons(asked: LamaAsked) -> str:
    return ", ".join(f"{count} {why}" for why, count in asked.passed_over.items()) or "no facts"
