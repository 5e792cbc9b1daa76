"""Which questions an edit is about, and which answers it should leave alone.

The parameters of an edit (`record.memory_edits`) name a fact, a prompt, a taught text or forgotten
sources. From them come the edit's own questions (efficacy), the other held-out questions of the same
facts (paraphrase), and the neighborhood: facts that share a name or the relation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from memlab.corpus.model_kinds import MASK, model_kind
from memlab.corpus.sentences import sentence_spans
from memlab.corpus.statements import cloze, last_word, read_statement
from memlab.corpus.world import World, draw
from memlab.memory.changes import BLACK
from memlab.memory.datastore import Searchable
from memlab.record.memory_edits import sources_of
from memlab.results import Fact

NEIGHBORS = 200  # questions about the neighborhood; at most half for one kind of sharing if the other kind has enough
OWN = 100  # questions asked about the edit itself
SEED = 2026
ARTICLES = 3  # nearest articles to a text without facts of the world

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Probe:
    """A question about an edit.

    word: the answer that the edit teaches or forgets (None: the answer before the edit); for a
    neighbor, the true one. wanted: whether that is the answer that the edit aims at. old: what it replaces.
    also: other answers that are true.
    """

    group: str
    prompt: str
    word: str | None
    wanted: bool = True
    old: str | None = None
    shared: str = ""
    fact: Fact | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probes:
    """The questions, and notes on what was sampled or is missing."""

    asked: tuple[Probe, ...]
    notes: tuple[str, ...]


def probes(world: World, kind: str, parameters: Mapping[str, Any], before: Searchable, after: Searchable) -> Probes:
    """The questions about one edit for a model of a kind.

    Args:
        before, after: the memory without and with the edit.
    """
    notes: list[str] = []
    own = _own(world, parameters, before)
    kept = sample(own, OWN, key=lambda p: (p.prompt, p.word))
    if len(kept) < len(own):
        notes.append(f"{len(kept)} of {len(own)} facts and passages of this edit were asked about (seed {SEED}).")
    asked = list(kept)
    for probe in kept:
        asked += _paraphrases(world, probe)
    if len(asked) == len(kept):
        notes.append("No paraphrases are known for this text.")
    near, said = _neighborhood(world, parameters, own, before, after)
    notes += said
    by_prompt: dict[str, Probe] = {}
    for probe in (*asked, *near):
        if (fitting := _for_kind(probe, kind)) is not None:
            by_prompt.setdefault(fitting.prompt, fitting)
    return Probes(tuple(by_prompt.values()), tuple(notes))


def sample(things: Sequence[Thing], most: int, key: Any = str) -> list[Thing]:
    """At most `most` of the things, in their order, drawn by a hash of each thing and the seed."""
    if len(things) <= most:
        return list(things)
    order = sorted(range(len(things)), key=lambda i: draw(SEED, key(things[i])))[:most]
    return [things[i] for i in sorted(order)]


def _own(world: World, parameters: Mapping[str, Any], before: Searchable) -> list[Probe]:
    """The questions that an edit is about, one for each fact or passage."""
    told = parameters.get("fact")
    fact = Fact(told["subject"], told["relation"], told["object"]) if told else None
    if fact is not None and (new := parameters.get("new_object")) is not None:
        return [_about(world, replace(fact, object=new), old=fact.object)]
    if (lesson := parameters.get("teaches")) is not None:
        return _taught(world, lesson["text"], lesson["spans"])
    if fact is not None:
        return [_about(world, fact, wanted=False)]
    if (prompt := parameters.get("prompt")) is not None:
        return [Probe("efficacy", prompt, None, wanted=False, fact=_asked_about(world, prompt))]
    return _forgotten(world, parameters, before)


def _asked_about(world: World, prompt: str) -> Fact | None:
    """The fact that a question in the world's words asks for."""
    stated = read_statement(world, prompt)
    if stated is None or stated.fact.object != MASK:
        return None
    known = world.by_subject.get(stated.fact.subject, ())
    return next((f for f in known if f.relation == stated.fact.relation), None)


def _about(world: World, fact: Fact, n: int = 0, wanted: bool = True, old: str | None = None) -> Probe:
    return Probe("efficacy", world.relation(fact.relation).ask(fact, n), fact.object, wanted, old, fact=fact)


def _taught(world: World, text: str, spans: Sequence[Sequence[int]] | None) -> list[Probe]:
    """For each sentence, a question about the fact that it states, or else the sentence with a gap for a remembered
    word."""
    out = []
    for first, last in sentence_spans(text):
        sentence = text[first:last]
        own = None if spans is None else [(a - first, b - first) for a, b in spans if first <= a and b <= last]
        if own == []:
            continue
        stated = read_statement(world, sentence)
        if stated and (own is None or any(sentence[a:b] == stated.fact.object for a, b in own)):
            known = {
                f.object for f in world.by_subject.get(stated.fact.subject, ()) if f.relation == stated.fact.relation
            }
            old = next(iter(known)) if len(known) == 1 and stated.fact.object not in known else None
            out.append(_about(world, stated.fact, stated.question, old=old))
        elif gap := own[0] if own else last_word(sentence):
            out.append(Probe("efficacy", sentence[: gap[0]] + MASK + sentence[gap[1] :], sentence[gap[0] : gap[1]]))
    return out


