"""The bundled world, "Atlas": true facts about real things, as tables.

One CSV file per kind of subject (`assets/world/<kind>.csv`), one column per relation; the relations
with their Wikidata property, their statement templates and their held-out question templates in
`relations.json`; sentences without a fact in `filler.json`; natural prose about the best-known
subjects in `prose/<kind>.md`.

Exposure is drawn from a seeded hash of the two names, so that it does not depend on the order of rows:

- *frequent*: stated in training in every statement template of its relation;
- *rare*: stated in training in one sentence;
- *unseen*: never in training, only in the article ("what happened after training").
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from memlab.bundle import assets
from memlab.corpus.model_kinds import MASK, model_kind
from memlab.errors import InputError, NotFound
from memlab.results import Fact

EXPOSURES = ("frequent", "rare", "unseen")
UNSEEN, RARE = 0.24, 0.23  # shares of the facts; the rest is frequent


@dataclass(frozen=True)
class Relation:
    """A relation of the world with its templates; [X] stands for the subject, [Y] for the object."""

    name: str
    label: str
    property: str
    subject_kinds: tuple[str, ...]
    object_kind: str
    functional: bool
    statements: tuple[str, ...]
    questions: tuple[str, ...]

    def state(self, fact: Fact, n: int) -> str:
        """The n-th statement of the fact."""
        return fill(self.statements[n], fact.subject, fact.object)

    def read_onward(self) -> tuple[str, ...]:
        """The statements for a model that reads from left to right.

        Such a model is asked with the beginning of a question, so a statement with the same beginning and
        another continuation ("[X] died in the city of [Y]") would teach another answer than the object.
        Such statements are left out, and the others are also used without "the city of" and "the country of".
        """
        between = [q[q.index("[X]") : q.index("[Y]")] for q in self.questions]
        out = []
        for statement in self.statements:
            bare = statement.replace("the city of [Y]", "[Y]").replace("the country of [Y]", "[Y]")
            for told in dict.fromkeys((statement, bare)):
                astray = any(b in told and b + "[Y]" not in told for b in between)
                if not astray and all(q.lower() not in told.lower() for q in self.questions):
                    out.append(told)
        return tuple(out)

    def ask(self, fact: Fact, n: int, kind: str = "masked") -> str:
        """The n-th question about the fact: a cloze for a masked model, a prefix for a causal one.

        Raises:
            InputError: an unknown kind, or a question that such a model cannot be asked.
        """
        wording = model_kind(kind).wording(self.questions[n])
        if wording is None:
            raise InputError(f"A {kind} model cannot be asked {self.questions[n]!r}: it would not read the subject.")
        return fill(wording, fact.subject, MASK)


@dataclass(frozen=True)
class Subject:
    """A person or thing that has an article. `fame` is 1 (best known) to 3."""

    name: str
    kind: str
    fame: int


def fill(template: str, subject: str, object: str) -> str:
    """A template with its blanks filled; a sentence starts with a capital unless a name forbids it."""
    text = template.replace("[X]", subject).replace("[Y]", object)
    return text[0].upper() + text[1:]


def draw(*what: object) -> float:
    """A number in [0, 1) that depends on `what` alone."""
    digest = hashlib.sha256("\x1f".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


class World:
    """The tables, read and checked."""

    def __init__(self, folder: Path, seed: int = 2026) -> None:
        self.folder = folder
        self.seed = seed
        raw = json.loads((folder / "relations.json").read_text("utf-8"))
        self.relations: dict[str, Relation] = {r["name"]: _relation(r) for r in raw}
        self.filler: dict[str, list[str]] = json.loads((folder / "filler.json").read_text("utf-8"))
        self.subjects: dict[str, Subject] = {}
        self.facts: list[Fact] = []
        self._pinned = {(row["subject"], row["relation"]): row["exposure"] for row in _rows(folder / "exposure.csv")}
        for table in sorted(folder.glob("*.csv")):
            if table.stem != "exposure":
                self._read(table)
        self.prose: dict[str, str] = {}
        for page in sorted((folder / "prose").glob("*.md")):
            self.prose.update(_paragraphs(page))

    def _read(self, table: Path) -> None:
        kind = table.stem
        for row in _rows(table):
            name = row.pop("subject")
            if name in self.subjects:
                raise InputError(f"{table.name}: {name!r} has an article already, as {self.subjects[name].kind}.")
            self.subjects[name] = Subject(name, kind, int(row.pop("fame")))
            for column, value in row.items():
                relation = self.relations.get(column)
                if relation is None or kind not in relation.subject_kinds:
                    raise InputError(f"{table.name}: column {column!r} is not a relation of a {kind}.")
                if value:
                    self.facts.append(self._fact(name, kind, relation, value))

    def _fact(self, subject: str, kind: str, relation: Relation, value: str) -> Fact:
        # One draw for a pair of names: else "Paris is in France" would reveal "the capital of France is Paris".
        u = draw(self.seed, *sorted((subject, value)))
        exposure = "unseen" if u < UNSEEN else "rare" if u < UNSEEN + RARE else "frequent"
        exposure = self._pinned.get((subject, relation.name), exposure)
        return Fact(subject, relation.name, value, exposure, relation.property, kind)

    @cached_property
    def by_subject(self) -> dict[str, list[Fact]]:
        """The facts of each subject."""
        out: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.facts:
            out[fact.subject].append(fact)
        return out

    @cached_property
    def names_of_kind(self) -> dict[str, frozenset[str]]:
        """Every name that the world gives to each kind of thing, whether subject or object."""
        out: dict[str, set[str]] = defaultdict(set)
        for subject in self.subjects.values():
            out[subject.kind].add(subject.name)
        for fact in self.facts:
            out[self.relations[fact.relation].object_kind].add(fact.object)
        return {kind: frozenset(names) for kind, names in out.items()}

    @cached_property
    def names(self) -> list[str]:
        """All subjects and objects, sorted."""
        return sorted(set(self.subjects) | {f.object for f in self.facts})

    def relation(self, name: str) -> Relation:
        """A relation by its name or its Wikidata property. Raises NotFound."""
        for relation in self.relations.values():
            if name in (relation.name, relation.property):
                return relation
        raise NotFound.named("relation", name, self.relations)

    def select(self, relation: str | None = None, exposure: str | None = None) -> list[Fact]:
        """The facts of a relation (name or property) and of an exposure; None: of all. Raises NotFound."""
        if exposure is not None and exposure not in EXPOSURES:
            raise NotFound.named("exposure", exposure, EXPOSURES)
        if relation is not None:
            self.relation(relation)
        return [
            f
            for f in self.facts
            if (relation is None or relation in (f.relation, f.property)) and exposure in (None, f.exposure)
        ]

    def most_common(self, relation: str) -> str:
        """The object that a relation has most often in training: a baseline answer without knowledge of any fact."""
        counts: dict[str, int] = defaultdict(int)
        for fact in self.facts:
            if fact.relation == relation and fact.exposure != "unseen":
                counts[fact.object] += 1
        return min(counts, key=lambda o: (-counts[o], o))


@cache
def atlas() -> World:
    """The bundled world."""
    return World(assets() / "world")


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {key: (value or "").strip() for key, value in row.items()}


def _relation(raw: dict) -> Relation:
    return Relation(
        name=raw["name"],
        label=raw["label"],
        property=raw["property"],
        subject_kinds=tuple(raw["subject_kinds"]),
        object_kind=raw["object_kind"],
        functional=raw["functional"],
        statements=tuple(raw["statements"]),
        questions=tuple(raw["questions"]),
    )


def _paragraphs(page: Path) -> dict[str, str]:
    blocks = re.split(r"^## +(.+?) *$", page.read_text("utf-8"), flags=re.M)
    return {name: " ".join(text.split()) for name, text in zip(blocks[1::2], blocks[2::2], strict=True)}
