"""Properties as questions and statements: templates with articles, and parsing a question.

Templates contain {X}, the entity, and {Y}, the text of the property, each with its article where it needs one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from memlab.errors import InputError
from memlab.systems.beliefbank.constraints import EXCLUDES, Constraint, ConstraintGraph, Entity, unknown


@dataclass(frozen=True)
class Template:
    """How a relation is asked, affirmed and denied. `article`: whether {Y} is a noun that may need one."""

    question: str
    yes: str
    no: str
    article: bool = False


TEMPLATES: Mapping[str, Template] = {
    "IsA": Template("Is {X} {Y}?", "{X} is {Y}.", "{X} is not {Y}.", article=True),
    "HasPart": Template("Does {X} have {Y}?", "{X} has {Y}.", "{X} does not have {Y}.", article=True),
    "HasA": Template("Does {X} have {Y}?", "{X} has {Y}.", "{X} does not have {Y}.", article=True),
    "CapableOf": Template("Can {X} {Y}?", "{X} can {Y}.", "{X} cannot {Y}."),
    "MadeOf": Template("Is {X} made of {Y}?", "{X} is made of {Y}.", "{X} is not made of {Y}."),
    "HasProperty": Template("Is {X} {Y}?", "{X} is {Y}.", "{X} is not {Y}."),
}
OTHER = Template("Is it true that {X} {Y}?", "{X}: {Y}.", "It is not true that {X}: {Y}.")
MASS = frozenset(
    [
        "furniture",
        "blood",
        "bark",
        "wood",
        "fur",
        "hair",
        "skin",
        "pollen",
        "upholstery",
        "wool",
        "fruit",
        "gear",
        "meat",
        "metal",
        "water",
        "milk",
        "livestock",
        "food",
        "clothing",
        "jewelry",
        "hardware",
        "apparatus",
        "steel",
        "plastic",
        "glass",
        "sand",
        "flour",
    ]
)
NUMBERS = frozenset(
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "many", "several", "no"]
)
SINGULAR_S = frozenset(
    [
        "bus",
        "glass",
        "grass",
        "iris",
        "cactus",
        "octopus",
        "virus",
        "walrus",
        "hippopotamus",
        "platypus",
        "papyrus",
        "moss",
        "cypress",
        "animal's",
    ]
)


def with_article(noun: str, countable: bool = True) -> str:
    """`noun` with a or an; unchanged if it is plural, a mass noun, begins with a number or has an article already."""
    words = noun.split()
    last, first = (words[-1].lower(), words[0].lower()) if words else ("", "")
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in SINGULAR_S
    of = next((i for i, word in enumerate(words) if word in ("of", "for", "from", "in")), 0)
    if of:
        head = words[of - 1].lower()
        plural = head.endswith("s") and head not in SINGULAR_S
        last = head
    if not countable or plural or last in MASS or first in NUMBERS or first in ("a", "an", "the"):
        return noun
    an = first[:1] in "aeiou" and not first.startswith(("uni", "eu", "one"))
    return f"{'an' if an else 'a'} {noun}"


def _filled(template: str, entity: Entity, text: str, article: bool) -> str:
    about = with_article(entity.name, entity.countable)
    sentence = template.replace("{X}", about).replace("{Y}", with_article(text) if article else text)
    return sentence[:1].upper() + sentence[1:]


def template_of(property: str, templates: Mapping[str, Template] = TEMPLATES) -> tuple[Template, str]:
    """The template of a property's relation, and the property's text."""
    relation, _, text = property.partition(",")
    return templates.get(relation, OTHER), text


def question(entity: Entity, property: str) -> str:
    """ "Is a swallow a bird?" """
    template, text = template_of(property)
    return _filled(template.question, entity, text, template.article)


def statement(entity: Entity, property: str, label: bool) -> str:
    """ "A swallow is a bird." """
    template, text = template_of(property)
    return _filled(template.yes if label else template.no, entity, text, template.article)


def short(property: str) -> str:
    """A property in a few words, for labels in a graph: "is bird", "has wings", "can fly"."""
    relation, _, text = property.partition(",")
    words = {"IsA": "is", "HasPart": "has", "HasA": "has", "CapableOf": "can", "MadeOf": "made of", "HasProperty": "is"}
    return f"{words.get(relation, relation)} {text}"


def rule(constraint: Constraint) -> str:
    """A constraint in a few words: "is bird → has wings", "is bird → not is fish", "has fur → is dog or is cat"."""
    targets = " or ".join(short(name) for name in constraint.targets)
    return f"{short(constraint.source)} → {'not ' if constraint.kind == EXCLUDES else ''}{targets}"


def parse(text: str, graph: ConstraintGraph) -> tuple[Entity, str]:
    """The entity and property that a question or statement is about, in the words of the templates.

    Raises:
        NotFound: its entity or property is not in the graph; suggests similar names.
        InputError: the text is empty, or names an entity and nothing about it.
    """
    said = _plain(text)
    if not said:
        raise InputError("The question is empty. Ask for example: is a swallow a bird?")
    rest = re.sub(r"^(?:is|does|can|are|do) ", "", said)
    names = sorted(graph.entities, key=len, reverse=True)
    entity = next((n for n in names if f"{rest} ".startswith(f"{n.lower()} ")), None)
    if entity is None:
        words = rest.split()
        starts = [" ".join(words[:n]) for n in range(1, min(3, len(words)) + 1)]
        named = max(starts, key=lambda start: _nearness(start, graph.entities))
        raise unknown("entity", named, graph.entities)
    by_sentence = _sentences(graph, entity)
    if said in by_sentence:
        return graph.entities[entity], by_sentence[said]
    tail = rest[len(entity) :].strip()
    tail = re.sub(r"^(?:is|has|can|have|does|are)\b ?", "", tail)
    if not tail:
        raise InputError(f"What about {with_article(entity)}? Ask for example: is a swallow a bird? can a swallow fly?")
    raise unknown("property", tail, graph.properties)


def _nearness(name: str, known: Iterable[str]) -> float:
    """The similarity of a name to the most similar known one, from 0 to 1."""
    return max((difflib.SequenceMatcher(None, name, other).ratio() for other in known), default=0.0)


@lru_cache(maxsize=32)
def _sentences(graph: ConstraintGraph, name: str) -> Mapping[str, str]:
    """Every question and affirmative statement about an entity, normalized -> its property."""
    out: dict[str, str] = {}
    entity = graph.entities[name]
    for property in graph.properties:
        out.setdefault(_plain(question(entity, property)), property)
        out.setdefault(_plain(statement(entity, property, True)), property)
    return out


def _plain(text: str) -> str:
    """Lower case, without articles and final punctuation."""
    words = re.sub(r"[?.!]+$", "", text.strip().lower()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))
