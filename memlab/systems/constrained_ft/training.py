"""Constrained fine-tuning (Zhu et al. 2020, "Modifying Memories in Transformer Models").

    min over theta of  mean loss on the training sentences    subject to  ||theta - theta_0|| <= delta

by Adam with a projection after every step. Dropout is off, weight decay is 0, the optimizer keeps its state after the
projection. Procedures (the paper's):

    ft        the original supporting sentences of known facts: the effect of fine-tuning without any modification
    ftm       the sentences of the modified facts only
    fta       modified facts and sampled unmodified facts in every batch
    ft+ftm, ft+fta    first ft, then the other, under one constraint around one reference

Only the tokens of the object are trained. Training ends early when the loss on the modified facts' sentences falls
below `stop_loss` and, with FTA, the loss on unmodified facts' sentences is back where it was (up to 0.02 nats); with a
`margin`, as soon as it separates all new objects from the old ones. Held-out questions are asked, but decide nothing.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memlab.errors import MemlabError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.lm.versions import derive
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.systems.constrained_ft.below import Below
from memlab.systems.constrained_ft.constraint import distance
from memlab.systems.constrained_ft.gaps import Gap, ask, gap, losses
from memlab.systems.constrained_ft.plan import Material, Pair, Plan

PROBE = 96  # sentences about unmodified facts whose loss must return to its value before FTA
TOLERANCE = 0.02  # nats
CHUNK = 24  # sentences of similar length that are read together


class TrainingError(MemlabError):
    """Training failed (the loss or a weight is not finite); nothing was recorded."""


@dataclass(frozen=True)
class Point:
    """The scores after a step: mean loss on the modified facts' sentences in nats, A_M and A_F\\S on the watched
    questions (None without any), and the distance of the weights from the reference in the norm of the constraint."""

    step: int
    loss: float
    a_m: float | None
    a_fs: float | None
    distance: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Args:
        changes: parameter name -> difference to the weights that it started from, float32.
        curve: scores during training. steps: of all phases. ended: why it ended, in words. seconds: of training.
    """

    changes: Mapping[str, Tensor]
    curve: tuple[Point, ...]
    steps: int
    ended: str
    seconds: float


def fine_tune(
    lm: LanguageModel,
    base: LanguageModel,
    material: Material,
    plan: Plan,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
    watch: Callable[[Point], None] = lambda point: None,
) -> Trained:
    """Trains a copy of `lm`; neither `lm` nor `base` is changed.

    Args:
        lm: the weights to start from. base: the model without any edit (the anchor "base").
        watch: called with every point of the curve.

    Raises:
        StoppedError: `stop` returned True.
        TrainingError: the loss or a weight is not finite.
    """
    run = _Run(lm, base, material, plan)
    start = time.perf_counter()
    phases = plan.procedure.split("+")
    total = plan.budget.steps + plan.budget.first * (len(phases) - 1)
    done, ended = 0, ""
    for phase in phases:
        last = phase == phases[-1]
        steps = plan.budget.steps if last else plan.budget.first
        for step in range(steps):
            if stop():
                raise StoppedError(f"Stopped at step {done} of {total}; nothing was recorded.")
            if run.ahead():
                run.measure(done)
                ended = f"every new object was ahead of the old one by {plan.budget.margin:g} nats at step {done}"
                break
            learned = run.step(phase) < plan.budget.stop_loss
            done += 1
            if done % plan.budget.every == 0 or step == steps - 1 or (learned and phase == "ftm"):
                point = run.measure(done)
                watch(point)
                progress(done / total, _said(point, total))
                if last and phase != "ft" and point.loss < plan.budget.stop_loss and run.others_kept(phase):
                    ended = f"the loss fell below {plan.budget.stop_loss:g} at step {done}"
                    break
    ended = ended or f"all {plan.budget.steps} steps were made"
    return Trained(run.changes(), tuple(run.curve), done, ended, time.perf_counter() - start)


