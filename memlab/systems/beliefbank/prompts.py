"""Prompt templates with two answer words, visible and editable.

A frame contains {question} or {statement}, and {context} where feedback goes. A masked model answers at its [MASK], a
causal or seq2seq model after its end. Examples precede the frame, each the frame filled in with its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memlab.corpus.model_kinds import MASK, of_kind
from memlab.errors import InputError
from memlab.systems.beliefbank.answers import Question
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.phrasing import question, statement

LONGEST = 2000  # characters of a frame


@dataclass(frozen=True)
class Prompt:
    """One way to ask.

    Args:
        frame: text with {question} or {statement}, and {context} where feedback goes.
        yes, no: the answer words.
        examples: (statement, question, answer) that precede every question.
    """

    name: str
    frame: str
    yes: str = "yes"
    no: str = "no"
    examples: tuple[tuple[str, str, bool], ...] = ()

    def __post_init__(self) -> None:
        if len(self.frame) > LONGEST:
            raise InputError(f"The prompt has {len(self.frame):,} characters; at most {LONGEST:,} are allowed.")
        if "{question}" not in self.frame and "{statement}" not in self.frame:
            raise InputError(f"The prompt {self.frame[:80]!r} asks nothing: it needs {{question}} or {{statement}}.")
        if not self.yes.strip() or not self.no.strip() or self.yes.strip() == self.no.strip():
            raise InputError(f"The answer words are {self.yes!r} and {self.no!r}; two different words are needed.")

    def text(self, asked: Question, graph: ConstraintGraph) -> str:
        """The model's input for a question; a causal model continues it with the answer. Raises NotFound for its
        entity."""
        entity = graph.entity(asked.entity)
        context = " ".join(statement(entity, b.property, b.label) for b in asked.context)
        ask, say = question(entity, asked.property), statement(entity, asked.property, True)
        return self._examples() + _fill(self.frame, context, ask, say)

    def _examples(self) -> str:
        shown = []
        for say, ask, label in self.examples:
            filled = _fill(self.frame, "", ask, say)
            answer = self.yes if label else self.no
            shown.append(filled.replace(MASK, answer) if MASK in filled else f"{filled} {answer.strip()}")
        return "".join(f"{text}\n\n" for text in shown)

    def check(self, kind: str) -> None:
        """Raises InputError where the frame does not fit the kind of model."""
        if kind == "masked":
            if self.frame.count(MASK) != 1:
                raise InputError(f"A masked model answers at [MASK]; the prompt {self.frame[:80]!r} needs exactly one.")
        elif MASK in self.frame:
            raise InputError(
                f"A {kind} model answers at the end of the prompt; leave [MASK] out of {self.frame[:80]!r}."
            )

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "frame": self.frame,
            "yes": self.yes,
            "no": self.no,
            "examples": [list(e) for e in self.examples],
        }


def _fill(frame: str, context: str, ask: str, say: str) -> str:
    filled = frame.replace("{question}", ask).replace("{statement}", say)
    if context:
        return filled.replace("{context}", context)
    for blank in ("{context} ", "{context}\n", "{context}"):
        filled = filled.replace(blank, "")
    return filled


EXAMPLES = (
    ("A brick is an animal.", "Is a brick an animal?", False),
    ("A kitten has a tail.", "Does a kitten have a tail?", True),
    ("A lawyer has roots.", "Does a lawyer have roots?", False),
    ("A teacher can speak.", "Can a teacher speak?", True),
)
PLAIN = Prompt("question", "{context} {question}")
PROMPTS: Mapping[str, Prompt] = {
    p.name: p
    for p in (
        PLAIN,
        Prompt("question-answer", "{context}\nQuestion: {question}\nAnswer:", " yes", " no", EXAMPLES),
        Prompt("true-or-false", "{context} Statement: {statement} True or false?", " True", " False", EXAMPLES),
        Prompt("masked-question", "{context} {question} [MASK].", "Yes", "No"),
        Prompt("masked-statement", "{context} It is [MASK] that: {statement}", "true", "false"),
    )
}


def prompt_named(name: str) -> Prompt:
    """The prompt of this name. Raises InputError, which lists the prompts."""
    if name not in PROMPTS:
        raise InputError(f"There is no prompt {name!r}. Allowed: {', '.join(PROMPTS)}.")
    return PROMPTS[name]


_USUAL = {"masked": "masked-question", "causal": "true-or-false", "seq2seq": "true-or-false"}  # by kind of model


def default_prompt(model: str, kind: str, record: Mapping[str, Any] | None = None) -> Prompt:
    """The prompt of a model where none is chosen: that of its training, where its `record` (memlab.json) names one.

    Raises:
        InputError: a kind of model that is not asked about beliefs.
    """
    trained_with = (record or {}).get("prompt")
    if trained_with in PROMPTS:
        return PROMPTS[str(trained_with)]
    if model.endswith("atlas-qa"):
        return PLAIN
    return PROMPTS[of_kind(_USUAL, kind, "questions about beliefs")]
