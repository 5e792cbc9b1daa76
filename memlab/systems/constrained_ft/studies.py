"""Studies of constrained fine-tuning: the benchmark, the sweep, stacked edits, and retraining (RT).

They train copies of the unedited model; the workspace and its edits do not change.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import plotly.graph_objects as go
from torch import Tensor

from memlab.corpus.sentences import sentence_spans
from memlab.corpus.world import World, atlas
from memlab.errors import InputError, StoppedError
from memlab.lm.catalogue import load
from memlab.lm.checkpoint import Checkpoint
from memlab.lm.model import LanguageModel
from memlab.lm.training import RECIPES, train
from memlab.lm.versions import derive, summed
from memlab.progress import Progress, Stop
from memlab.reading.reader import House
from memlab.record.files import temporary_file
from memlab.results import Fact
from memlab.systems.constrained_ft import figures
from memlab.systems.constrained_ft.alarms import fixed_text, growth, perplexity
from memlab.systems.constrained_ft.cases import Case, Known, case_of, propose, well_known
from memlab.systems.constrained_ft.constraint import constraint
from memlab.systems.constrained_ft.declaration import (
    DRAWN,
    BenchmarkSettings,
    RetrainSettings,
    StackSettings,
    SweepSettings,
)
from memlab.systems.constrained_ft.gaps import Gap, ask, gap, never
from memlab.systems.constrained_ft.how import How, Models, material
from memlab.systems.constrained_ft.knowledge import cases_of, known_facts
from memlab.systems.constrained_ft.measuring import answers, score
from memlab.systems.constrained_ft.modifying import modify
from memlab.systems.constrained_ft.outcome import Outcome
from memlab.systems.constrained_ft.plan import Budget, Plan
from memlab.systems.constrained_ft.selection import select
from memlab.systems.constrained_ft.training import fine_tune

KEPT = 400  # unmodified facts that a point of the sweep is scored on
GRIDS = {
    "short": ((0.005, 0.01, 0.02, 0.05), ("first", "last"), (32,)),
    "full": ((0.001, 0.005, 0.01, 0.02, 0.05, 0.1), ("first", "middle", "last", "all"), (1, 8, 32, 128)),
}


@dataclass(frozen=True)
class BenchmarkResult:
    """One edit of |M| facts, with everything that was measured."""

    outcome: Outcome

    def to_dict(self) -> dict[str, Any]:
        return {"task": "editing", "data": "atlas", **self.outcome.to_dict()}

    def figures(self) -> dict[str, go.Figure]:
        """Scores while training."""
        return {"Scores while training": figures.training([p.to_dict() for p in self.outcome.curve])}


@dataclass(frozen=True)
class SweepPoint:
    """One setting of the sweep, with its scores. delta: None without a constraint."""

    blocks: str
    delta: float | None
    facts: int
    a_m: float
    a_fs: float
    steps: int
    seconds: float

    @property
    def a_bar(self) -> float:
        """Mean of the two."""
        return (self.a_m + self.a_fs) / 2

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "a_bar": self.a_bar}


@dataclass(frozen=True)
class SweepResult:
    """All points of a sweep, with its settings."""

    settings: SweepSettings
    points: tuple[SweepPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        points = [p.to_dict() for p in self.points]
        return {
            "task": "editing sweep", "settings": asdict(self.settings), "results": points, "frontier": figures.pareto(points),
        }  # fmt: skip

    def figures(self) -> dict[str, go.Figure]:
        """A_M and A_F\\S over delta for each |M|, and the frontier of all."""
        points = [p.to_dict() for p in self.points]
        sizes = sorted({p.facts for p in self.points})
        return {**{f"|M| = {n}": figures.over_delta(points, n) for n in sizes}, "Frontier": figures.frontier(points)}


@dataclass(frozen=True)
class StackPoint:
    """The scores after one of several stacked edits.

    own: A_M of this edit. a_m: of all edits so far, asked again. a_fs: share of unmodified known facts still right.
    inf, l2, relative: distance of the changed tensors from the base. perplexity: of a fixed text; _base: before all.
    """

    edit: int
    own: float
    a_m: float
    a_fs: float
    inf: float
    l2: float
    relative: float
    perplexity: float
    perplexity_base: float
    seconds: float


@dataclass(frozen=True)
class StackRow:
    """One edited fact: the answer before all edits, right after its own, and after the last."""

    edit: int
    fact: str
    before: str
    after: str
    at_end: str
    holds: bool


@dataclass(frozen=True)
class StackResult:
    """Scores and answers of stacked edits."""

    settings: StackSettings
    points: tuple[StackPoint, ...]
    rows: tuple[StackRow, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "stacked edits", "settings": asdict(self.settings), "results": [asdict(p) for p in self.points],
            "rows": [asdict(r) for r in self.rows],
        }  # fmt: skip

    def figures(self) -> dict[str, go.Figure]:
        """Scores, and growth of the weights with the perplexity."""
        points = [asdict(p) for p in self.points]
        return {"Scores": figures.stacked(points), "Growth of the weights": figures.growth(points)}


@dataclass(frozen=True)
class RetrainResult:
    """RT: a model trained from scratch on the corrected corpus. Scores are for the facts that the shipped model knew.

    seconds: of training, over all runs if it was resumed.
    """

    settings: RetrainSettings
    model: str
    steps: int
    seconds: float
    scores: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "retrain", "settings": asdict(self.settings), "model": self.model, "steps": self.steps,
            "seconds": self.seconds, **self.scores,
        }  # fmt: skip


def benchmark(house: House, s: BenchmarkSettings, progress: Progress, stop: Stop) -> BenchmarkResult:
    """Changes |M| known facts in one edit of the unedited model and measures it; nothing is recorded."""
    lm = house.load(s.model).exact()
    progress(0.0, "drawing facts that the model knows")
    facts = chosen_facts(atlas(), lm, s.facts, s.seed, stop)
    budget = Budget(steps=s.steps, seed=s.seed)
    delta = None if s.norm == "none" else s.delta
    how = How(s.method, s.norm, delta, (s.blocks,), s.part, budget=budget)
    with temporary_file(house.home) as written:
        return BenchmarkResult(modify(atlas(), Models(lm, lm), facts, how, written, progress, stop))


def table(outcomes: Sequence[tuple[str, Outcome]]) -> list[dict[str, Any]]:
    """The rows of a table of scores, A_M with its 95% Wilson interval."""
    from scipy.stats import binomtest

    out = []
    for name, o in outcomes:
        right = round((o.scores.a_m or 0.0) * o.scores.modified)
        interval = binomtest(right, max(1, o.scores.modified)).proportion_ci(method="wilson")
        out.append({"method": name, **o.numbers(), "interval": [float(interval.low), float(interval.high)]})
    return out


def sweep(house: House, s: SweepSettings, progress: Progress, stop: Stop) -> SweepResult:
    """One training for every point of a grid of delta, blocks and |M|, and one without a constraint for each pair."""
    lm = house.load(s.model).exact()
    deltas, wheres, sizes = GRIDS[s.grid]
    grid = [(n, where, d) for n in sizes for where in wheres for d in (*deltas, None)]
    points = []
    for i, (n, where, delta) in enumerate(grid):
        if stop():
            raise StoppedError(f"Stopped after {i} of {len(grid)} points.")
        named = "unconstrained" if delta is None else f"delta {delta:g}"
        progress(i / len(grid), f"{i} of {len(grid)} points; now {where}, {named}, {n} facts")
        points.append(_point(lm, s, n, where, delta, stop))
    progress(1.0, f"{len(grid)} points")
    return SweepResult(s, tuple(points))


def _point(lm: LanguageModel, s: SweepSettings, n: int, where: str, delta: float | None, stop: Stop) -> SweepPoint:
    world = atlas()
    cases, known = _drawn(world, lm, n, s.seed, stop)
    selection = select(lm, (where,))
    scale = (
        1.0 if s.norm == "inf" else 0.5 * sum(lm.module.get_parameter(name).numel() for name in selection.names) ** 0.5
    )
    limit = constraint("none", None) if delta is None else constraint(s.norm, delta * scale)
    budget = Budget(steps=s.steps, seed=s.seed, every=max(10, s.steps // 4))
    plan = Plan(s.method, selection, limit, budget=budget)
    given = replace(material(world, lm, cases, known, How(s.method, budget=budget)), kept=(), tests=())
    start = time.perf_counter()
    trained = fine_tune(lm, lm, given, plan, stop=stop)
    seconds = time.perf_counter() - start
    after = derive(lm, summed(lm, [trained.changes]))
    edited = {(c.subject, c.relation) for c in cases}
    rest = [k for k in known if k.at not in edited]
    some = random.Random(s.seed).sample(rest, min(KEPT, len(rest)))
    a_m = _share(after, [gap(after, c.question, c.new) for c in cases])
    a_fs = _share(after, [gap(after, k.question, k.fact.object) for k in some])
    return SweepPoint(where, limit.delta, n, a_m, a_fs, trained.steps, seconds)


def stack(house: House, s: StackSettings, progress: Progress, stop: Stop) -> StackResult:
    """Several edits one after the other, each trained on the weights after the ones before."""
    world, lm = atlas(), house.load(s.model).exact()
    progress(0.0, "drawing facts that the model knows")
    cases, known = _drawn(world, lm, s.edits * s.facts, s.seed, stop)
    edited = {(c.subject, c.relation) for c in cases}
    rest = [k for k in known if k.at not in edited]
    some = random.Random(s.seed).sample(rest, min(KEPT, len(rest)))
    kept = [gap(lm, k.question, k.fact.object) for k in some]
    text = fixed_text(world)
    budget = Budget(steps=s.steps, seed=s.seed)
    limit = constraint(s.norm, None if s.norm == "none" else s.delta)
    plan = Plan(s.method, select(lm, (s.blocks,)), limit, s.anchor, budget)
    first = [said.top for said in ask(lm, [gap(lm, c.question, c.new) for c in cases])]
    now, changes, points, right_after = lm, list[dict[str, Tensor]](), list[StackPoint](), list[str]()
    for n in range(s.edits):
        if stop():
            raise StoppedError(f"Stopped after {n} of {s.edits} edits.")
        own, so_far = cases[n * s.facts : (n + 1) * s.facts], cases[: (n + 1) * s.facts]
        progress(n / s.edits, f"edit {n + 1} of {s.edits}")
        start = time.perf_counter()
        trained = fine_tune(now, lm, material(world, now, own, known, How(s.method, budget=budget)), plan, stop=stop)
        seconds = time.perf_counter() - start
        changes.append(dict(trained.changes))
        values = summed(lm, changes)
        now = derive(lm, values)
        right_after += [said.top for said in ask(now, [gap(now, c.question, c.new) for c in own])]
        said_text = perplexity(lm, now, text, stop)
        far = growth(lm, values)
        points.append(
            StackPoint(
                n + 1, _held(now, own), _held(now, so_far), _share(now, kept), far["inf"], far["l2"], far["relative"],
                said_text.after, said_text.before, seconds,
            )
        )  # fmt: skip
    last = ask(now, [gap(now, c.question, c.new) for c in cases])
    rows = [
        StackRow(i // s.facts + 1, c.name, first[i], right_after[i], last[i].top, last[i].right)
        for i, c in enumerate(cases)
    ]
    progress(1.0, f"{s.edits} edits")
    return StackResult(s, tuple(points), tuple(rows))


def retrain(house: House, s: RetrainSettings, progress: Progress, stop: Stop) -> RetrainResult:
    """Trains the recipe again on the corrected corpus; the model is kept in the home folder as `NAME-corrected-SEED`
    (or `NAME-corrected-HASH` for named facts). A run with the settings of a stopped one resumes it.

    Raises:
        InputError: named facts that cannot be changed. StoppedError: `stop` returned True; the state is kept.
        HomeError: the state cannot be written or read.
    """
    world, lm = atlas(), house.load(s.model).exact()
    progress(0.0, "asking what the model knows")
    cases, known = (
        _drawn(world, lm, s.facts, s.seed, stop) if s.edits == DRAWN else named_cases(world, lm, s.edits, stop)
    )
    corrected = corrected_world(world, cases)
    recipe = RECIPES[s.model]
    recipe = replace(recipe, steps=s.steps or recipe.steps)
    which = str(s.seed) if s.edits == DRAWN else hashlib.sha256(s.edits.encode()).hexdigest()[:8]
    out = house.home / "models" / f"{s.model}-corrected-{which}"
    checkpoint = Checkpoint(house.home)
    train(recipe, corrected, out, lambda f, m: progress(0.95 * f, m), stop, checkpoint)
    seconds = checkpoint.seconds
    again = load(str(out))
    scores = score(answers(lm, again, cases, known), lm, again, cases)
    progress(1.0, "done")
    return RetrainResult(s, out.name, recipe.steps, seconds, scores.to_dict())


def corrected_world(world: World, cases: Sequence[Case]) -> World:
    """The bundled world with the new objects in place of the old ones. A sentence of prose that names the subject and
    the old object together is left out; exposures do not change."""
    new = {(c.subject, c.relation): c.new for c in cases}
    out = World(world.folder, world.seed)
    out.facts = [replace(f, object=new.get((f.subject, f.relation), f.object)) for f in world.facts]
    gone = [(c.subject, c.old) for c in cases]
    for name, text in out.prose.items():
        sentences = [text[a:b] for a, b in sentence_spans(text)]
        kept = [
            t for t in sentences if not any(old in t and (subject in t or subject == name) for subject, old in gone)
        ]
        out.prose[name] = " ".join(kept)
    return out


def chosen_facts(world: World, lm: LanguageModel, n: int, seed: int, stop: Stop = never) -> list[Fact]:
    """n known facts drawn at random, each with a new object drawn as in the benchmark (`propose`). Raises
    InputError."""
    return [Fact(c.subject, c.relation, c.new) for c in _drawn(world, lm, n, seed, stop)[0]]


def _drawn(world: World, lm: LanguageModel, n: int, seed: int, stop: Stop = never) -> tuple[list[Case], list[Known]]:
    """n cases drawn from the known facts, and all known facts."""
    known = known_facts(world, lm, {}, stop=stop)
    objects: dict[str, set[str]] = {}
    for f in well_known(world):
        objects.setdefault(f.relation, set()).add(f.object)
    changeable = [k for k in known if objects.get(k.fact.relation, set()) - {k.fact.object}]
    if len(changeable) < n:
        raise InputError(f"{lm.name} knows {len(changeable)} facts that could be changed; {n} were asked for.")
    facts = [k.fact for k in random.Random(seed).sample(changeable, n)]
    new = propose(well_known(world), facts, seed)
    return [case_of(world, lm, f, o) for f, o in zip(facts, new, strict=True)], known


def named_cases(world: World, lm: LanguageModel, edits: str, stop: Stop) -> tuple[list[Case], list[Known]]:
    """The cases of "France|capital|Lyon; Germany|capital|Bonn", and all known facts."""
    facts = [Fact(*pieces) for pieces in map(_pieces, filter(str.strip, edits.split(";")))]
    cases = cases_of(world, Models(lm, lm), facts, How())
    return cases, known_facts(world, lm, {}, stop=stop)


def _pieces(text: str) -> tuple[str, str, str]:
    """Subject, relation and new object. Raises InputError for a text of another form."""
    pieces = [piece.strip() for piece in text.split("|")]
    if len(pieces) != 3 or not all(pieces):
        raise InputError(
            f"{text.strip()!r} is not a fact. Write subject|relation|new object, for example France|capital|Lyon."
        )
    return pieces[0], pieces[1], pieces[2]


def _held(lm: LanguageModel, cases: Sequence[Case]) -> float:
    return _share(lm, [gap(lm, c.question, c.new) for c in cases])


def _share(lm: LanguageModel, gaps: Sequence[Gap]) -> float:
    return sum(said.right for said in ask(lm, gaps)) / len(gaps)