class _Run:
    """The state of one training."""

    def __init__(self, lm: LanguageModel, base: LanguageModel, material: Material, plan: Plan) -> None:
        names = plan.selection.names
        self.plan, self.budget = plan, plan.budget
        self.start = {name: lm.module.get_parameter(name).detach().clone() for name in names}
        self.copy = derive(lm, self.start)
        self.weights: dict[str, nn.Parameter] = {
            name: self.copy.module.get_parameter(name).requires_grad_(True) for name in names
        }
        anchor = base if plan.anchor == "base" else lm
        self.reference = {name: anchor.module.get_parameter(name).detach() for name in names}
        self.below = Below(self.copy, names)
        self.optimizer = torch.optim.Adam(self.weights.values(), lr=self.budget.learning_rate, weight_decay=0.0)
        self.pools = {
            name: _Pool(lm, pairs, random.Random(f"{self.budget.seed}:{name}"))
            for name, pairs in (
                ("modified", material.modified), ("unmodified", material.unmodified), ("original", material.original)
            )
        }  # fmt: skip
        self.probe = [self.pools["modified"].gap(p) for p in _spread(material.modified, 2 * self.budget.batch)]
        self.old = [gap(lm, *pair) for pair in material.old] if self.budget.margin is not None else []
        self.new = [self.pools["modified"].gap(pair) for pair in material.modified] if self.old else []
        self.tests = [gap(lm, *pair) for pair in material.tests]
        self.kept = [gap(lm, *pair) for pair in material.kept]
        self.unmoved = [self.pools["unmodified"].gap(p) for p in _spread(material.unmodified, PROBE)]
        self.unmoved_before = self._of_unmoved()
        self.curve: list[Point] = []

    def step(self, phase: str) -> float:
        """One optimizer step, then the projection. Returns the mean loss of the modified facts' sentences in its
        batch."""
        modified, others = self._batch(phase)
        gaps = sorted([(g, True) for g in modified] + [(g, False) for g in others], key=lambda pair: len(pair[0].ids))
        self.optimizer.zero_grad(set_to_none=True)
        own = total = 0.0
        for at in range(0, len(gaps), CHUNK):  # sentences of similar length need little padding
            part = gaps[at : at + CHUNK]
            is_own = torch.tensor([mine for _, mine in part])
            nats = losses(self.copy, [g for g, _ in part], self.below.scores)
            nats = torch.where(is_own, self._targeted(nats), nats)
            (nats.sum() / len(gaps)).backward()
            own += float(nats.detach()[is_own].sum())
            total += float(nats.detach().sum())
        _check(total)
        self.optimizer.step()
        self.plan.constraint.project(self.weights, self.reference)
        return own / len(modified) if modified else math.inf

    def ahead(self) -> bool:
        """Whether every modified fact's new object is ahead of the old one by the margin; False without one."""
        if self.budget.margin is None or not self.old:
            return False
        with torch.no_grad():
            both = [-losses(self.copy, some, self.below.scores) * _lengths(some) for some in (self.new, self.old)]
        return bool((both[0] - both[1]).min() >= self.budget.margin)

    def others_kept(self, phase: str) -> bool:
        """Whether the loss of unmodified facts is as low as before training; True where they are not trained."""
        return phase != "fta" or not self.unmoved or self._of_unmoved() <= self.unmoved_before + TOLERANCE

    def _of_unmoved(self) -> float:
        with torch.no_grad():
            return self._mean(self.unmoved) if self.unmoved else 0.0

    def _mean(self, gaps: Sequence[Gap], modified: bool = False) -> float:
        """The mean loss of some sentences, in nats; `modified`: whether they are about modified facts."""
        ordered = sorted(gaps, key=lambda g: len(g.ids))
        parts = [losses(self.copy, ordered[a : a + CHUNK], self.below.scores) for a in range(0, len(gaps), CHUNK)]
        nats = torch.cat(parts)
        return float((self._targeted(nats) if modified else nats).mean())

    def _share(self, gaps: Sequence[Gap]) -> float | None:
        said = ask(self.copy, gaps, scores_of=self.below.scores)
        return sum(s.right for s in said) / len(gaps) if gaps else None

    def _targeted(self, nats: Tensor) -> Tensor:
        """The losses of sentences about modified facts; to forget them, how far log p is above its target."""
        return nats if self.plan.forget_to is None else (-nats - math.log(self.plan.forget_to)).clamp_min(0)

    def _batch(self, phase: str) -> tuple[list[Gap], list[Gap]]:
        """The sentences of one step: about modified facts (in the phase "ft": the original ones), and the others."""
        n = self.budget.batch
        if phase == "ft":
            return [], self.pools["original"].take(n)
        modified = self.pools["modified"]
        if phase == "ftm" or not self.pools["unmodified"]:
            return modified.take(n), []
        own = min(len(modified), max(1, round(n * self.budget.share)))
        return modified.take(own), self.pools["unmodified"].take(min(n - own, 2 * own))

    def measure(self, step: int) -> Point:
        """The present scores, which are appended to the curve."""
        with torch.no_grad():
            nats = self._mean(self.probe, modified=True) if self.probe else 0.0
        _check(nats)
        norm = "l2" if self.plan.constraint.norm == "l2" else "inf"
        point = Point(
            step, nats, self._share(self.tests), self._share(self.kept),
            distance(self.weights, self.reference, norm),
        )  # fmt: skip
        self.curve.append(point)
        return point

    def changes(self) -> dict[str, Tensor]:
        """The difference to the weights that training started from."""
        out = {name: (w.detach() - self.start[name]).float() for name, w in self.weights.items()}
        if not all(bool(torch.isfinite(change).all()) for change in out.values()):
            raise TrainingError(
                "The trained weights are not finite; nothing was recorded. Choose a smaller learning rate."
            )
        return {name: change for name, change in out.items() if bool(change.any())}


