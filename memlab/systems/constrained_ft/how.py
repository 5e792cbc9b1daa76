"""How weights are edited, the weights that an edit starts from, and the sentences that it trains."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.corpus.world import World
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.systems.constrained_ft.cases import Case, Known, statements_of
from memlab.systems.constrained_ft.constraint import AUTO, Constraint, constraint
from memlab.systems.constrained_ft.plan import Budget, Material, Pair, Plan
from memlab.systems.constrained_ft.selection import Selection, select

WATCHED = 120  # unmodified facts that are asked during training


@dataclass(frozen=True)
class How:
    """How weights are edited; see `chapter.Modifying.modify`.

    Args:
        method: one of `training.PROCEDURES`. norm, delta, anchor: the constraint; delta may be "auto".
        blocks, part: which tensors, see `selection.select`. budget: steps, learning rate, seed ...
        goal: "change" gives new objects, "forget" lowers the probability of the old ones.
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
        """The tensors that these settings select. Raises InputError for a setting that cannot be used."""
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
            **({} if b.margin is None else {"margin": b.margin}),
        }  # fmt: skip


@dataclass(frozen=True)
class Models:
    """The model that is edited: with the workspace's edits so far (`now`), and without any (`base`).

    Args:
        earlier: (subject, relation) -> the object that those edits gave it.
    """

    now: LanguageModel
    base: LanguageModel
    earlier: Mapping[tuple[str, str], str] = field(default_factory=dict)


def material(world: World, lm: LanguageModel, cases: Sequence[Case], known: Sequence[Known], how: How) -> Material:
    """The sentences of an edit, with the new objects, or (goal "forget") with the old ones."""
    edited = {(c.subject, c.relation) for c in cases}
    rest = [k for k in known if k.at not in edited]
    forget = how.goal == "forget"
    watched = random.Random(how.budget.seed).sample(rest, min(WATCHED, len(rest)))

    def sentences(some: Sequence[Known]) -> list[Pair]:
        return [
            (s, k.fact.object)
            for k in some
            for s in statements_of(world.relation(k.fact.relation), k.fact.subject, lm.kind)
        ]

    return Material(
        [(s, c.old if forget else c.new) for c in cases for s in c.statements],
        sentences(rest) if "fta" in how.method else (),
        sentences(known) if how.method.startswith("ft+") or how.method == "ft" else (),
        () if forget else [(c.question, c.new) for c in cases],
        [(k.question, k.fact.object) for k in watched],
        [] if forget else [(s, c.old) for c in cases for s in c.statements],
    )
