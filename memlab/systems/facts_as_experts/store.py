"""The fact memory of a model with a workspace's edits, searched by the state of a mask.

Every fact is an entry, every (subject, relation) a row; the objects of a row share its score. Entry i has the score
c_i = v.a - ln(objects of its row), so that the softmax over entries gives each row its share, divided equally among its
objects: the value of a row is the mean of its objects. Scores are returned as distances to the best one (best - c),
so that the weights are the softmax of the negative distances.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from torch import Tensor

from memlab.corpus.world import atlas, fill
from memlab.errors import InputError, NotFound
from memlab.lm.catalogue import info, shipped_models
from memlab.memory.datastore import Documents
from memlab.memory.found import Found
from memlab.memory.own_store import OwnStore
from memlab.reading.own_memory import OwnMemory
from memlab.results import Article, Fact
from memlab.systems.facts_as_experts.combination import FactTable, row_scores
from memlab.systems.facts_as_experts.ledger import FACTS, REMOVE, FactEdit, FactState
from memlab.systems.facts_as_experts.model import FaeModel

SUFFIX = "-facts"  # a fact memory is named after its model
BASE = "base"


@dataclass(frozen=True)
class Entry:
    """One fact in memory. source: "base", or the edit that added it. active: whether it can be retrieved."""

    fact: Fact
    source: str = BASE
    active: bool = True


def entries_after(base: Sequence[Fact], edits: Sequence[FactEdit]) -> list[Entry]:
    """The entries of a fact memory after some edits: those of the base first, in order, then those that edits added."""
    out = [Entry(fact) for fact in base]
    at = {_key(e.fact): n for n, e in enumerate(out)}
    for edit in edits:
        for change in edit.changes:
            if change.old is not None:
                gone = at.pop((change.subject, change.relation, change.old), None)
                if gone is None:
                    continue  # the edit that added it was undone
                out[gone] = Entry(out[gone].fact, out[gone].source, False)
            if change.new is not None and (new := (change.subject, change.relation, change.new)) not in at:
                at[new] = len(out)
                out.append(Entry(Fact(*new), f"edit:{edit.sequence}"))
    return out


def _key(fact: Fact) -> tuple[str, str, str]:
    return fact.subject, fact.relation, fact.object


class FactStore(OwnStore):
    """The fact memory of a model with some entries."""

    def __init__(self, lm: FaeModel, entries: Sequence[Entry]) -> None:
        self.lm, self.entries = lm, tuple(entries)
        self.name = memory_name(lm.name)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def active(self) -> np.ndarray:
        """(m,) numbers of the entries that can be retrieved."""
        return np.array([n for n, e in enumerate(self.entries) if e.active], np.int64)

    @cached_property
    def table(self) -> FactTable:
        """The active entries as indices; entry i of the table is entry `active[i]`."""
        return fact_table(self.lm, [self.entries[n].fact for n in self.active])

    @cached_property
    def keys(self) -> Tensor:
        """(rows, d) the key of every row."""
        with torch.inference_mode():
            return self.table.keys(self.lm.parts)

    @cached_property
    def log_objects(self) -> Tensor:
        """(m,) logarithm of the number of objects of each active entry's row."""
        return torch.bincount(self.table.row)[self.table.row].log()

    @cached_property
    def values(self) -> np.ndarray:  # type: ignore[override]
        """(n,) token of the object of every entry."""
        parts, of = self.lm.parts, self.lm.entity_of
        return np.array([int(parts.tokens[of[e.fact.object]]) for e in self.entries], np.int32)

    def scores(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """c (B, m) of the active entries and the null fact's score (B,) for states h (B, d)."""
        rows, null = row_scores(h, self.keys, self.lm.parts)
        return rows[:, self.table.row] - self.log_objects, null

    @torch.inference_mode()
    def search(self, queries: np.ndarray, k: int) -> Found:
        if len(self.active) == 0:
            return Found.nothing(len(queries))
        parts = [self._search(queries[at : at + 1024], k) for at in range(0, len(queries), 1024)]
        return parts[0] if len(parts) == 1 else Found.stacked(parts)

    def _search(self, queries: np.ndarray, k: int) -> Found:
        scores, _ = self.scores(torch.from_numpy(np.asarray(queries, np.float32)))
        best, places = scores.topk(min(k, scores.shape[1]))
        entries = self.active[places.numpy()]
        distances = (best[:, :1] - best).double().numpy()
        return Found(entries, self.values[entries], distances, len(self.active))

    @torch.inference_mode()
    def gather(self, entries: np.ndarray) -> np.ndarray:
        facts = [self.entries[int(n)].fact for n in entries]
        table = fact_table(self.lm, facts)
        return table.keys(self.lm.parts)[table.row].numpy()

    def source_of(self, entry: int) -> str:
        return self.entries[entry].source

    def without(self, entries: Iterable[int]) -> FactStore:
        gone = {check_entry(self, n) for n in entries}
        return FactStore(
            self.lm, [Entry(e.fact, e.source, e.active and n not in gone) for n, e in enumerate(self.entries)]
        )

    def objects(self, subject: str, relation: str) -> list[Entry]:
        """The active entries of a row."""
        return [e for e in self.entries if e.active and (e.fact.subject, e.fact.relation) == (subject, relation)]

    @cached_property
    def _texts(self) -> tuple[Documents, np.ndarray]:
        """One text for each row, and for each edit; an inactive entry has no span in it."""
        rows = [f"{e.fact.subject} · {e.fact.relation}" for e in self.entries]
        names = [name if e.source == BASE else e.source for e, name in zip(self.entries, rows, strict=True)]
        row = {name: n for n, name in enumerate(dict.fromkeys(names))}
        texts = [""] * len(row)
        titles = [""] * len(row)
        spans = np.zeros((len(self.entries), 3), np.int32)
        for n, (e, name) in enumerate(zip(self.entries, names, strict=True)):
            at = row[name]
            titles[at] = titles[at] or rows[n]
            spans[n, 0] = at
            if e.active:
                left, right = _around(e.fact)
                before = texts[at] + (" " if texts[at] else "") + left
                spans[n, 1:] = len(before), len(before) + len(e.fact.object)
                texts[at] = before + e.fact.object + right
        articles = [Article(name, titles[n], texts[n], "facts") for name, n in row.items()]
        count = Counter(names)
        counts = np.array([count[name] for name in row], np.int64)
        return Documents(articles, np.cumsum(counts) - counts, counts), spans

    @property
    def documents(self) -> Documents:  # type: ignore[override]
        return self._texts[0]

    @property
    def spans(self) -> np.ndarray:  # type: ignore[override]
        return self._texts[1]


def _around(fact: Fact) -> tuple[str, str]:
    """The text before and after the object in a sentence that states the fact."""
    relation = atlas().relations.get(fact.relation)
    question = relation.questions[0] if relation else f"{fact.relation} of [X]: [Y]."
    left, _, right = question.partition("[Y]")
    if not left:
        return "", fill(right, fact.subject, "")
    return fill(left, fact.subject, ""), right.replace("[X]", fact.subject)


def fact_table(lm: FaeModel, facts: Sequence[Fact]) -> FactTable:
    """Facts as indices; facts of one subject and relation are one row."""
    number: dict[tuple[str, str], int] = {}
    row = [number.setdefault((f.subject, f.relation), len(number)) for f in facts]
    return FactTable(
        torch.tensor([lm.entity_of[s] for s, _ in number], dtype=torch.long),
        torch.tensor([lm.relation_of[r] for _, r in number], dtype=torch.long),
        torch.tensor(row, dtype=torch.long),
        torch.tensor([lm.entity_of[f.object] for f in facts], dtype=torch.long),
    )


def memory_name(model: str) -> str:
    """The name of the fact memory of a model."""
    return Path(model).name + SUFFIX


def short_name(lm: FaeModel) -> str:
    """The name of a model in the ledger."""
    return Path(lm.name).name


def check_entry(store: OwnStore, entry: int) -> int:
    """The entry number as an int. Raises NotFound for a number that is not an entry."""
    if isinstance(entry, bool) or not isinstance(entry, int | np.integer) or not 0 <= entry < len(store):
        raise NotFound(f"There is no entry {entry!r} in {store.name!r}; it has 0 to {len(store) - 1}.")
    return int(entry)


def check_names(lm: FaeModel, subject: str, relation: str, *objects: str) -> None:
    """Raises InputError for a subject, relation or object that the model has no embedding for."""
    if relation not in lm.relation_of:
        raise InputError(f"{lm.name} has no relation {relation!r}. Allowed: {', '.join(lm.relation_of)}.")
    for name in (subject, *objects):
        if name not in lm.entity_of:
            near = [e for e in lm.entity_of if e.lower() == str(name).lower()]
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"{lm.name} has no entity {str(name)[:60]!r}: a row needs an embedding of its subject and its object, and only the "
                f"{len(lm.entity_of):,} names of the bundled world have one.{hint} Teach it to a datastore instead; that needs no embedding."
            )


