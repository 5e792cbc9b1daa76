"""One edit of weights from its facts to its scores: train, write the delta, measure what is stored.

Nothing here records anything; `memlab.lab.modifying` puts the result into the ledger.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache
from safetensors.torch import load_file

from memlab.corpus.world import MASK, World, fill
from memlab.errors import InputError, StoppedError
from memlab.evaluate.questions import is_validation
from memlab.lm.deltas import write_delta
from memlab.lm.model import LanguageModel
from memlab.lm.threads import SMALL
from memlab.lm.versions import derive, summed
from memlab.results import Fact
from memlab.systems.constrained_ft.alarms import (
    Perplexity,
    TwoHop,
    fixed_text,
    generated,
    growth,
    perplexity,
    two_hops,
)
from memlab.systems.constrained_ft.cases import (
    Case,
    Known,
    ask_facts,
    case_of,
    check_cases,
    propose,
    statements_of,
    well_known,
    with_neighbors,
)
from memlab.systems.constrained_ft.constraint import AUTO, Constraint, constraint
from memlab.systems.constrained_ft.gaps import gap, never
from memlab.systems.constrained_ft.measuring import Answered, Scores, answers, by_group, score
from memlab.systems.constrained_ft.selection import Selection, select
from memlab.systems.constrained_ft.training import (
    Budget,
    Material,
    Pair,
    Plan,
    Point,
    Progress,
    Stop,
    Trained,
    fine_tune,
)

WATCHED = 120  # unmodified facts that are asked on the way
FEW = 150  # facts of the bundled world that a large model is asked
NEIGHBORS = 5  # neighborhood facts of each case
DELTAS = (0.002, 0.005, 0.01, 0.02, 0.05)  # what "auto" tries, in the infinity norm
TRIED = 8  # validation facts that "auto" edits at most
AUTO_STEPS = 60

_known: LRUCache[tuple, list[Known]] = LRUCache(8)


@dataclass(frozen=True)
class How:
    """How weights are edited; see `memlab.lab.Lab.modify`.

    Args:
        method: one of `training.PROCEDURES`. norm, delta, anchor: the constraint; delta may be "auto".
        blocks, part: which tensors, see `selection.select`. budget: steps, learning rate, seed ...
        goal: "change" gives new objects, "forget" drives the old ones down.
        unknown: "refuse" or "train" facts that the model does not know.
    """

    method: str = "fta"
    norm: str = "inf"
    delta: float | str | None = AUTO
    blocks: tuple[int | str, ...] = ("first",)
    part: str = "all"
    anchor: str = "current"
    budget: Budget = field(default_factory=Budget)
    goal: str = "change"
    unknown: str = "refuse"

    def check(self, lm: LanguageModel) -> Selection:
        """The tensors that it selects. Raises InputError for a setting that cannot be used."""
        if self.goal not in ("change", "forget") or self.unknown not in ("refuse", "train"):
            raise InputError("goal is change or forget, and unknown is refuse or train.")
        selection = select(lm, self.blocks, self.part)
        if self.delta != AUTO or self.norm == "none":
            constraint(self.norm, self.delta)
        elif self.norm not in ("inf", "l2"):
            constraint(self.norm, 1.0)
        Plan(self.method, selection, Constraint("none", None), self.anchor, self.budget)
        return selection

    def to_dict(self) -> dict[str, Any]:
        b = self.budget
        return {
            "method": self.method, "norm": self.norm, "delta": self.delta, "blocks": list(self.blocks), "part": self.part,
            "anchor": self.anchor, "goal": self.goal, "steps": b.steps, "learning_rate": b.learning_rate, "batch": b.batch,
            "first": b.first, "share": b.share, "every": b.every, "seed": b.seed, "stop_loss": b.stop_loss,
        }  # fmt: skip


@dataclass(frozen=True)
class Models:
    """The model that is edited: with the workspace's edits so far (`now`), and without any (`base`)."""

    now: LanguageModel
    base: LanguageModel