def _forgotten(world: World, parameters: Mapping[str, Any], before: Searchable) -> list[Probe]:
    """For each forgotten place, a question about the fact whose object it is, or else its sentence with a gap."""
    out: dict[str, Probe] = {}
    for source in sources_of(parameters):
        row = before.documents.row_of(source.document)
        if row is None:
            continue
        article = before.documents.article(row)
        facts = [
            f for f in world.by_subject.get(article.title, ()) if f.object in article.text[source.start : source.end]
        ]
        found = [_about(world, fact, wanted=False) for fact in facts]
        for first, last in sentence_spans(article.text) if not found else ():
            if first < source.end and source.start < last:
                a, b = max(first, source.start), min(last, source.end)
                gap = last_word(article.text[a:b])
                stated = read_statement(world, article.text[first:last])
                if stated and stated.fact.object in article.text[a:b]:
                    found.append(_about(world, stated.fact, stated.question, wanted=False))
                elif gap is not None:
                    left, right = article.text[first : a + gap[0]], article.text[a + gap[1] : last]
                    word = article.text[a + gap[0] : a + gap[1]]
                    found.append(Probe("efficacy", left + MASK + right, word, wanted=False))
        out.update((probe.prompt, probe) for probe in found)
    return list(out.values())


def _paraphrases(world: World, probe: Probe) -> list[Probe]:
    """The other held-out questions about the fact of a probe."""
    if probe.fact is None:
        return []
    relation = world.relation(probe.fact.relation)
    prompts = [relation.ask(probe.fact, n) for n in range(len(relation.questions))]
    return [replace(probe, group="paraphrase", prompt=p) for p in prompts if p != probe.prompt]


def _neighborhood(
    world: World, parameters: Mapping[str, Any], own: Sequence[Probe], before: Searchable, after: Searchable
) -> tuple[list[Probe], list[str]]:
    """Facts that share a name or a relation with the edit; if there are none, sentences of the nearest articles."""
    edited = {(p.fact.subject, p.fact.relation) for p in own if p.fact}
    names: dict[str, str] = {}
    for p in own:
        if p.fact:
            names.update((n, "object") for n in (p.fact.object, p.old) if n and n not in names)
            names[p.fact.subject] = "subject"
        else:
            names.update((n, "name") for n in _names_in(world, p.prompt.replace(MASK, p.word or "")) if n not in names)
    relations = {relation for _, relation in edited}
    questions = {(f.subject, f.relation): f for f in reversed(world.facts)}  # one, however many objects are true
    candidates = [f for at, f in reversed(questions.items()) if at not in edited and _has_article(f, before)]
    by_name = [f for f in candidates if f.subject in names or f.object in names]
    by_relation = [f for f in candidates if f.relation in relations and f not in set(by_name)]
    if not by_name and not by_relation:
        return _near(parameters, own, before, after)
    some = sample(by_name, max(NEIGHBORS // 2, NEIGHBORS - len(by_relation)))
    more = sample(by_relation, NEIGHBORS - len(some))
    notes = []
    if len(some) + len(more) < len(by_name) + len(by_relation):
        notes.append(
            f"Neighborhood: {len(some)} of {len(by_name)} facts that share a name with the edit and {len(more)} of "
            f"{len(by_relation)} that share only the relation were asked (seed {SEED})."
        )
    out = []
    for fact in (*some, *more):
        name = next((n for n in (fact.subject, fact.object) if n in names), None)
        shared = f"{names[name]} {name}" if name else f"relation {world.relation(fact.relation).label}"
        prompt = world.relation(fact.relation).ask(fact, 0)
        also = tuple(f.object for f in world.by_subject[fact.subject] if f.relation == fact.relation)
        out.append(Probe("neighborhood", prompt, fact.object, shared=shared, fact=fact, also=also))
    return out, notes


def _has_article(fact: Fact, store: Searchable) -> bool:
    """Whether the collection has an article about the fact's subject."""
    return store.documents.row_of(fact.subject) is not None


def _names_in(world: World, text: str) -> Iterable[str]:
    return [n for n in world.names if n in text and re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text)]


def _near(
    parameters: Mapping[str, Any], own: Sequence[Probe], before: Searchable, after: Searchable
) -> tuple[list[Probe], list[str]]:
    """The untouched sentences of the edited articles and of those nearest to the edit's questions, each with a gap."""
    documents = [before.documents.row_of(s.document) for s in sources_of(parameters)]
    rows = [row for row in documents if row is not None]
    for p in own[:ARTICLES]:
        rows += before.articles.nearest(p.prompt.replace(MASK, p.word or ""), ARTICLES)
    asked = {p.prompt for p in own}
    out = []
    for row in dict.fromkeys(rows):
        if row >= len(after.documents):
            continue
        article = after.documents.article(row)
        for first, last in sentence_spans(article.text):
            sentence = article.text[first:last]
            gap = last_word(sentence)
            if gap and BLACK not in sentence and (prompt := cloze(sentence)) not in asked:
                word = sentence[gap[0] : gap[1]]
                out.append(Probe("neighborhood", prompt, word, shared=f"article {article.title}"))
    kept = sample(out, NEIGHBORS, key=lambda p: p.prompt)
    notes = [
        "No facts of the bundled world share a name or relation with this edit; its neighborhood consists of sentences of the nearest articles."
    ]
    if len(kept) < len(out):
        notes.append(f"{len(kept)} of {len(out)} sentences of the neighborhood were asked (seed {SEED}).")
    return kept, notes if out else ["This edit has no neighborhood: no other text is near it."]


def _for_kind(probe: Probe, kind: str) -> Probe | None:
    """The probe in the form for a kind of model; None if such a model cannot be asked."""
    prompt = model_kind(kind).prompt(probe.prompt)
    return None if prompt is None else replace(probe, prompt=prompt)
