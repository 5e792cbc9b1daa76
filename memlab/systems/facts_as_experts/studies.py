"""The studies of Facts as Experts: the bleed test, and facts that the training text never states."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memlab.errors import InputError, StoppedError
from memlab.progress import Progress, Stop
from memlab.systems.facts_as_experts.bleeding import (
    GROUPS,
    GroupScore,
    MovedAnswer,
    Replacement,
    answers,
    draw_replacements,
    group_scores,
)
from memlab.systems.facts_as_experts.declaration import MODEL, BleedSettings, HeldOutSettings
from memlab.systems.facts_as_experts.ledger import REPLACE, FactChange, FactEdit
from memlab.systems.facts_as_experts.measuring import exposure_table, read_questions, say, tokens_of
from memlab.systems.facts_as_experts.model import FaeModel
from memlab.systems.facts_as_experts.store import FactStore, as_fae, entries_after, short_name


@dataclass(frozen=True)
class Bleed:
    """What moved when rows were replaced, all together and one by one.

    alone: for each replacement made alone, the fact and how many other answers moved in each group.
    seconds: of replacing the rows, without measuring.
    """

    model: str
    settings: dict[str, Any]
    groups: tuple[GroupScore, ...]
    alone: tuple[dict[str, Any], ...]
    moved: tuple[MovedAnswer, ...]
    seconds: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "bleed", "data": "atlas", "model": self.model, "settings": self.settings,
            "results": [g.to_dict() for g in self.groups], "alone": list(self.alone), "seconds": self.seconds,
            "notes": list(self.notes), "rows": [m.to_dict() for m in self.moved],
        }  # fmt: skip


def bleed(house: Any, settings: BleedSettings, progress: Progress, stop: Stop) -> Bleed:
    """Replaces rows that are answered correctly, and asks about all facts before and after. Nothing is recorded.

    Raises:
        InputError: fewer facts are answered correctly than are to be replaced. StoppedError: `stop` returned True.
    """
    lm = as_fae(house.load(MODEL), MODEL)
    watch = _watched(progress, stop)
    watch(0.0, "reading questions")
    read = read_questions(lm, lm.facts, settings.question, progress=lambda f, m: watch(0.5 * f, m))
    base = FactStore(lm, entries_after(lm.facts, ()))
    before = say(read, base)
    known = before.right(tokens_of(lm, [f.object for f in lm.facts]))
    among = [f for f, right in zip(lm.facts, known, strict=True) if right]
    changed = draw_replacements(lm.facts, among, settings.replaced, settings.seed)
    if len(changed) < settings.replaced:
        raise InputError(f"Only {len(changed)} facts can be replaced. Ask for at most that many.")
    start = time.perf_counter()
    store = FactStore(lm, entries_after(lm.facts, (replacing(lm, changed),)))
    _ = store.keys, store.active, store.values
    seconds = time.perf_counter() - start
    after = say(read, store)
    groups = group_scores(read, before, after, changed)
    moved = [m for m in answers(read, before, after, changed) if m.moved]
    alone = []
    some = changed[: settings.one_by_one]
    for n, one in enumerate(some):
        watch(0.5 + 0.5 * n / len(some), f"replacing {n + 1} of {len(some)} alone")
        single = say(read, FactStore(lm, entries_after(lm.facts, (replacing(lm, [one]),))))
        scores = {g.group: g.moved for g in group_scores(read, before, single, [one])}
        alone.append(
            {
                "subject": one.fact.subject, "relation": one.fact.relation, "object": one.fact.object, "new": one.new,
                **{name: scores.get(name, 0) for name in GROUPS},
            }
        )  # fmt: skip
    return Bleed(lm.name, asdict(settings), tuple(groups), tuple(alone), tuple(moved), seconds, _notes(groups, alone))


def replacing(lm: FaeModel, changed: Sequence[Replacement]) -> FactEdit:
    """The replacements as an edit that is not recorded."""
    changes = tuple(FactChange(c.fact.subject, c.fact.relation, c.fact.object, c.new) for c in changed)
    return FactEdit(1, REPLACE, short_name(lm), changes)


def _notes(groups: Sequence[GroupScore], alone: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    others = [g for g in groups if g.group != "edited"]
    asked, moved = sum(g.asked for g in others), sum(g.moved for g in others)
    out = [f"{moved} of {asked:,} answers about facts that were not edited moved."]
    if alone:
        per_edit = float(np.mean([sum(row[name] for name in GROUPS[1:]) for row in alone]))
        out.append(f"A replacement made alone moves {per_edit:.2f} other answers on average.")
    return tuple(out)


@dataclass(frozen=True)
class HeldOut:
    """Accuracy by exposure, with and without the rows of a group; see `measuring.exposure_table`."""

    model: str
    settings: dict[str, Any]
    rows: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "held-out facts", "data": "atlas", "model": self.model, "settings": self.settings,
            "results": list(self.rows), "rows": [],
        }  # fmt: skip


def held_out(house: Any, settings: HeldOutSettings, progress: Progress, stop: Stop) -> HeldOut:
    """Asks about all facts with their rows and without them. Raises StoppedError."""
    lm = as_fae(house.load(MODEL), MODEL)
    watch = _watched(progress, stop)
    watch(0.0, "reading questions")
    return HeldOut(lm.name, asdict(settings), tuple(exposure_table(lm, (settings.question,), watch)))


def _watched(progress: Progress, stop: Stop) -> Progress:
    """Reports progress; raises StoppedError once a stop was requested."""

    def tick(fraction: float, message: str) -> None:
        progress(fraction, message)
        if stop():
            raise StoppedError("Stopped; nothing was kept.")

    return tick
