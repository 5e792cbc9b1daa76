"""Why something is believed, and what conflicts with it.

A *conflict* is a minimal set of beliefs and constraints that cannot all hold: without any one of them, the rest can.
A *reason* is a chain of constraints that leads from trusted or stronger beliefs to the one in question.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.constraints import Constraint

Literal = tuple[str, bool]


@dataclass(frozen=True)
class Conflict:
    """A minimal set of beliefs and constraints that cannot all hold. `strength`: the smallest weight among the beliefs."""

    beliefs: tuple[Belief, ...]
    constraints: tuple[Constraint, ...]

    @property
    def strength(self) -> float:
        """How sure the least certain of the clashing beliefs is; pinned ones count as certain."""
        return min((1.0 if b.pinned else b.p for b in self.beliefs), default=1.0)

    def to_dict(self) -> dict[str, Any]:
        return {"beliefs": [b.to_dict() for b in self.beliefs], "constraints": [c.to_dict() for c in self.constraints]}


@dataclass(frozen=True)
class Step:
    """`constraint` forces `property` to have `label`, given the labels in `because`."""

    property: str
    label: bool
    constraint: Constraint
    because: tuple[Literal, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "property": self.property,
            "label": self.label,
            "constraint": self.constraint.to_dict(),
            "because": [list(b) for b in self.because],
        }


def consistent(labels: Mapping[str, bool], constraints: Sequence[Constraint]) -> bool:
    """Whether all constraints can hold with these labels, everything else being free. Exact (a feasibility program)."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    state = propagate(labels, constraints)
    if state is None:
        return False
    names = list(dict.fromkeys(p for c in constraints for p in c.properties))
    if not names:
        return True
    at = {name: i for i, name in enumerate(names)}
    rows, columns, values, low = [], [], [], np.ones(len(constraints))
    for j, c in enumerate(constraints):
        for name, label in c.clause:
            rows.append(j)
            columns.append(at[name])
            values.append(1.0 if label else -1.0)
            low[j] -= 0.0 if label else 1.0
    lower = np.array([float(state.get(name, False)) for name in names])
    upper = np.array([float(state.get(name, True)) for name in names])
    found = milp(
        np.zeros(len(names)), integrality=np.ones(len(names)), bounds=Bounds(lower, upper),
        constraints=LinearConstraint(csr_array((values, (rows, columns)), shape=(len(constraints), len(names))), low, np.inf),
    )  # fmt: skip
    return found.status == 0


def propagate(labels: Mapping[str, bool], constraints: Sequence[Constraint]) -> dict[str, bool] | None:
    """The labels and what follows from them by unit propagation; None where they contradict each other."""
    state = dict(labels)
    touching: dict[str, list[Constraint]] = {}
    for c in constraints:
        for name in c.properties:
            touching.setdefault(name, []).append(c)
    open_ = list(constraints)
    while open_:
        c = open_.pop()
        if any(state.get(name) == label for name, label in c.clause):
            continue
        free = [(name, label) for name, label in c.clause if name not in state]
        if not free:
            return None
        if len(free) == 1:
            name, label = free[0]
            state[name] = label
            open_ += touching[name]
    return state


def conflicts(beliefs: Mapping[str, Belief], constraints: Sequence[Constraint], limit: int = 50) -> list[Conflict]:
    """Constraints that the beliefs violate directly, each with its beliefs; the most certain first."""
    labels = {name: b.label for name, b in beliefs.items()}
    found = [
        Conflict(tuple(beliefs[n] for n in dict.fromkeys(c.properties)), (c,))
        for c in constraints
        if c.source in labels and c.violated(labels)
    ]
    return sorted(found, key=lambda conflict: (-conflict.strength, len(conflict.beliefs)))[:limit]


def smallest_conflict(
    beliefs: Mapping[str, Belief], constraints: Sequence[Constraint], about: str | None = None
) -> Conflict | None:
    """A minimal conflict among beliefs, also one that runs through properties outside the bank.

    `about`: a property whose belief should be in the conflict.

    Direct ones first (one constraint, fewest beliefs); else the shortest chain of two-sided constraints between two
    beliefs; else any minimal set (which may miss `about`), by leaving out members. None where all can hold.
    """
    direct = [
        c
        for c in conflicts(beliefs, constraints, len(constraints))
        if about is None or any(b.property == about for b in c.beliefs)
    ]
    if direct:
        return min(direct, key=lambda c: len(c.beliefs))
    chain = _shortest_chain(beliefs, constraints, about)
    if chain is not None:
        return chain
    labels = {name: b.label for name, b in beliefs.items()}
    if consistent(labels, constraints):
        return None
    kept_rules = _minimal(list(constraints), lambda rules: not consistent(labels, rules))
    kept_names = _minimal(list(labels), lambda names: not consistent({n: labels[n] for n in names}, kept_rules))
    return Conflict(tuple(beliefs[n] for n in kept_names), tuple(kept_rules))


