"""The radius "auto": a small sweep on validation facts other than the edited ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from memlab.corpus.world import World
from memlab.errors import InputError
from memlab.evaluate.questions import is_validation
from memlab.progress import Progress, Stop, part
from memlab.systems.constrained_ft.cases import Case, Known, case_of, propose, well_known
from memlab.systems.constrained_ft.constraint import constraint
from memlab.systems.constrained_ft.how import How, Models, material
from memlab.systems.constrained_ft.knowledge import forget_level
from memlab.systems.constrained_ft.plan import Plan
from memlab.systems.constrained_ft.selection import Selection
from memlab.systems.constrained_ft.training import fine_tune

DELTAS = (0.002, 0.005, 0.01, 0.02, 0.05)  # candidates, in the infinity norm
TRIED = 8  # validation facts that are edited, at most
AUTO_STEPS = 60


def chosen_delta(
    world: World,
    models: Models,
    cases: Sequence[Case],
    known: Sequence[Known],
    how: How,
    selection: Selection,
    progress: Progress,
    stop: Stop,
) -> tuple[How, list[dict[str, float]]]:
    """The delta with the highest A-bar on validation facts other than the edited ones; the smallest among equals.

    `DELTAS` are tried from the smallest (for L2: the norm of a change of every weight by half of that), with at most 60
    steps, on as many validation facts as are edited, at least 2 and at most 8. The sweep ends at the first with A_M
    of 1 and A_F\\S of at least 0.98.

    Returns:
        The settings with that delta, and the scores of every delta that was tried.

    Raises:
        InputError: the model knows fewer than two such facts. StoppedError: `stop` returned True.
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
        own = part(progress, n / len(DELTAS), (n + 1) / len(DELTAS))
        given = material(world, models.now, trial_cases, known, trial)
        last = fine_tune(models.now, models.base, given, plan, own, stop).curve[-1]
        a_m = float(last.loss < how.budget.stop_loss) if last.a_m is None else last.a_m
        found.append({"delta": delta, "a_m": a_m, "a_fs": last.a_fs or 0.0, "a_bar": (a_m + (last.a_fs or 0.0)) / 2})
        if a_m == 1.0 and (last.a_fs or 0.0) >= 0.98:
            break
    best = max(found, key=lambda row: (row["a_bar"], -row["delta"]))
    return replace(how, delta=best["delta"]), found
