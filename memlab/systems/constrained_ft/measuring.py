"""The effect of an edit of weights: the same questions to the model without it and with it.

A_M       share of the modified facts whose held-out question is answered with the new object
A_F\\S     share of the unmodified known facts that are still answered correctly
A-bar     their mean
efficacy, paraphrase     share of cases with P(new) > P(old) on a trained sentence, on held-out questions
neighborhood             share of neighboring facts with P(own object) > P(new object of the edit)
harmonic                 harmonic mean of the three
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.results import AnswerChange, EditEffects, Fact
from memlab.results.side_effects import BeforeAfter
from memlab.systems.constrained_ft.cases import Case, Known
from memlab.systems.constrained_ft.gaps import Said, ask, gap, never

EDITED, PARAPHRASE = "edited", "paraphrase"
NEAR = ("same subject", "same relation", "same object")
UNRELATED = "unrelated"
GROUPS = (EDITED, PARAPHRASE, *NEAR, UNRELATED)


@dataclass(frozen=True, kw_only=True)
class Answered(BeforeAfter):
    """One held-out question without the edit and with it.

    wanted: the correct object: the new one (edited, paraphrase; "" where the fact is to be forgotten), else the
    fact's own. p_before, p_after: its probability (of the old object where the fact is to be forgotten).
    old_before, old_after: probability of the old object, for questions about what was edited.
    """

    fact: Fact
    wanted: str
    old_before: float | None = None
    old_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "group": self.group, "prompt": self.prompt, "subject": self.fact.subject, "relation": self.fact.relation,
            "wanted": self.wanted, "before": self.before, "after": self.after, "p_before": self.p_before,
            "p_after": self.p_after, "right_before": self.right_before, "right_after": self.right_after, "moved": self.moved,
        }  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """The scores of an edit; None where nothing was asked. Shares in [0, 1]."""

    modified: int
    kept: int
    a_m: float | None
    a_fs: float | None
    efficacy: float | None
    paraphrase: float | None
    neighborhood: float | None

    @property
    def a_bar(self) -> float | None:
        """Mean of A_M and A_F\\S."""
        return None if self.a_m is None or self.a_fs is None else (self.a_m + self.a_fs) / 2

    @property
    def harmonic(self) -> float | None:
        """Harmonic mean of efficacy, paraphrase and neighborhood; None unless all three were measured."""
        return harmonic((self.efficacy, self.paraphrase, self.neighborhood))

    def to_dict(self) -> dict[str, Any]:
        return {
            "modified": self.modified, "kept": self.kept, "a_m": self.a_m, "a_fs": self.a_fs, "a_bar": self.a_bar,
            "efficacy": self.efficacy, "paraphrase": self.paraphrase, "neighborhood": self.neighborhood,
            "harmonic": self.harmonic,
        }  # fmt: skip


def harmonic(scores: Sequence[float | None]) -> float | None:
    """Harmonic mean; 0 where one is 0, None where one is None."""
    given = [s for s in scores if s is not None]
    if len(given) < len(scores) or not given:
        return None
    return len(given) / sum(1 / s for s in given) if all(given) else 0.0


def answers(
    before: LanguageModel,
    after: LanguageModel,
    cases: Sequence[Case],
    known: Sequence[Known],
    forget: bool = False,
    stop: Callable[[], bool] = never,
) -> tuple[Answered, ...]:
    """Every held-out question about the cases and about the known facts that they do not change.

    Args:
        known: F as `before` answered it; these answers are reused.
        forget: whether the cases are to be forgotten; any answer but the old object is then right.
    """
    own: list[tuple[str, str, Case]] = [
        (group, prompt, case)
        for case in cases
        for group, prompts in ((EDITED, (case.question,)), (PARAPHRASE, case.paraphrases))
        for prompt in prompts
    ]
    olds = [gap(before, prompt, case.old) for _, prompt, case in own]
    news = olds if forget else [gap(before, prompt, case.new) for _, prompt, case in own]
    new = [ask(lm, news) for lm in (before, after)]
    old = new if forget else [ask(lm, olds) for lm in (before, after)]
    out = [
        _own(group, prompt, case, (new[0][i], new[1][i]), (old[0][i], old[1][i]), forget)
        for i, (group, prompt, case) in enumerate(own)
    ]
    edited = {(c.subject, c.relation) for c in cases}
    rest = [k for k in known if k.at not in edited]
    later = ask(after, [gap(after, k.question, k.fact.object) for k in rest], stop)
    for k, now in zip(rest, later, strict=True):
        out.append(
            Answered(
                group=_group(k, cases),
                prompt=k.question,
                before=k.said.top,
                after=now.top,
                p_before=k.said.p,
                p_after=now.p,
                right_before=k.said.right,
                right_after=now.right,
                fact=k.fact,
                wanted=k.fact.object,
            )
        )
    return tuple(out)


def score(rows: Sequence[Answered], before: LanguageModel, after: LanguageModel, cases: Sequence[Case]) -> Scores:
    """The scores of the answers; asks `after` the questions for efficacy and neighborhood."""
    edited = [r for r in rows if r.group == EDITED]
    kept = [r for r in rows if r.group not in (EDITED, PARAPHRASE)]
    held_out = [r for r in rows if r.group in (EDITED, PARAPHRASE) and r.old_after is not None]
    return Scores(
        len(edited),
        len(kept),
        _mean([r.right_after for r in edited]),
        _mean([r.right_after for r in kept]),
        _mean(preferences(after, [(c.prompt, c.new, c.old) for c in cases if c.new])),
        _mean([r.p_after > (r.old_after or 0.0) for r in held_out if r.wanted]),
        _mean(preferences(after, [(n.sentence, n.object, c.new) for c in cases if c.new for n in c.neighborhood])),
    )


def preferences(lm: LanguageModel, asked: Sequence[tuple[str, str, str]]) -> list[bool]:
    """Whether P(one) > P(other) for each (sentence, one, other); triples that the model cannot write are left out."""
    ones, others = [], []
    for sentence, one, other in asked:
        try:
            pair = gap(lm, sentence, one), gap(lm, sentence, other)
        except InputError:
            continue
        ones.append(pair[0])
        others.append(pair[1])
    return [a.p > b.p for a, b in zip(ask(lm, ones), ask(lm, others), strict=True)]


def by_group(rows: Sequence[Answered]) -> list[dict[str, Any]]:
    """For each group how many questions were asked, right before and after, and how many answers moved."""
    out = []
    for group in GROUPS:
        own = [r for r in rows if r.group == group]
        if own:
            out.append({
                "group": group, "asked": len(own), "right_before": sum(r.right_before for r in own),
                "right_after": sum(r.right_after for r in own), "moved": sum(r.moved for r in own),
            })  # fmt: skip
    return out


def as_moved(
    rows: Sequence[Answered], seq: int, method: str, model: str, settings: Mapping[str, Any], notes: Sequence[str]
) -> EditEffects:
    """The answers in the form of the side effects of memory edits. The neighborhood consists of the facts that share
    a name or the relation with the edit, and of unrelated ones whose answer moved."""
    out = []
    for r in rows:
        if r.group == UNRELATED and not r.moved:
            continue
        group = {EDITED: "efficacy", PARAPHRASE: "paraphrase"}.get(r.group, "neighborhood")
        preferred = None if r.old_after is None or not r.wanted else r.p_after > r.old_after
        shared = "" if group != "neighborhood" else r.group
        out.append(
            AnswerChange(
                group=group,
                prompt=r.prompt,
                before=r.before,
                after=r.after,
                p_before=r.p_before,
                p_after=r.p_after,
                right_before=r.right_before,
                right_after=r.right_after,
                shared=shared,
                word=r.wanted or r.fact.object,
                preferred=preferred,
                fact=r.fact,
            )
        )
    return EditEffects(seq, seq - 1, method, model, "", settings, tuple(out), tuple(notes))


def _own(
    group: str, prompt: str, case: Case, said: tuple[Said, Said], old: tuple[Said, Said], forget: bool
) -> Answered:
    fact = Fact(case.subject, case.relation, case.old)
    right = tuple(not s.right for s in old) if forget else tuple(s.right for s in said)
    return Answered(
        group=group, prompt=prompt, before=said[0].top, after=said[1].top, p_before=said[0].p, p_after=said[1].p,
        right_before=right[0], right_after=right[1], fact=fact, wanted="" if forget else case.new,
        old_before=old[0].p, old_after=old[1].p,
    )  # fmt: skip


def _group(known: Known, cases: Sequence[Case]) -> str:
    fact = known.fact
    if any(fact.subject == c.subject or fact.object == c.subject for c in cases):
        return NEAR[0]
    if any(fact.relation == c.relation for c in cases):
        return NEAR[1]
    names = {name for c in cases for name in (c.old, c.new) if name}
    return NEAR[2] if fact.object in names or fact.subject in names else UNRELATED


def _mean(values: Sequence[bool]) -> float | None:
    return math.fsum(values) / len(values) if values else None
