"""Kinds of models as texts see them: what each is asked, and which sentences it is trained on.

Prompts, templates and messages come from the `ModelKind` of a kind, which `model_kind` finds by name. `of_kind` is for what
one place alone needs: an entry of a table by kind. Both refuse a kind that they do not know, so that a further kind is
never treated as one of the others. How a kind is run is in `memlab.lm.engine_kinds`, how its texts become entries in
`memlab.memory.cutting`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar

from memlab.errors import InputError

if TYPE_CHECKING:
    from memlab.corpus.world import Relation

MASK = "[MASK]"

_T = TypeVar("_T")


class ModelKind(ABC):
    """How a kind of model is asked and trained.

    Attributes:
        name: as models, methods and datastores record it.
        does: how it answers, for messages: "It is a masked model: it fills blanks".
        example: a prompt that shows how to ask.
        fills_gap: whether its prompts have exactly one [MASK], where the answer belongs; its tokenizer needs a mask token.
        left_to_right: whether it predicts each next token of a text from those before it, so that it can read a text
            token by token and continue it.
    """

    name: ClassVar[str]
    does: ClassVar[str]
    example: ClassVar[str]
    fills_gap: ClassVar[bool]
    left_to_right: ClassVar[bool]

    @abstractmethod
    def around(self, sentence: str) -> tuple[str, str]:
        """What the model reads before and after the answer: of a sentence with [MASK], or of a prompt of this kind."""

    @abstractmethod
    def prompt(self, sentence: str) -> str | None:
        """The prompt made of a sentence with [MASK]; None where that leaves nothing to ask."""

    @abstractmethod
    def answer(self, word: str) -> str:
        """A word as the tokenizer has to read it at the place of the answer."""

    @abstractmethod
    def statements(self, relation: Relation) -> tuple[str, ...]:
        """The templates of a relation whose sentences it is trained on."""

    def wording(self, template: str) -> str | None:
        """A template with [X] (subject) and [Y] (object) as the wording of a prompt: [Y] is asked for, [X] stays.

        None where the model would not read the subject.
        """
        text = self.prompt(template.replace("[Y]", MASK))
        return text if text is not None and "[X]" in text else None


class Masked(ModelKind):
    """Fills one gap, with the words on both sides of it (BERT)."""

    name = "masked"
    does = "fills blanks"
    example = f"The capital of France is {MASK}."
    fills_gap = True
    left_to_right = False

    def around(self, sentence: str) -> tuple[str, str]:
        before, _, after = sentence.partition(MASK)
        return before, after

    def prompt(self, sentence: str) -> str | None:
        return sentence if MASK in sentence else None

    def answer(self, word: str) -> str:
        return word

    def statements(self, relation: Relation) -> tuple[str, ...]:
        return relation.statements


class Causal(ModelKind):
    """Continues a text with its next token (GPT)."""

    name = "causal"
    does = "continues a text at its end"
    example = "The capital of France is"
    fills_gap = False
    left_to_right = True

    def around(self, sentence: str) -> tuple[str, str]:
        before = sentence.partition(MASK)[0].rstrip()
        return (f"{before} " if before else ""), ""

    def prompt(self, sentence: str) -> str | None:
        return sentence.partition(MASK)[0].rstrip() or None

    def answer(self, word: str) -> str:
        return f" {word}"

    def statements(self, relation: Relation) -> tuple[str, ...]:
        return relation.read_onward()


MASKED, CAUSAL = Masked(), Causal()
MODEL_KINDS: Mapping[str, ModelKind] = {kind.name: kind for kind in (MASKED, CAUSAL)}


def model_kind(name: str) -> ModelKind:
    """The kind of model of this name. Raises InputError for a kind that memlab cannot write prompts for."""
    return of_kind(MODEL_KINDS, name, "prompts")


def of_kind(table: Mapping[str, _T], kind: str, what: str) -> _T:
    """The entry of a kind of model in a table by kind; `what` says what the table holds.

    Raises:
        InputError: the table has nothing for this kind; the message says for which kinds it has.
    """
    if kind not in tuple(table):  # a record may hold anything, also what cannot be a key
        raise InputError(f"memlab has no {what} for {kind} models, only for {' and '.join(table)} ones.")
    return table[kind]


def kind_of_prompt(prompt: str) -> ModelKind:
    """The kind of model that a prompt is written for: masked with a [MASK] in it, else causal."""
    return MASKED if MASK in prompt else CAUSAL


def around_answer(prompt: str) -> tuple[str, str]:
    """The text of a prompt before and after the place of its answer."""
    return kind_of_prompt(prompt).around(prompt)
