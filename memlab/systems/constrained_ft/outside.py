"""Editing benchmarks from files, each case edited alone on the unedited model: weights with and without a constraint,
memory.

A case is used if its new object is one token, the model was trained on its words (where that is recorded), and the
model knows it: P(true) > P(new) on the prompt. An object of several tokens has the product of their probabilities.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memlab.corpus.model_kinds import model_kind
from memlab.corpus.world import atlas
from memlab.declare import Method
from memlab.errors import InputError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.lm.versions import derive, summed
from memlab.progress import Progress, Stop
from memlab.systems.constrained_ft.alarms import fixed_text, generated, perplexity_of, predicted
from memlab.systems.constrained_ft.cases import Case, Question
from memlab.systems.constrained_ft.constraint import AUTO, constraint
from memlab.systems.constrained_ft.gaps import Gap, ScoresOf, ask, gap
from memlab.systems.constrained_ft.how import How
from memlab.systems.constrained_ft.outside_data import read_cases
from memlab.systems.constrained_ft.outside_result import MEMORY, Asked, CaseRow, OutsideResult
from memlab.systems.constrained_ft.plan import Budget, Material, Plan
from memlab.systems.constrained_ft.remembered import FactMemory, ReadText, fact_memory, read_text
from memlab.systems.constrained_ft.selection import blocks_of
from memlab.systems.constrained_ft.training import fine_tune

SENTENCES = 10  # of the fixed text, for the perplexity of each edit; the memory holds the others
CANNOT_READ = "with a sentence or an object that the model cannot read or write"
NEVER_MET = "with words that its training never told, so that their parts say nothing to it"
SEVERAL = "whose new object has several tokens"
SAME = "whose new object begins as the old one"
NOT_KNOWN = "that the model does not know: the new object is likelier"
BUDGET = Budget(steps=25, batch=16, learning_rate=5e-4, stop_loss=0.05, every=25)


def evaluate_file(
    lm: LanguageModel,
    file: Path,
    limit: int,
    how: How | None,
    texts: Sequence[str],
    progress: Progress,
    stop: Stop,
    memory: Method | None = None,
) -> OutsideResult:
    """Edits the first `limit` usable cases of a file, each alone, with and without the constraint, and in a memory.

    Args:
        how: by default FTM on the feed-forward layer of an early block, infinity norm 0.002, at most 25 steps.
        texts: a fixed text for the perplexity; empty takes sentences of the bundled prose.
        memory: the kNN method whose keys and distances the edit in a memory uses; None leaves that out.

    Raises:
        InputError: the file or a setting cannot be used, or the model knows no case. StoppedError: `stop` returned True.
    """
    if isinstance(limit, bool) or limit < 1:
        raise InputError(f"limit is {limit}; allowed is a whole number from 1.")
    if type(lm) is not LanguageModel:
        raise InputError(f"{lm.name} mixes its states with a memory, so its weights alone cannot be edited here.")
    how = how or default_how(lm)
    plans = _plans(lm, how)
    progress(0.0, "looking for cases that the model knows")
    cases, reasons = _usable(lm, read_cases(file), limit, stop)
    own = fixed_text(atlas())
    trial = _Trial(lm, tuple(cases), predicted(lm, list(texts) or own[:SENTENCES]))
    remembered = fact_memory(lm, memory, cases, predicted(lm, own[SENTENCES:])) if memory is not None else None
    text = read_text(lm, remembered.key, trial.text) if remembered is not None else None
    before = perplexity_of(lm, trial.text, stop)
    rows = []
    for n, case in enumerate(cases):
        unedited = asked(lm, case)
        for method, plan in plans.items():
            if stop():
                raise StoppedError(f"Stopped after {n} of {len(cases)} cases.")
            progress(n / len(cases), f"{n} of {len(cases)} cases, {method}")
            rows.append(trial.trained(method, plan, case, unedited, before, stop))
        if remembered is not None and text is not None:
            progress(n / len(cases), f"{n} of {len(cases)} cases, {MEMORY}")
            rows.append(trial.remembered(remembered, n, text))
    progress(1.0, f"{len(cases)} cases")
    return OutsideResult(
        file.name, lm.name, _settings(lm, how, remembered), tuple(rows), sum(reasons.values()), reasons
    )


@dataclass(frozen=True)
class _Trial:
    """What the edits of all cases share. text: the tokens that the perplexity is measured on."""

    lm: LanguageModel
    cases: tuple[Case, ...]
    text: Sequence[Gap]

    def trained(self, method: str, plan: Plan, case: Case, unedited: Asked, perplexity: float, stop: Stop) -> CaseRow:
        """One case trained into the weights. `perplexity`: before the edit."""
        others = [(c.prompt, c.old) for c in self.cases]
        rest = [p for p in others if p != (case.prompt, case.old)] if "fta" in plan.procedure else []
        old = [(s, case.old) for s in case.statements]
        given = Material([(s, case.new) for s in case.statements], rest, others, old=old)
        start = time.perf_counter()
        changes = fine_tune(self.lm, self.lm, given, plan, stop=stop).changes
        seconds = time.perf_counter() - start
        after = derive(self.lm, summed(self.lm, [changes]))
        ratio = perplexity_of(after, self.text, stop) / perplexity
        return CaseRow(method, case, unedited, asked(after, case), ratio, seconds)

    def remembered(self, memory: FactMemory, n: int, text: ReadText) -> CaseRow:
        """The n-th case corrected in a memory."""
        case = self.cases[n]
        start = time.perf_counter()
        edited = memory.corrected(n, case.prompt, case.new)
        seconds = time.perf_counter() - start
        before, after = (asked(self.lm, case, m.scores) for m in (memory, edited))
        return CaseRow(MEMORY, case, before, after, edited.perplexity(text) / memory.perplexity(text), seconds)


def default_how(lm: LanguageModel) -> How:
    """FTM on all matrices of the feed-forward layer of an early block (a sixth of the depth), infinity norm 0.002."""
    return How("ftm", "inf", 0.002, (len(blocks_of(lm)) // 6,), "feed-forward", budget=BUDGET)


def asked(lm: LanguageModel, case: Case, scores_of: ScoresOf | None = None) -> Asked:
    """A model's answers about a case. `scores_of` replaces its forward pass where a memory is mixed in."""
    near = case.neighborhood[0]
    prompts = [
        (case.prompt, case.new),
        (case.prompt, case.old),
        (case.paraphrases[0], case.new),
        (case.paraphrases[0], case.old),
        (near.sentence, near.object),
        (near.sentence, case.new),
    ]
    said = ask(lm, [gap(lm, sentence, object_) for sentence, object_ in prompts], scores_of=scores_of)
    text, hit = generated(lm, [case], scores_of)[0] if model_kind(lm.kind).left_to_right else (None, None)
    return Asked(
        said[0].p > said[1].p, said[2].p > said[3].p, said[4].p > said[5].p, said[0].right, said[0].top, said[2].top,
        said[4].top, text, hit,
    )  # fmt: skip