def _minimal(members: list[Any], clashes: Any) -> list[Any]:
    """A minimal part of `members` that still clashes: halves are dropped as long as they can be, then single ones."""
    size = max(1, len(members) // 2)
    while True:
        at = 0
        while at < len(members):
            without = members[:at] + members[at + size :]
            if clashes(without):
                members = without
            else:
                at += size
        if size == 1:
            return members
        size = max(1, size // 2)


def _edges(constraints: Iterable[Constraint]) -> dict[Literal, list[tuple[Literal, Constraint]]]:
    """Literal -> the literals that follow from it by constraints of two literals (each read both ways)."""
    out: dict[Literal, list[tuple[Literal, Constraint]]] = {}
    for c in constraints:
        if len(c.clause) == 2:
            (a, x), (b, y) = c.clause
            out.setdefault((a, not x), []).append(((b, y), c))
            out.setdefault((b, not y), []).append(((a, x), c))
    return out


def _shortest_chain(
    beliefs: Mapping[str, Belief], constraints: Sequence[Constraint], about: str | None
) -> Conflict | None:
    edges = _edges(constraints)
    starts = [about] if about is not None and about in beliefs else list(beliefs)
    best: Conflict | None = None
    for start in starts:
        origin = (start, beliefs[start].label)
        before: dict[Literal, tuple[Literal, Constraint] | None] = {origin: None}
        queue = [origin]
        while queue:
            here = queue.pop(0)
            for there, c in edges.get(here, ()):
                if there in before:
                    continue
                before[there] = (here, c)
                name, label = there
                if name in beliefs and beliefs[name].label != label:
                    rules = _path(before, there)
                    members = tuple(dict.fromkeys((beliefs[start], beliefs[name])))
                    if best is None or len(rules) < len(best.constraints):
                        best = Conflict(members, rules)
                    queue = []
                    break
                if name not in beliefs:
                    queue.append(there)
    return best


def _path(before: Mapping[Literal, tuple[Literal, Constraint] | None], end: Literal) -> tuple[Constraint, ...]:
    out: list[Constraint] = []
    at = before[end]
    while at is not None:
        out.append(at[1])
        at = before[at[0]]
    return tuple(reversed(out))


def reasons(beliefs: Mapping[str, Belief], constraints: Sequence[Constraint], about: str) -> list[Step]:
    """The chain of constraints that supports the label of `about`, from pinned or the most certain unflipped beliefs.

    Every step is a constraint whose other literals all fail under the present labels, so that it forces this one.
    The cheapest chain is returned: a start costs 1 - log p (0 if pinned), a step 0.2. Empty where nothing supports
    the label.
    """
    labels = {name: b.label for name, b in beliefs.items()}
    if about not in labels:
        return []
    forced: dict[str, list[Constraint]] = {}
    for c in constraints:
        if not all(name in labels for name in c.properties):
            continue
        held = [name for name, label in c.clause if labels[name] == label]
        if len(held) == 1:
            forced.setdefault(held[0], []).append(c)
    cost = {name: _doubt(b) for name, b in beliefs.items() if name != about and not b.flipped}
    step: dict[str, Constraint] = {}
    uses: dict[str, list[str]] = {}
    for target, found in forced.items():
        for c in found:
            for name in c.properties:
                if name != target:
                    uses.setdefault(name, []).append(target)
    heap = [(value, name) for name, value in cost.items()]
    heapq.heapify(heap)
    while heap:
        value, name = heapq.heappop(heap)
        if value > cost.get(name, math.inf):
            continue
        for target in uses.get(name, ()):
            for c in forced[target]:
                others = [p for p in c.properties if p != target]
                if name not in others or not all(p in cost for p in others):
                    continue
                new = 0.2 + sum(cost[p] for p in others)
                if new < cost.get(target, math.inf):
                    cost[target], step[target] = new, c
                    heapq.heappush(heap, (new, target))
    return _unrolled(about, step, labels)


def _doubt(belief: Belief) -> float:
    """The cost of starting from a belief: 0 for a pinned one."""
    return 0.0 if belief.pinned else 1.0 - math.log(belief.p)


def _unrolled(about: str, step: Mapping[str, Constraint], labels: Mapping[str, bool]) -> list[Step]:
    out: list[Step] = []
    open_, seen = [about], {about}
    while open_:
        name = open_.pop(0)
        if name not in step:
            continue
        c = step[name]
        others = tuple(p for p in c.properties if p != name)
        out.append(Step(name, labels[name], c, tuple((p, labels[p]) for p in others)))
        open_ += [p for p in others if p not in seen]
        seen.update(others)
    return out