@dataclass(frozen=True)
class Outcome:
    """An edit of weights: how it was made and what it did. Scores are those of the stored delta.

    Args:
        how: with the delta that was chosen. cases: what was edited. tried: what "auto" measured.
        rows: every question without and with it. generated: what a causal model writes after each case's question.
        size: bytes of the stored delta. growth: distance of the changed tensors from the base. seconds: by part.
    """

    model: str
    how: How
    cases: tuple[Case, ...]
    curve: tuple[Point, ...]
    ended: str
    rows: tuple[Answered, ...]
    scores: Scores
    perplexity: Perplexity
    hops: tuple[TwoHop, ...]
    generated: tuple[tuple[str, bool], ...]
    growth: Mapping[str, float]
    size: int
    parameters: int
    seconds: Mapping[str, float]
    tried: tuple[Mapping[str, float], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def generated_share(self) -> float | None:
        """Share of the cases whose generated text begins with the new object; None for a masked model."""
        return sum(hit for _, hit in self.generated) / len(self.generated) if self.generated else None

    def numbers(self) -> dict[str, Any]:
        """The scores as single numbers."""
        old = [h for h in self.hops if h.after == h.old]
        return {
            **self.scores.to_dict(), "generated": self.generated_share, "perplexity_before": self.perplexity.before,
            "perplexity_after": self.perplexity.after, "alarm": self.perplexity.alarm,
            "still_deducible": len(old) / len(self.hops) if self.hops else None, "norm_inf": self.growth["inf"],
            "norm_l2": self.growth["l2"], "norm_relative": self.growth["relative"], "bytes": self.size,
            "seconds": sum(self.seconds.values()),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model, "settings": self.how.to_dict(), "facts": [c.to_dict() for c in self.cases],
            **self.numbers(), "ended": self.ended, "seconds_by_part": dict(self.seconds), "parameters": self.parameters,
            "groups": by_group(self.rows), "curve": [p.to_dict() for p in self.curve],
            "two_hop": [h.to_dict() for h in self.hops],
            "texts": [{"fact": c.name, "text": t, "right": hit}
                      for c, (t, hit) in zip(self.cases, self.generated, strict=False)],
            "auto": [dict(t) for t in self.tried], "notes": list(self.notes),
            "rows": [r.to_dict() for r in self.rows if r.moved or r.group in ("edited", "paraphrase")],
        }  # fmt: skip


def modify(
    world: World,
    models: Models,
    facts: Sequence[Fact],
    how: How,
    earlier: Mapping[tuple[str, str], str],
    written: Path,
    progress: Progress = lambda fraction, message: None,
    stop: Stop = lambda: False,
    watch: Callable[[Point], None] = lambda point: None,
) -> Outcome:
    """Edits the weights of a model and writes the delta to `written`.

    Args:
        facts: of the bundled world, each with its *new* object (to be forgotten: with any object, which is ignored).
        earlier: what earlier edits of these weights made the object of (subject, relation).

    Raises:
        InputError: a fact that the model does not know, an object that it cannot write, contradictions, settings.
        StoppedError: `stop` returned True. TrainingError: the loss is no number.
    """
    lm = models.now
    start = time.perf_counter()
    selection = how.check(lm)
    if type(lm) is not LanguageModel:
        raise InputError(f"{lm.name} mixes its states with a memory, so its weights alone cannot be edited here.")
    progress(0.0, "asking what the model knows")
    cases = _cases(world, lm, facts, how, earlier)
    known = known_facts(world, lm, earlier, {c.relation for c in cases}, stop)
    _stopped(stop)
    cases = with_neighbors(cases, known, NEIGHBORS, how.budget.seed)
    tried: list[dict[str, float]] = []
    asked = time.perf_counter()
    if how.delta == AUTO and how.norm != "none":
        how, tried = _auto(world, models, cases, known, how, selection, _part(progress, 0.02, 0.3), stop)
    level = forget_level(world, lm, cases) if how.goal == "forget" else None
    plan = Plan(how.method, selection, constraint(how.norm, how.delta), how.anchor, how.budget, level)
    chosen = time.perf_counter()
    trained = fine_tune(
        lm, models.base, material(world, lm, cases, known, how), plan, _part(progress, 0.3, 0.9), stop, watch
    )
    if not trained.changes:
        raise InputError("Training changed nothing: no step was made that moved a weight. Nothing was recorded.")
    write_delta(written, trained.changes, models.base)
    progress(0.9, "measuring what moved")
    done = time.perf_counter()
    out = measured(world, models, cases, known, how, written, trained, stop)
    _stopped(stop)
    notes = [*selection.notes, *_large(lm), *_unmet(lm, cases, how)]
    if level is not None:
        notes.append(f"Aim: probability {level:.2g}, what the model gives to objects of facts that it never saw.")
    seconds = {
        "known": asked - start, "auto": chosen - asked, "training": trained.seconds, "measuring": time.perf_counter() - done
    }  # fmt: skip
    progress(1.0, "done")
    return replace(out, tried=tuple(tried), seconds=seconds, notes=(*notes, *out.notes))


def measured(
    world: World,
    models: Models,
    cases: Sequence[Case],
    known: Sequence[Known],
    how: How,
    written: Path,
    trained: Trained,
    stop: Stop = never,
) -> Outcome:
    """What a stored delta does."""
    lm = models.now
    values = summed(lm, [load_file(written)])
    after = derive(lm, values)
    forget = how.goal == "forget"
    rows = answers(lm, after, cases, known, forget, stop)
    judged = [replace(c, new="") for c in cases] if forget else list(cases)
    text = perplexity(lm, after, fixed_text(world))
    notes = []
    if text.alarm:
        notes.append(
            f"Alarm: the perplexity of a fixed text rose from {text.before:.2f} to {text.after:.2f}. The edit damaged more "
            "than its facts; choose a smaller delta, fewer blocks or FTA."
        )
    if forget:
        left = [r for r in rows if r.group in ("edited", "paraphrase") and r.after == r.fact.object]
        notes += [f"Still known: {r.prompt} {r.after} (p {r.p_after:.2f})" for r in left]
    return Outcome(
        lm.name, how, tuple(cases), trained.curve, trained.ended, rows, score(rows, lm, after, judged), text,
        two_hops(world, lm, after, judged), tuple(generated(after, judged)) if lm.kind == "causal" else (),
        growth(models.base, values), written.stat().st_size, sum(v.numel() for v in values.values()), {}, (), tuple(notes),
    )  # fmt: skip


def known_facts(
    world: World,
    lm: LanguageModel,
    earlier: Mapping[tuple[str, str], str],
    relations: set[str] | frozenset[str] = frozenset(),
    stop: Stop = never,
) -> list[Known]:
    """F: the facts that a model answers correctly, earlier edits counted with their new objects.

    A model of more than 30 million parameters is asked about a sample: facts of the edited relations, then others.
    """
    facts = [replace(f, object=earlier.get((f.subject, f.relation), f.object)) for f in world.facts]
    if lm.module.num_parameters() > SMALL:
        draw = random.Random(0)
        own = [f for f in facts if f.relation in relations]
        own = draw.sample(own, min(len(own), FEW // 2))
        rest = [f for f in facts if f.relation not in relations]
        facts = own + draw.sample(rest, FEW - len(own))
    at = (
        len(world.facts),
        lm.weights_hash,
        tuple(sorted(earlier.items())),
        frozenset(relations) if len(facts) < len(world.facts) else None,
    )
    if at not in _known:
        _known[at] = [k for k in ask_facts(world, lm, facts, stop) if k is not None and k.said.right]
    return _known[at]


def material(world: World, lm: LanguageModel, cases: Sequence[Case], known: Sequence[Known], how: How) -> Material:
    """The sentences of an edit. To be forgotten are the old objects."""
    edited = {(c.subject, c.relation) for c in cases}
    rest = [k for k in known if k.at not in edited]
    forget = how.goal == "forget"
    watched = random.Random(how.budget.seed).sample(rest, min(WATCHED, len(rest)))

    def told(some: Sequence[Known]) -> list[Pair]:
        return [
            (s, k.fact.object)
            for k in some
            for s in statements_of(world.relation(k.fact.relation), k.fact.subject, lm.kind)
        ]

    return Material(
        [(s, c.old if forget else c.new) for c in cases for s in c.statements],
        told(rest) if "fta" in how.method else (),
        told(known) if how.method.startswith("ft+") or how.method == "ft" else (),
        () if forget else [(c.question, c.new) for c in cases],
        [(k.question, k.fact.object) for k in watched],
    )


def forget_level(world: World, lm: LanguageModel, cases: Sequence[Case]) -> float:
    """The median probability that a model gives to the object of a fact that it never saw (of the same relations, where
    there are at least five): what is left of a fact that was forgotten."""
    unseen = [f for f in world.facts if f.exposure == "unseen"]
    same = [f for f in unseen if f.relation in {c.relation for c in cases}]
    asked = [k for k in ask_facts(world, lm, (same if len(same) >= 5 else unseen)[:200]) if k is not None]
    return float(np.clip(np.median([k.said.p for k in asked]), 1e-6, 0.5)) if asked else 0.01


def proposals(world: World, lm: LanguageModel, facts: Sequence[Fact], seed: int = 0) -> list[str]:
    """A new object for each fact, as the benchmark draws them."""
    return propose(well_known(world), facts, seed)


def _cases(
    world: World, lm: LanguageModel, facts: Sequence[Fact], how: How, earlier: Mapping[tuple[str, str], str]
) -> list[Case]:
    found = []
    for wanted in facts:
        name = world.relation(wanted.relation).name
        fact = next((f for f in world.by_subject.get(wanted.subject, ()) if f.relation == name), None)
        if fact is None:
            raise InputError(
                f"The bundled world has no {name} of {wanted.subject}, so {lm.name} cannot know it. "
                'To add a new fact, teach it: memlab teach "...".'
            )
        old = earlier.get((fact.subject, name), fact.object)
        new = " ".join(wanted.object.split()) if how.goal == "change" else old
        if how.goal == "change" and (not new or MASK in new):
            raise InputError(f"{wanted.object!r} is no object. Name one, for example France|capital|Lyon.")
        found.append((replace(fact, object=old), new))
    cases = [case_of(world, lm, fact, new) for fact, new in found]
    check_cases(lm, cases) if how.goal == "change" else check_cases(lm, [replace(c, new=f"not {c.old}") for c in cases])
    for (fact, _), k in zip(found, ask_facts(world, lm, [f for f, _ in found]), strict=True):
        if (k is None or not k.said.right) and how.unknown == "refuse":
            said = "cannot be asked" if k is None else f"answers {k.said.top!r}"
            question = fill(world.relation(fact.relation).questions[0], fact.subject, MASK)
            raise InputError(
                f"{lm.name} does not know that the {fact.relation} of {fact.subject} is {fact.object}: to {question!r} it "
                f"{said}. Only known facts are modified. Teach it to memory (memlab teach), or train it into the weights "
                "all the same (unknown='train', --unknown train)."
            )
    return cases


def _auto(
    world: World,
    models: Models,
    cases: Sequence[Case],
    known: Sequence[Known],
    how: How,
    selection: Selection,
    progress: Progress,
    stop: Stop,
) -> tuple[How, list[dict[str, float]]]:
    """The delta with the highest A-bar on validation facts that are none of the edited ones; the smallest among equals.

    Tried are `DELTAS` (for L2 the length of a vector whose weights all differ by half of that), from the smallest, with
    at most 60 steps, on as many validation facts as are edited, at most 8. It ends at the first with A_M of 1 and
    A_F\\S of 0.98.
    """
    edited = {(c.subject, c.relation) for c in cases}
    objects = {(f.relation, f.object) for f in well_known(world)}
    many = {r for r, n in Counter(r for r, _ in objects).items() if n > 1}
    valid = [k for k in known if is_validation(k.fact) and k.at not in edited and k.fact.relation in many]
    if len(valid) < 2:
        raise InputError(f"{models.now.name} knows too few facts to choose delta. Give one, for example 0.01.")
    draw = random.Random(how.budget.seed)
    some = draw.sample(valid, min(max(2, len(cases)), TRIED, len(valid)))
    forget = how.goal == "forget"
    new = (
        [k.fact.object for k in some] if forget else propose(well_known(world), [k.fact for k in some], how.budget.seed)
    )
    trial_cases = [case_of(world, models.now, k.fact, o) for k, o in zip(some, new, strict=True)]
    trial = replace(how, budget=replace(how.budget, steps=min(AUTO_STEPS, how.budget.steps)))
    level = forget_level(world, models.now, trial_cases) if forget else None
    size = sum(models.now.module.get_parameter(name).numel() for name in selection.names)
    found: list[dict[str, float]] = []
    for n, inf in enumerate(DELTAS):
        delta = inf if how.norm == "inf" else float(f"{inf / 2 * math.sqrt(size):.3g}")
        plan = Plan(how.method, selection, constraint(how.norm, delta), how.anchor, trial.budget, level)
        own = _part(progress, n / len(DELTAS), (n + 1) / len(DELTAS))
        given = material(world, models.now, trial_cases, known, trial)
        last = fine_tune(models.now, models.base, given, plan, own, stop).curve[-1]
        a_m = float(last.loss < how.budget.stop_loss) if last.a_m is None else last.a_m
        found.append({"delta": delta, "a_m": a_m, "a_fs": last.a_fs or 0.0, "a_bar": (a_m + (last.a_fs or 0.0)) / 2})
        if a_m == 1.0 and (last.a_fs or 0.0) >= 0.98:
            break
    best = max(found, key=lambda row: (row["a_bar"], -row["delta"]))
    return replace(how, delta=best["delta"]), found


def _unmet(lm: LanguageModel, cases: Sequence[Case], how: How) -> list[str]:
    if lm.unmet is None or how.goal == "forget":
        return []
    never = [c.new for c in cases if any(t in lm.unmet for t in gap(lm, c.prompt, c.new).targets)]
    return [
        f"{name} was in no sentence of the model's training: harder to learn than an object that it knows."
        for name in never
    ]


def _large(lm: LanguageModel) -> list[str]:
    if lm.module.num_parameters() <= SMALL:
        return []
    return [f"{lm.name} is large: it was asked about {FEW} facts of the bundled world, not about all."]


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda fraction, message: progress(low + (high - low) * fraction, message)


def _stopped(stop: Stop) -> None:
    if stop():
        raise StoppedError("Stopped; nothing was recorded.")
