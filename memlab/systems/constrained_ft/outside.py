"""Editing data from outside: flat CounterFact and zsRE, for causal and masked models.

Each case is edited alone, from the model itself. Used are the cases that the model knows: P(true) > P(new) on the
prompt, where the new object is one token.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memlab.corpus.world import MASK, atlas
from memlab.errors import InputError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.lm.versions import derive, summed
from memlab.systems.constrained_ft.alarms import fixed_text, generated, perplexity
from memlab.systems.constrained_ft.cases import Case, Question
from memlab.systems.constrained_ft.constraint import constraint
from memlab.systems.constrained_ft.gaps import ask, gap
from memlab.systems.constrained_ft.measuring import harmonic
from memlab.systems.constrained_ft.modifying import How
from memlab.systems.constrained_ft.selection import blocks_of
from memlab.systems.constrained_ft.training import Budget, Material, Plan, Progress, Stop, fine_tune

COUNTERFACT = (
    "prompt",
    "subject",
    "ground_truth",
    "target_new",
    "rephrase_prompt",
    "locality_prompt",
    "locality_ground_truth",
)
ZSRE = ("src", "subject", "pred", "alt", "rephrase", "loc", "loc_ans")
SENTENCES = 10  # of the fixed text for the perplexity of each edit
BUDGET = Budget(steps=25, batch=16, learning_rate=5e-4, stop_loss=0.05, every=1)


@dataclass(frozen=True)
class Asked:
    """What a model says about one case; probabilities are those of the whole object."""

    efficacy: bool
    paraphrase: bool
    neighborhood: bool
    exact: bool
    answer: str
    paraphrased: str
    neighbor: str
    text: str | None
    generated: bool | None

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class CaseRow:
    """One case under one method. perplexity: after / before on a fixed text. seconds: of the training."""

    method: str
    case: Case
    before: Asked
    after: Asked
    perplexity: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method, "subject": self.case.subject, "prompt": self.case.prompt, "old": self.case.old,
            "new": self.case.new, "before": self.before.to_dict(), "after": self.after.to_dict(),
            "perplexity_ratio": self.perplexity, "seconds": self.seconds,
        }  # fmt: skip


@dataclass(frozen=True)
class OutsideResult:
    """Scores of methods on editing data from outside. passed_over: cases before the last used one that were not used."""

    data: str
    model: str
    settings: Mapping[str, Any]
    rows: tuple[CaseRow, ...]
    passed_over: int

    def to_dict(self) -> dict[str, Any]:
        methods = dict.fromkeys(row.method for row in self.rows)
        own = [row for row in self.rows if row.method == next(iter(methods))]
        unedited = _scored("unedited", [row.before for row in own])
        return {
            "task": "editing", "data": self.data, "model": self.model, "settings": dict(self.settings),
            "cases": len(own), "passed_over": self.passed_over,
            "results": [unedited, *(self._scores(method) for method in methods)],
            "rows": [row.to_dict() for row in self.rows],
        }  # fmt: skip

    def _scores(self, method: str) -> dict[str, Any]:
        own = [row for row in self.rows if row.method == method]
        return {
            **_scored(method, [row.after for row in own]),
            "perplexity_ratio": math.exp(sum(math.log(row.perplexity) for row in own) / len(own)),
            "worst_perplexity_ratio": max(row.perplexity for row in own),
            "seconds": sum(row.seconds for row in own) / len(own),
        }


def evaluate_file(
    lm: LanguageModel, file: Path, limit: int, how: How | None, texts: Sequence[str], progress: Progress, stop: Stop
) -> OutsideResult:
    """Edits the first `limit` usable cases of a file, each alone, with and without the constraint.

    Args:
        how: by default FTM on the feed-forward layer of an early block, infinity norm 0.002, at most 25 steps.
        texts: a fixed text for the perplexity; empty takes sentences of the bundled prose.

    Raises:
        InputError: the file cannot be read, or no case can be used. StoppedError: `stop` returned True.
    """
    if isinstance(limit, bool) or limit < 1:
        raise InputError(f"limit is {limit}; allowed is a whole number from 1.")
    how = how or default_how(lm)
    selection = how.check(lm)
    plans = {
        "constrained": Plan(how.method, selection, constraint(how.norm, how.delta), how.anchor, how.budget),
        "unconstrained": Plan(how.method, selection, constraint("none", None), how.anchor, how.budget),
    }
    if how.norm == "none":
        del plans["constrained"]
    text = list(texts) or fixed_text(atlas())[:SENTENCES]
    cases, passed = _usable(lm, read_cases(file), limit, stop)
    others = [(c.prompt, c.old) for c in cases]
    rows = []
    for n, case in enumerate(cases):
        before = asked(lm, case)
        for method, plan in plans.items():
            if stop():
                raise StoppedError(f"Stopped after {n} of {len(cases)} cases.")
            progress(n / len(cases), f"{n} of {len(cases)} cases, {method}")
            rest = [p for p in others if p != (case.prompt, case.old)] if "fta" in plan.procedure else []
            given = Material([(s, case.new) for s in case.statements], rest, others)
            start = time.perf_counter()
            trained = fine_tune(lm, lm, given, plan, stop=stop)
            seconds = time.perf_counter() - start
            after = derive(lm, summed(lm, [trained.changes]))
            said = perplexity(lm, after, text)
            rows.append(CaseRow(method, case, before, asked(after, case), said.after / said.before, seconds))
    progress(1.0, f"{len(cases)} cases")
    return OutsideResult(file.name, lm.name, {**how.to_dict(), "where": selection.label}, tuple(rows), passed)


def default_how(lm: LanguageModel) -> How:
    """FTM on all matrices of the feed-forward layer of an early block (a sixth of the depth), infinity norm 0.002."""
    return How("ftm", "inf", 0.002, (len(blocks_of(lm)) // 6,), "feed-forward", budget=BUDGET)


def read_cases(file: Path) -> Iterator[Case]:
    """The cases of a flat CounterFact or zsRE file, in its order. Raises InputError for a file of another form."""
    try:
        raw = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"{file} is no JSON: {error}.") from None
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], dict):
        raise InputError(f"{file} holds no list of cases. {_forms()}")
    forms = ((COUNTERFACT, _counterfact), (ZSRE, _zsre))
    found = next(((form, make) for form, make in forms if all(name in raw[0] for name in form)), None)
    if found is None:
        raise InputError(f"{file} has cases of an unknown form ({', '.join(sorted(raw[0]))[:120]}). {_forms()}")
    form, make = found
    for n, entry in enumerate(raw):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in form):
            raise InputError(f"Case {n} of {file} lacks one of {', '.join(form)}.")
        yield make(entry)


def asked(lm: LanguageModel, case: Case) -> Asked:
    """What a model says about a case."""
    near = case.neighborhood[0]
    prompts = [
        (case.prompt, case.new),
        (case.prompt, case.old),
        (case.paraphrases[0], case.new),
        (case.paraphrases[0], case.old),
    ]
    prompts += [(near.sentence, near.object), (near.sentence, case.new)]
    said = ask(lm, [gap(lm, sentence, object_) for sentence, object_ in prompts])
    text, hit = generated(lm, [case])[0] if lm.kind == "causal" else (None, None)
    return Asked(
        said[0].p > said[1].p, said[2].p > said[3].p, said[4].p > said[5].p, said[0].right, said[0].top, said[2].top,
        said[4].top, text, hit,
    )  # fmt: skip


def _usable(lm: LanguageModel, cases: Iterator[Case], limit: int, stop: Stop) -> tuple[list[Case], int]:
    """The first cases that the model knows and can write, and how many others stood between them."""
    found: list[Case] = []
    passed = 0
    for case in cases:
        if stop():
            raise StoppedError("Stopped while looking for cases that the model knows.")
        case = replace(case, **_for_kind(lm, case))
        if _known(lm, case):
            found.append(case)
            if len(found) == limit:
                break
        else:
            passed += 1
    if not found:
        raise InputError(f"{lm.name} knows none of the {passed} cases, so that none can be edited.")
    return found, passed


def _known(lm: LanguageModel, case: Case) -> bool:
    try:
        new, old = gap(lm, case.prompt, case.new), gap(lm, case.prompt, case.old)
        for sentence, object_ in (
            (case.paraphrases[0], case.old),
            (case.neighborhood[0].sentence, case.neighborhood[0].object),
        ):
            gap(lm, sentence, object_)
    except InputError:
        return False
    if len(new.targets) != 1 or new.targets[0] == old.targets[0]:
        return False
    p_new, p_old = (said.p for said in ask(lm, [new, old]))
    return p_old > p_new


def _for_kind(lm: LanguageModel, case: Case) -> dict[str, Any]:
    """A masked model reads a sentence that ends with a full stop."""
    if lm.kind == "causal":
        return {}

    def ended(text: str) -> str:
        return f"{text}."

    near = tuple(Question(ended(q.sentence), q.object) for q in case.neighborhood)
    return {
        "statements": tuple(map(ended, case.statements)), "prompt": ended(case.prompt), "question": ended(case.question),
        "paraphrases": tuple(map(ended, case.paraphrases)), "neighborhood": near,
    }  # fmt: skip


def _counterfact(e: Mapping[str, str]) -> Case:
    near = Question(_asking(e["locality_prompt"]), e["locality_ground_truth"].strip())
    return _case(e["subject"], e["prompt"], e["ground_truth"], e["target_new"], e["rephrase_prompt"], near)


def _zsre(e: Mapping[str, str]) -> Case:
    question = e["loc"].removeprefix("nq question: ").strip().rstrip("?")
    near = Question(_asking(f"{question[:1].upper()}{question[1:]}?"), e["loc_ans"].strip())
    return _case(e["subject"], e["src"], e["pred"], e["alt"], e["rephrase"], near)


def _case(subject: str, prompt: str, old: str, new: str, rephrased: str, near: Question) -> Case:
    own = _asking(prompt)
    return Case(subject, "", old.strip(), new.strip(), (own,), own, own, (_asking(rephrased),), (near,))


def _asking(prompt: str) -> str:
    return f"{prompt.replace(MASK, ' ').strip()} {MASK}"


def _scored(method: str, said: Sequence[Asked]) -> dict[str, Any]:
    from scipy.stats import binomtest

    n = len(said)
    shares = {
        name: sum(bool(getattr(a, name)) for a in said) / n
        for name in ("efficacy", "paraphrase", "neighborhood", "exact")
    }
    wrote = [a.generated for a in said if a.generated is not None]
    interval = binomtest(round(shares["efficacy"] * n), n).proportion_ci(method="wilson")
    return {
        "method": method, "cases": n, **shares,
        "harmonic": harmonic([shares["efficacy"], shares["paraphrase"], shares["neighborhood"]]),
        "generated": sum(wrote) / len(wrote) if wrote else None, "interval": [float(interval.low), float(interval.high)],
    }  # fmt: skip


def _forms() -> str:
    return f"Read are flat CounterFact ({', '.join(COUNTERFACT)}) and flat zsRE ({', '.join(ZSRE)})."