def _plans(lm: LanguageModel, how: How) -> dict[str, Plan]:
    """The plans with the constraint and without. Raises InputError for settings that cannot be used."""
    selection = how.check(lm)
    if how.delta == AUTO and how.norm != "none":
        raise InputError("With --data, delta is not chosen automatically. Give one, for example 0.002.")
    free = Plan(how.method, selection, constraint("none", None), how.anchor, how.budget)
    if how.norm == "none":
        return {"unconstrained": free}
    held = Plan(how.method, selection, constraint(how.norm, how.delta), how.anchor, how.budget)
    return {"constrained": held, "unconstrained": free}


def _settings(lm: LanguageModel, how: How, memory: FactMemory | None) -> dict[str, Any]:
    out = {**how.to_dict(), "where": how.check(lm).label}
    return out if memory is None else {**out, "memory": memory.settings()}


def _usable(lm: LanguageModel, cases: Iterator[Case], limit: int, stop: Stop) -> tuple[list[Case], dict[str, int]]:
    """The first cases that the model knows and can write, and the number of skipped cases by reason."""
    found: list[Case] = []
    passed: Counter[str] = Counter()
    for case in cases:
        if stop():
            raise StoppedError("Stopped while looking for cases that the model knows.")
        case = replace(case, **_for_kind(lm, case))
        reason = _unusable(lm, case)
        if reason is None:
            found.append(case)
            if len(found) == limit:
                break
        else:
            passed[reason] += 1
    if not found:
        raise InputError(
            f"{lm.name} knows none of the {passed.total()} cases, so none can be edited: {_listed(passed)}."
        )
    return found, dict(passed)


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in reasons.items())


def _unusable(lm: LanguageModel, case: Case) -> str | None:
    """Why a case is skipped; None if it is used."""
    near = case.neighborhood[0]
    try:
        new, old = gap(lm, case.prompt, case.new), gap(lm, case.prompt, case.old)
        others = [gap(lm, case.paraphrases[0], case.old), gap(lm, near.sentence, near.object)]
    except InputError:
        return CANNOT_READ
    if lm.unmet and not lm.unmet.isdisjoint(t for g in (new, old, *others) for t in (*g.ids, *g.targets)):
        return NEVER_MET
    if len(new.targets) != 1:
        return SEVERAL
    if new.targets[0] == old.targets[0]:
        return SAME
    p_new, p_old = (said.p for said in ask(lm, [new, old]))
    return None if p_old > p_new else NOT_KNOWN


def _for_kind(lm: LanguageModel, case: Case) -> dict[str, Any]:
    """The sentences of a case for the kind of model: with a full stop at the end where the model reads on to it."""
    if model_kind(lm.kind).left_to_right:
        return {}

    def ended(text: str) -> str:
        return f"{text}."

    near = tuple(Question(ended(q.sentence), q.object) for q in case.neighborhood)
    return {
        "statements": tuple(map(ended, case.statements)), "prompt": ended(case.prompt), "question": ended(case.question),
        "paraphrases": tuple(map(ended, case.paraphrases)), "neighborhood": near,
    }  # fmt: skip
