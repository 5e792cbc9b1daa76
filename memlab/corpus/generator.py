"""The texts of the bundled world: one article per subject, and the training text of the bundled models.

The articles are what a datastore remembers; they state every fact. The training text states frequent
facts in all statement templates, rare facts in the one sentence of their article, unseen facts never:
not in a template, not in prose, not in passing in an article about something else.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from memlab.corpus.model_kinds import model_kind
from memlab.corpus.sentences import sentence_spans
from memlab.corpus.world import World, atlas, draw, fill
from memlab.results import Article, Fact


@dataclass(frozen=True)
class Sentence:
    """One sentence of the training text, about `subject`; `answer` is the object that it states, if any."""

    text: str
    subject: str
    answer: str | None = None


def statement_of(world: World, fact: Fact) -> int:
    """Number of the template in which the article states the fact (for a rare fact: the only one in training)."""
    relation = world.relations[fact.relation]
    return int(draw(world.seed, "statement", fact.subject, fact.relation) * len(relation.statements))


def tell(world: World, name: str) -> Article:
    """The article about one subject: prose if there is any, every fact, and sentences without a fact."""
    subject = world.subjects[name]
    rng = random.Random(f"{world.seed}:{name}")
    stated = []
    for fact in world.by_subject.get(name, []):
        relation = world.relations[fact.relation]
        first = statement_of(world, fact)
        stated.append(relation.state(fact, first))
        if subject.fame < 3:  # better-known subjects have each fact twice
            second = (first + 1 + rng.randrange(len(relation.statements) - 1)) % len(relation.statements)
            stated.append(relation.state(fact, second))
    stated += [fill(t, name, "") for t in rng.sample(world.filler[subject.kind], 2)]
    rng.shuffle(stated)
    text = " ".join(stated)
    if name in world.prose:
        text = world.prose[name] + "\n\n" + text
    return Article(id=name, title=name, text=text, kind=subject.kind)


@cache
def atlas_articles() -> tuple[Article, ...]:
    """All articles of the bundled world, sorted by title."""
    return tuple(tell(atlas(), name) for name in sorted(atlas().subjects))


def training_text(world: World, kind: str = "masked") -> list[Sentence]:
    """Every sentence that a bundled model of this kind may see in training, without repetition. Raises InputError for an
    unknown kind."""
    out = []
    relations = world.relations.items()
    told = {name: model_kind(kind).statements(r) for name, r in relations}
    for fact in world.facts:
        relation = world.relations[fact.relation]
        stated: Iterable[str] = ()
        if fact.exposure == "frequent":
            stated = told[fact.relation]
        elif fact.exposure == "rare":
            stated = (relation.statements[statement_of(world, fact)],)
        out += [Sentence(fill(t, fact.subject, fact.object), fact.subject, fact.object) for t in stated]
    for subject in world.subjects.values():
        rng = random.Random(f"{world.seed}:filler:{subject.name}")
        out += [Sentence(fill(t, subject.name, ""), subject.name) for t in rng.sample(world.filler[subject.kind], 4)]
    hidden = _HiddenFacts(world)
    for name, text in world.prose.items():
        for start, end in sentence_spans(text):
            if not hidden.stated_in(text[start:end], about=name):
                out.append(Sentence(text[start:end], name))
    return out


def corpus_hash(texts: Iterable[str]) -> str:
    """sha256 over texts in order, the identity of a training text or of a collection."""
    digest = hashlib.sha256()
    for text in texts:
        raw = text.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


@cache
def articles_hash() -> str:
    """Identity of the bundled articles as a collection."""
    return corpus_hash(part for a in atlas_articles() for part in (a.id, a.title, a.text))


class _HiddenFacts:
    """Finds sentences of prose that would state a fact that training must not state, or not once more."""

    def __init__(self, world: World) -> None:
        self.hidden: dict[str, set[str]] = defaultdict(set)
        for fact in world.facts:
            if fact.exposure != "frequent":
                self.hidden[fact.subject].add(fact.object)
                self.hidden[fact.object].add(fact.subject)
        names = sorted(set(self.hidden) | {o for s in self.hidden.values() for o in s}, key=len, reverse=True)
        self.name = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)")

    def stated_in(self, sentence: str, about: str) -> bool:
        found = set(self.name.findall(sentence)) | {about}
        return any(other in found for name in found for other in self.hidden.get(name, ()))
