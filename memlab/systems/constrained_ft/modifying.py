"""One edit of weights, from its facts to its scores: train, write the delta, measure the stored delta.

Nothing is recorded here; `chapter.Modifying` appends the result to the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from memlab.corpus.model_kinds import model_kind
from memlab.corpus.world import World
from memlab.errors import InputError, StoppedError
from memlab.lm.deltas import write_delta
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import plain_path
from memlab.lm.threads import SMALL
from memlab.lm.versions import derive, summed
from memlab.progress import Progress, Stop, part
from memlab.results import Fact
from memlab.systems.constrained_ft.alarms import fixed_text, generated, growth, perplexity, two_hops
from memlab.systems.constrained_ft.cases import Case, Known, with_neighbors
from memlab.systems.constrained_ft.choosing import chosen_delta
from memlab.systems.constrained_ft.constraint import AUTO, constraint
from memlab.systems.constrained_ft.gaps import gap, never
from memlab.systems.constrained_ft.how import How, Models, material
from memlab.systems.constrained_ft.knowledge import FEW, cases_of, forget_level, known_facts
from memlab.systems.constrained_ft.measuring import answers, score
from memlab.systems.constrained_ft.outcome import Outcome
from memlab.systems.constrained_ft.plan import Plan
from memlab.systems.constrained_ft.training import Point, Trained, fine_tune

NEIGHBORS = 5  # neighborhood facts of each case


def modify(
    world: World,
    models: Models,
    facts: Sequence[Fact],
    how: How,
    written: Path,
    progress: Progress = lambda fraction, message: None,
    stop: Stop = lambda: False,
    watch: Callable[[Point], None] = lambda point: None,
) -> Outcome:
    """Edits the weights of a model and writes the delta to `written`.

    Args:
        facts: of the bundled world, each with its *new* object (to be forgotten: with any object, which is ignored).

    Raises:
        InputError: an unknown fact, an object that the model cannot write, contradicting facts, or invalid settings.
        StoppedError: `stop` returned True. TrainingError: the loss is not finite.
    """
    lm = models.now
    start = time.perf_counter()
    selection = how.check(lm)
    if type(lm) is not LanguageModel:
        raise InputError(f"{lm.name} mixes its states with a memory, so its weights alone cannot be edited here.")
    progress(0.0, "asking what the model knows")
    cases = cases_of(world, models, facts, how)
    known = known_facts(world, lm, models.earlier, {c.relation for c in cases}, stop)
    _stopped(stop)
    cases = with_neighbors(cases, known, NEIGHBORS, how.budget.seed)
    tried: list[dict[str, float]] = []
    asked = time.perf_counter()
    if how.delta == AUTO and how.norm != "none":
        how, tried = chosen_delta(world, models, cases, known, how, selection, part(progress, 0.02, 0.3), stop)
    level = forget_level(world, lm, cases) if how.goal == "forget" else None
    plan = Plan(how.method, selection, constraint(how.norm, how.delta), how.anchor, how.budget, level)
    chosen = time.perf_counter()
    trained = fine_tune(
        lm, models.base, material(world, lm, cases, known, how), plan, part(progress, 0.3, 0.9), stop, watch
    )
    if not trained.changes:
        raise InputError("Training changed nothing: no step moved a weight. Nothing was recorded.")
    write_delta(written, trained.changes, models.base)
    progress(0.9, "measuring what moved")
    done = time.perf_counter()
    out = measured(world, models, cases, known, how, written, trained, stop)
    _stopped(stop)
    notes = [*selection.notes, *_large(lm), *_several(lm, cases, how), *_unmet(lm, cases, how)]
    if level is not None:
        notes.append(f"Target: probability {level:.2g}, which the model gives to objects of facts that it never saw.")
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
    """The measured effect of a stored delta."""
    lm = models.now
    with plain_path(written.parent) as folder:
        values = summed(lm, [load_file(folder / written.name)])
    after = derive(lm, values)
    forget = how.goal == "forget"
    rows = answers(lm, after, cases, known, forget, stop)
    judged = [replace(c, new="") for c in cases] if forget else list(cases)
    text = perplexity(lm, after, fixed_text(world), stop)
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
        two_hops(world, lm, after, judged), tuple(generated(after, judged)) if model_kind(lm.kind).left_to_right else (),
        growth(models.base, values), written.stat().st_size, sum(v.numel() for v in values.values()), {}, (), tuple(notes),
    )  # fmt: skip


def _several(lm: LanguageModel, cases: Sequence[Case], how: How) -> list[str]:
    """Notes on new objects of several tokens."""
    counts = {c.new: len(gap(lm, c.prompt, c.new).targets) for c in cases} if how.goal == "change" else {}
    return [
        f"{name} has {n} tokens in {lm.name}: it is right only where all of them are."
        for name, n in counts.items()
        if n > 1
    ]


def _unmet(lm: LanguageModel, cases: Sequence[Case], how: How) -> list[str]:
    if lm.unmet is None or how.goal == "forget":
        return []
    never = [c.new for c in cases if any(t in lm.unmet for t in gap(lm, c.prompt, c.new).targets)]
    return [
        f"{name} is in no sentence of the model's training text: harder to learn than an object that it knows."
        for name in never
    ]


def _large(lm: LanguageModel) -> list[str]:
    if lm.module.num_parameters() <= SMALL:
        return []
    return [f"{lm.name} is large: it was asked about {FEW} facts of the bundled world, not about all."]


def _stopped(stop: Stop) -> None:
    if stop():
        raise StoppedError("Stopped; nothing was recorded.")