class _Pool:
    """Sentences in random order, without repetition until all were taken; tokenized when first taken."""

    def __init__(self, lm: LanguageModel, pairs: Sequence[Pair], draw: random.Random) -> None:
        self.lm, self.pairs, self.draw = lm, pairs, draw
        self.read: dict[Pair, Gap] = {}
        self.left: list[int] = []

    def __len__(self) -> int:
        return len(self.pairs)

    def gap(self, pair: Pair) -> Gap:
        """A sentence as the model reads it."""
        if pair not in self.read:
            self.read[pair] = gap(self.lm, *pair)
        return self.read[pair]

    def take(self, n: int) -> list[Gap]:
        """The next n sentences (all, where there are fewer)."""
        n = min(n, len(self.pairs))
        if len(self.left) < n:
            more = list(range(len(self.pairs)))
            self.draw.shuffle(more)
            self.left += more
        taken, self.left = self.left[:n], self.left[n:]
        return [self.gap(self.pairs[i]) for i in taken]


def _lengths(gaps: Sequence[Gap]) -> Tensor:
    """How many tokens each gap has."""
    return torch.tensor([float(len(g.targets)) for g in gaps])


def _check(nats: float) -> None:
    if not math.isfinite(nats):
        raise TrainingError(
            "The loss is no longer finite; nothing was recorded. Choose a smaller learning rate or a smaller delta."
        )


def _spread(pairs: Sequence[Pair], n: int) -> list[Pair]:
    """At most n of the pairs, evenly spaced."""
    return list(pairs) if len(pairs) <= n else [pairs[i * len(pairs) // n] for i in range(n)]


def _said(point: Point, total: int) -> str:
    scores = [
        f"{name} {value:.2f}" for name, value in (("A_M", point.a_m), ("A_F\\S", point.a_fs)) if value is not None
    ]
    return ", ".join([f"step {point.step} of {total}", f"loss {point.loss:.3f}", *scores])