_stores: LRUCache[tuple, tuple[FaeModel, FactStore]] = LRUCache(8)
_guard = threading.Lock()


def store_of(lm: FaeModel, edits: tuple[FactEdit, ...]) -> FactStore:
    """The fact memory of a model after some edits; cached."""
    at = (id(lm), edits)
    with _guard:
        if (found := _stores.get(at)) is not None:
            return found[1]
    made = FactStore(lm, entries_after(lm.facts, edits))
    with _guard:
        return _stores.setdefault(at, (lm, made))[1]  # holding the model keeps its id from being used again


def as_fae(lm: Any, default: str) -> FaeModel:
    """The model as a `FaeModel`. Raises InputError for a model without a fact memory."""
    if not isinstance(lm, FaeModel):
        raise InputError(f"{lm.name} has no fact memory. Use {default}; `memlab train {default}` trains it again.")
    return lm


class FactMemory(OwnMemory):
    """The fact memories of all models that have one."""

    def names(self, context: Any) -> Sequence[str]:
        own = sorted(f.parent for f in (context.home / "models").glob("*/facts.csv"))
        found = [*(m.name for m in shipped_models()), *(str(path) for path in own)]
        return [memory_name(name) for name in found if self._has_facts(name, context)]

    def owns(self, datastore: str, context: Any) -> bool:
        return datastore.endswith(SUFFIX) and self._has_facts(datastore.removesuffix(SUFFIX), context)

    def _has_facts(self, model: str, context: Any) -> bool:
        try:
            return info(context.whole_name(model)).method == "facts-as-experts"
        except NotFound:
            return False

    def store(self, datastore: str, context: Any, as_of: int | None) -> FactStore:
        """The memory of this name with the workspace's edits."""
        lm = as_fae(context.weights(context.load(datastore.removesuffix(SUFFIX)), as_of), "atlas-fae")
        state: FactState = context.ledger.state(FACTS, as_of)
        return store_of(lm, state.of(short_name(lm)))

    def articles(self, datastore: str, context: Any, as_of: int | None) -> Sequence[Article]:
        return self.store(datastore, context, as_of).documents.articles

    def forgetting(self, datastore: str, entries: Sequence[int], context: Any) -> tuple[str, dict[str, Any]]:
        store = self.store(datastore, context, None)
        chosen = [store.entries[check_entry(store, n)] for n in dict.fromkeys(entries)]
        left = [e for e in chosen if e.active]
        if not left:
            raise InputError("There is nothing left to forget: these rows are removed already.")
        return REMOVE, removing(short_name(store.lm), left)


def removing(model: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Parameters of an edit that removes entries."""
    return {"model": model, "facts": [{**_triple(e.fact), "source": e.source} for e in entries]}


def _triple(fact: Fact) -> dict[str, str]:
    return {"subject": fact.subject, "relation": fact.relation, "object": fact.object}
