"""Reading a sentence: the fact it states in the words of the world, or the question it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from memlab.corpus.sentences import sentence_spans
from memlab.corpus.world import MASK, Relation, World
from memlab.results import Fact

_LAST_WORD = re.compile(r"[^\W_](?:[\w'’-]*\w)?(?=\W*$)")


@dataclass(frozen=True)
class Statement:
    """A fact that a sentence states, and the number of the question that is the sentence with a gap (0 otherwise)."""

    fact: Fact
    question: int


def read_statement(world: World, sentence: str) -> Statement | None:
    """The fact that a sentence states in one of the world's templates; None if no template fits.

    Subject and object may be names that the world does not know. Where several templates fit, the one
    with a known subject of the right kind wins, then the one with more letters of its own.
    """
    best: tuple[tuple[bool, bool, int], Statement] | None = None
    for relation in world.relations.values():
        for number, pattern, own in _patterns(relation):
            if (found := pattern.fullmatch(sentence.strip())) is None:
                continue
            subject, value = _name(world, found["X"]), _name(world, found["Y"])
            known = world.subjects.get(subject)
            fits = (known is not None and known.kind in relation.subject_kinds, known is not None, own)
            if best is None or fits > best[0]:
                best = fits, Statement(Fact(subject, relation.name, value, property=relation.property), number)
    return best[1] if best else None


def cloze(text: str, word: str | None = None) -> str:
    """A question that a text answers: its first sentence with a gap for its last word.

    With `word`, the sentence with its first occurrence, with the gap there. "" if there is no word.
    """
    spans = sentence_spans(text) or [(0, 0)]
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
    if found is not None:
        first, last = next(((a, b) for a, b in spans if a <= found.start() < b), spans[0])
        return text[first : found.start()] + MASK + text[found.end() : last]
    first, last = spans[0]
    gap = last_word(text[first:last])
    return "" if gap is None else text[first : first + gap[0]] + MASK + text[first + gap[1] : last]


def last_word(sentence: str) -> tuple[int, int] | None:
    """Character span of the last word; None where there is none."""
    found = _LAST_WORD.search(sentence)
    return found.span() if found else None


@cache
def _patterns(relation: Relation) -> list[tuple[int, re.Pattern[str], int]]:
    """Number of the question, pattern and number of letters of its own, for each template of a relation."""
    numbered = [*enumerate(relation.questions), *((0, statement) for statement in relation.statements)]
    out = []
    for number, template in numbered:
        pattern = re.escape(template).replace(r"\[X\]", "(?P<X>.+?)").replace(r"\[Y\]", "(?P<Y>.+?)")
        out.append((number, re.compile(pattern), len(template.replace("[X]", "").replace("[Y]", ""))))
    return out


def _name(world: World, text: str) -> str:
    """A name as the world writes it: a lower-case name may begin a sentence."""
    low = text[:1].lower() + text[1:]
    return low if text not in world.subjects and low in world.subjects else text
