"""The most probable consistent beliefs about one entity: weighted MaxSAT as a mixed-integer program.

    minimize   sum_b lambda w_b [x_b != asserted]  +  sum_c w_c v_c
    subject to v_c >= 1 - (number of literals of c that hold),   x_b in {0, 1},  v_c in [0, 1]

Constraints relate properties of one entity, so the problem splits by entity. HiGHS (`scipy.optimize.milp`) gives the
best labels found and a lower bound; if the time limit ends the search before the two meet, the result says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memlab.declare import setting
from memlab.errors import InputError
from memlab.systems.beliefbank.bank import MEASURES, Belief, P
from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, NEEDS, Constraint

GAP = 1e-6  # relative gap at which labels count as optimal


@dataclass(frozen=True)
class Weights:
    """What flips and violations cost. Tune them with `memlab run beliefbank tune`."""

    lam: float = setting(
        1.0,
        "λ of beliefs",
        "What flipping a belief costs, times its weight. Larger: fewer flips.",
        low=0.01,
        high=100.0,
        log=True,
    )
    forward: float = setting(
        1.0,
        "weight of implications and exclusions",
        "What violating one costs. Larger: more consistent.",
        low=0.01,
        high=100.0,
        log=True,
    )
    back: float = setting(
        0.3, "weight of backward rules", "What violating a rule 'needs one of' costs.", low=0.01, high=100.0, log=True
    )
    measure: str = setting(
        P,
        "weight of a belief",
        "The confidence p, or the log-odds log(p/(1-p)), which give a coin flip no weight.",
        choices=MEASURES,
    )
    seconds: float = setting(
        5.0,
        "time limit per entity (s)",
        "If it runs out, the best labels found are used, and the result says that they are not proven optimal.",
        low=0.01,
        high=600.0,
    )

    def __post_init__(self) -> None:
        for name in ("lam", "forward", "back", "seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{name} is {getattr(self, name)!r}; allowed is a number above 0.")

    def of(self, constraint: Constraint) -> float:
        """What violating a constraint costs."""
        return constraint.weight * (self.back if constraint.kind == NEEDS else self.forward)


@dataclass(frozen=True)
class Flip:
    """One label that the solver changed, and the constraints that would be violated without the change."""

    property: str
    label: bool
    weight: float
    because: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"property": self.property, "label": self.label, "weight": self.weight, "because": list(self.because)}


@dataclass(frozen=True)
class Solution:
    """Labels of one entity's beliefs.

    Args:
        labels: property -> label.
        flips: against the asserted labels.
        objective: cost of the labels. bound: lower bound on the cost. proven: whether the two meet.
        violated: constraints that these labels violate (ids).
        before: constraints that the asserted labels violated. constraints: how many could be violated.
    """

    entity: str
    labels: Mapping[str, bool]
    flips: tuple[Flip, ...]
    objective: float
    bound: float
    proven: bool
    seconds: float
    violated: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    constraints: int = 0
    note: str = field(default="")

    def to_dict(self) -> dict[str, Any]:
        return {
            "entity": self.entity, "beliefs": len(self.labels), "objective": self.objective, "bound": self.bound, "proven": self.proven,
            "status": "optimal" if self.proven else "best found, not proven", "seconds": self.seconds,
            "flips": [f.to_dict() for f in self.flips], "violated": list(self.violated),
            "violated_before": list(self.before), "constraints": self.constraints, "note": self.note,
        }  # fmt: skip


def applicable(constraints: Iterable[Constraint], known: Mapping[str, Any]) -> list[Constraint]:
    """The constraints that beliefs about these properties can violate.

    Implications and exclusions need both properties; a backward rule needs its source and at least one of its
    targets, and is cut to those that are known.
    """
    out = []
    for c in constraints:
        if c.source not in known:
            continue
        if c.kind in (IMPLIES, EXCLUDES):
            if c.targets[0] in known:
                out.append(c)
        elif targets := tuple(t for t in c.targets if t in known):
            out.append(c if len(targets) == len(c.targets) else Constraint(NEEDS, c.source, targets, c.weight))
    return out


def solve(entity: str, beliefs: Mapping[str, Belief], constraints: Iterable[Constraint], weights: Weights) -> Solution:
    """The labels of least cost for the beliefs about one entity. Pinned beliefs keep their label."""
    start = time.monotonic()
    names = list(beliefs)
    used = applicable(constraints, beliefs)
    asserted = {n: b.label if b.pinned else b.first for n, b in beliefs.items()}
    cost = {n: 0.0 if b.pinned else weights.lam * b.weight(weights.measure) for n, b in beliefs.items()}
    before = tuple(c.id for c in used if c.violated(asserted))
    if not before:
        note = "" if used else "No constraint applies to these beliefs; they are unchanged."
        return Solution(entity, asserted, (), 0.0, 0.0, True, time.monotonic() - start, (), (), len(used), note)
    labels, bound, proven = _minimize(names, beliefs, used, cost, weights)
    if labels is None:
        labels, bound = asserted, 0.0
    violated = [c for c in used if c.violated(labels)]
    objective = sum(weights.of(c) for c in violated) + sum(cost[n] for n in names if labels[n] != asserted[n])
    note = "" if proven else f"The time limit of {weights.seconds:g} s ran out: best found, not proven."
    return Solution(
        entity, labels, _flips(labels, asserted, cost, used), objective, min(bound, objective), proven,
        time.monotonic() - start, tuple(c.id for c in violated), before, len(used), note,
    )  # fmt: skip


def _minimize(
    names: list[str], beliefs: Mapping[str, Belief], used: list[Constraint], cost: Mapping[str, float], weights: Weights
) -> tuple[dict[str, bool] | None, float, bool]:
    """Labels (None where none was found in time), bound, and whether they are proven optimal."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    n, m = len(names), len(used)
    at = {name: i for i, name in enumerate(names)}
    objective = np.zeros(n + m)
    fixed_low, fixed_high = np.zeros(n + m), np.ones(n + m)
    constant = 0.0
    for i, name in enumerate(names):
        belief = beliefs[name]
        if belief.pinned:
            fixed_low[i] = fixed_high[i] = float(belief.label)
        elif belief.first:
            objective[i] = -cost[name]
            constant += cost[name]
        else:
            objective[i] = cost[name]
    rows, columns, values = [], [], []
    low = np.ones(m)
    for j, c in enumerate(used):
        objective[n + j] = weights.of(c)
        for name, label in c.clause:
            rows.append(j)
            columns.append(at[name])
            values.append(1.0 if label else -1.0)
            low[j] -= 0.0 if label else 1.0
        rows.append(j)
        columns.append(n + j)
        values.append(1.0)
    matrix = csr_array((values, (rows, columns)), shape=(m, n + m))
    integrality = np.concatenate([np.ones(n), np.zeros(m)])
    found = milp(
        objective,
        integrality=integrality,
        bounds=Bounds(fixed_low, fixed_high),
        constraints=LinearConstraint(matrix, low, np.inf),
        options={"time_limit": weights.seconds, "mip_rel_gap": GAP},
    )
    bound = constant + (found.mip_dual_bound if found.mip_dual_bound is not None else 0.0)
    if found.x is None:
        return None, bound, False
    return {name: bool(found.x[at[name]] > 0.5) for name in names}, bound, found.status == 0


def _flips(
    labels: Mapping[str, bool], asserted: Mapping[str, bool], cost: Mapping[str, float], used: list[Constraint]
) -> tuple[Flip, ...]:
    out = []
    touching: dict[str, list[Constraint]] = {}
    for c in used:
        for name in c.properties:
            touching.setdefault(name, []).append(c)
    for name, label in labels.items():
        if label != asserted[name]:
            back = {**labels, name: not label}
            because = tuple(c.id for c in touching.get(name, ()) if c.violated(back) and not c.violated(labels))
            out.append(Flip(name, label, cost[name], because))
    return tuple(out)
