"""What else moved: answers before and after an edit, and the scores that fact-editing papers give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.facts import Fact
from memlab.serialize import as_json

GROUPS = ("efficacy", "paraphrase", "neighborhood")


@dataclass(frozen=True)
class BeforeAfter:
    """The answers to one question before and after an edit, the probability of one word, and whether each is right."""

    group: str
    prompt: str
    before: str
    after: str
    p_before: float
    p_after: float
    right_before: bool
    right_after: bool

    @property
    def moved(self) -> bool:
        """Whether the answer changed."""
        return self.before != self.after


@dataclass(frozen=True, kw_only=True)
class AnswerChange(BeforeAfter):
    """One question before and after an edit of the memory.

    `before` and `after` are the first words of the mixture ("" where memory finds no article to search).
    `word` is the one whose probability is given: what the edit teaches or forgets; in the neighborhood
    the answer before. `right_before` and `right_after` say whether the answer is the one that is wanted
    (teach, correct), is no longer the forgotten one (forget), or is true (neighborhood). `preferred`:
    p(new) > p(old) after the edit, where it puts one object in place of another. `shared` is what a
    neighbor has in common with the edit.
    """

    shared: str
    word: str
    preferred: bool | None = None
    fact: Fact | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(
            self,
            "group",
            "prompt",
            "shared",
            "before",
            "after",
            "moved",
            "word",
            "p_before",
            "p_after",
            "right_before",
            "right_after",
            "preferred",
            "fact",
        )


@dataclass(frozen=True)
class GroupScore:
    """Shares over the questions of a group, in [0, 1].

    before, after: right answers (see `AnswerChange`). score: what counts for the group: right answers after
    the edit, and in the neighborhood unchanged ones. preferred: share with p(new) > p(old), or None.
    """

    group: str
    questions: int
    before: float
    after: float
    score: float
    preferred: float | None = None

    @staticmethod
    def over(group: str, rows: Sequence[AnswerChange]) -> GroupScore | None:
        """The score of the rows of one group; None where there are none."""
        own = [row for row in rows if row.group == group]
        if not own:
            return None
        before, after = (sum(getattr(row, side) for row in own) / len(own) for side in ("right_before", "right_after"))
        unchanged = sum(not row.moved for row in own) / len(own)
        judged = [row.preferred for row in own if row.preferred is not None]
        preferred = sum(judged) / len(judged) if judged else None
        return GroupScore(group, len(own), before, after, unchanged if group == GROUPS[2] else after, preferred)

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "questions", "before", "after", "score", "preferred")


@dataclass(frozen=True)
class EditEffects:
    """Answers before and after an edit, over its own questions and over its neighborhood.

    efficacy: the questions that the edit is about. paraphrase: their other held-out templates.
    neighborhood: facts that share subject, relation or object, whose answers should stay. `notes` say
    what was sampled or left out. The state before the edit is that after `as_of` edits.
    """

    seq: int
    as_of: int
    method: str
    model: str
    datastore: str
    settings: Mapping[str, Any]
    rows: tuple[AnswerChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> tuple[GroupScore, ...]:
        """Of the groups that have questions, in the order of GROUPS."""
        return tuple(score for group in GROUPS if (score := GroupScore.over(group, self.rows)))

    @property
    def harmonic(self) -> float | None:
        """Harmonic mean of the three scores; None unless all three groups have questions."""
        scores = [s.score for s in self.scores]
        if len(scores) < len(GROUPS):
            return None
        return len(scores) / sum(1 / s for s in scores) if all(scores) else 0.0

    @property
    def table(self) -> tuple[AnswerChange, ...]:
        """The edit's own questions, and every neighbor whose answer moved."""
        return tuple(row for row in self.rows if row.group != GROUPS[2] or row.moved)

    def summary(self) -> dict[str, Any]:
        """What the ledger keeps: scores and how they were measured, without the single answers."""
        found = {s.group: s.to_dict() for s in self.scores}
        return {
            **{group: found.get(group) for group in GROUPS},
            "harmonic": self.harmonic,
            "moved": sum(row.moved for row in self.rows),
            "asked": len(self.rows),
            "method": self.method,
            "model": self.model,
            "datastore": self.datastore,
            "settings": dict(self.settings),
            "notes": list(self.notes),
        }

    def to_dict(self) -> dict[str, Any]:
        return {"seq": self.seq, "as_of": self.as_of, **self.summary(), "rows": [row.to_dict() for row in self.rows]}
