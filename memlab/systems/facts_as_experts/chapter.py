"""The fact memory of a workspace: searching it, and changing its rows without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memlab.errors import InputError, NotFound
from memlab.reading.workspace import OpenLab
from memlab.record.kinds import kind
from memlab.record.memory_edits import edit_of
from memlab.record.new_rows import ANONYMOUS
from memlab.results import Edit, Fact
from memlab.systems.facts_as_experts.bleeding import (
    GroupScore,
    MovedAnswer,
    Replacement,
    answers,
    group_scores,
)
from memlab.systems.facts_as_experts.declaration import MODEL
from memlab.systems.facts_as_experts.ledger import ADD, FACTS, REMOVE, REPLACE, FactState, edit_of_parameters
from memlab.systems.facts_as_experts.measuring import Read, read_questions, say
from memlab.systems.facts_as_experts.model import FaeModel
from memlab.systems.facts_as_experts.store import (
    Entry,
    FactStore,
    as_fae,
    check_names,
    entries_after,
    removing,
    short_name,
    store_of,
)


@dataclass(frozen=True)
class FactEntry:
    """One row's object in memory: number of the entry, the fact, and where it comes from ("base" or the edit)."""

    entry: int
    subject: str
    relation: str
    object: str
    source: str
    exposure: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class FactPreview:
    """What an edit of the fact memory would do, or did: the scores of the groups, and every answer that moved."""

    edit: Edit
    groups: tuple[GroupScore, ...]
    own: tuple[MovedAnswer, ...]
    moved: tuple[MovedAnswer, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "edit": self.edit.to_dict(), "results": [g.to_dict() for g in self.groups],
            "own": [m.to_dict() for m in self.own], "rows": [m.to_dict() for m in self.moved],
        }  # fmt: skip


class FactMemoryChapter:
    """Rows (subject, relation, objects) of a model's fact memory, with the edits of the workspace."""

    def __init__(self, lab: OpenLab) -> None:
        self.context = lab.context

    def store(self, model: str | None = None, as_of: int | None = None) -> FactStore:
        """The memory after edit `as_of` (None: the last). Raises NotFound, InputError for a model without one."""
        lm = self._model(model, as_of)
        return store_of(lm, self.state(as_of).of(short_name(lm)))

    def state(self, as_of: int | None = None) -> FactState:
        """The edits of fact memories that are active after edit `as_of`."""
        found: FactState = self.context.ledger.state(FACTS, as_of)
        return found

    def search(
        self, text: str = "", model: str | None = None, as_of: int | None = None, changed: bool = False
    ) -> list[FactEntry]:
        """The facts in memory that contain all words of a text. changed: only those that edits added."""
        store, words = self.store(model, as_of), text.lower().split()
        out = []
        for n in store.active.tolist():
            e = store.entries[n]
            said = f"{e.fact.subject} {e.fact.relation} {e.fact.object}".lower()
            if all(w in said for w in words) and not (changed and e.source == "base"):
                out.append(FactEntry(n, e.fact.subject, e.fact.relation, e.fact.object, e.source, e.fact.exposure))
        return out

    def names(self, model: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The entities and the relations that a row may name."""
        record = self._model(model, None).record
        return record.entities, record.relations

    # Changing

    def add(
        self, facts: Sequence[Fact], model: str | None = None, author: str = ANONYMOUS, dry_run: bool = False
    ) -> Edit:
        """Puts facts into memory; a row that has an object already gets a further one.

        Raises:
            InputError: no fact, a name that the model has no embedding for, or a fact that is in memory already.
        """
        store = self.store(model)
        for f in _at_least_one(facts):
            check_names(store.lm, f.subject, f.relation, f.object)
            if any(e.fact.object == f.object for e in store.objects(f.subject, f.relation)):
                raise InputError(f"{_said(f)} is in the fact memory already.")
        return self._edit(ADD, {"model": short_name(store.lm), "facts": [_triple(f) for f in facts]}, author, dry_run)

    def replace(
        self,
        facts: Sequence[tuple[Fact, str]],
        model: str | None = None,
        author: str = ANONYMOUS,
        dry_run: bool = False,
    ) -> Edit:
        """Gives facts in memory other objects. A fact with an empty object means the only object of its row.

        Raises:
            InputError: an unknown name, an object that the row has already, or a fact twice. NotFound: no such row.
        """
        store = self.store(model)
        out = []
        for f, new in _at_least_one(facts):
            old = self._entry(store, f)
            check_names(store.lm, f.subject, f.relation, new)
            if new in [e.fact.object for e in store.objects(f.subject, f.relation)]:
                raise InputError(
                    f"The {f.relation} of {f.subject} is {new} in the fact memory already. Give another object."
                )
            out.append({**_triple(old.fact), "new": new, "source": old.source})
        _check_distinct(out)
        return self._edit(REPLACE, {"model": short_name(store.lm), "facts": out}, author, dry_run)

    def remove(
        self, facts: Sequence[Fact], model: str | None = None, author: str = ANONYMOUS, dry_run: bool = False
    ) -> Edit:
        """Removes facts from memory. An empty object means all objects of the row.

        Raises:
            NotFound: no such row. InputError: an unknown name, or a fact twice.
        """
        store = self.store(model)
        chosen: list[Entry] = []
        for f in _at_least_one(facts):
            chosen += [self._entry(store, f)] if f.object else self._row(store, f)
        parameters = removing(short_name(store.lm), chosen)
        _check_distinct(parameters["facts"])
        return self._edit(REMOVE, parameters, author, dry_run)

    def commit(self, edit: Edit, author: str | None = None) -> Edit:
        """Records a dry run. Raises InputError for an edit that is recorded already; RecordError if the workspace has
        changed."""
        if not edit.dry_run:
            raise InputError(f"Edit {edit.seq} is recorded already. Only a dry run can be committed.")
        row = self.context.ledger.append(
            edit.kind, edit.summary, dict(edit.parameters), author or edit.author, expected_head=edit.seq - 1
        )
        return edit_of(row, row.kind, row.summary, row.parameters, row.author, self.context.workspace, row.sequence)

    # The effect of an edit

    def effect(self, edit: Edit, question: int = 0, only_edited: bool = False) -> FactPreview:
        """What a dry run would do, or a recorded edit did when it was made: every fact is asked before and after.

        Args:
            only_edited: ask about the facts that the edit changes, and no others.

        Raises:
            InputError: an edit of another kind, or a question other than 0, 1 or 2.
        """
        if edit.kind not in (ADD, REPLACE, REMOVE):
            raise InputError(f"Edit {edit.seq} ({edit.kind}) changes no fact memory.")
        if question not in (0, 1, 2):
            raise InputError(f"question is {question!r}; allowed is 0, 1 or 2.")
        lm = self._model(edit.parameters["model"], None)
        edits = self.state(edit.seq - 1).of(short_name(lm))
        own = edit_of_parameters(edit.seq, edit.kind, edit.parameters)
        before, after = store_of(lm, edits), FactStore(lm, entries_after(lm.facts, (*edits, own)))
        changed = [Replacement(Fact(c.subject, c.relation, c.old or c.new or ""), c.new) for c in own.changes]
        keys = {(c.subject, c.relation) for c in own.changes} if only_edited else None
        read = self._read(lm, before, after, question, keys)
        was, is_ = say(read, before), say(read, after)
        all_answers = list(answers(read, was, is_, changed))
        return FactPreview(
            edit, tuple(group_scores(read, was, is_, changed)), tuple(m for m in all_answers if m.group == "edited"),
            tuple(m for m in all_answers if m.moved),
        )  # fmt: skip

    def _read(
        self, lm: FaeModel, before: FactStore, after: FactStore, question: int, only: set[tuple[str, str]] | None
    ) -> Read:
        """The questions about the facts in memory before, then about added ones (`only`: of these subjects and
        relations); read once for each set of facts."""
        facts = [before.entries[n].fact for n in before.active.tolist()]
        known = {(f.subject, f.relation) for f in facts}
        new = [after.entries[n].fact for n in after.active.tolist()]
        facts += [f for f in new if (f.subject, f.relation) not in known]
        if only is not None:
            facts = [f for f in facts if (f.subject, f.relation) in only]
        at = ("fact questions", lm, question, tuple((f.subject, f.relation, f.object) for f in facts))
        found: Read = self.context.states.get(at, lambda: read_questions(lm, facts, question))
        return found

    def _model(self, model: str | None, as_of: int | None) -> FaeModel:
        return as_fae(self.context.weights(as_fae(self.context.load(model or MODEL), MODEL), as_of), MODEL)

    def _row(self, store: FactStore, fact: Fact) -> list[Entry]:
        """The entries of a row. Raises NotFound where there are none, InputError for an unknown name."""
        check_names(store.lm, fact.subject, fact.relation)
        found = store.objects(fact.subject, fact.relation)
        if not found:
            raise NotFound(
                f'The fact memory has no {fact.relation} of {fact.subject}. Add one: memlab facts add "{fact.subject}|{fact.relation}|OBJECT"'
            )
        return found

    def _entry(self, store: FactStore, fact: Fact) -> Entry:
        """The entry of a fact; with an empty object, the only one of its row. Raises NotFound, InputError."""
        found = self._row(store, fact)
        if not fact.object and len(found) > 1:
            objects = ", ".join(e.fact.object for e in found)
            raise InputError(
                f"The {fact.relation} of {fact.subject} has several objects in memory: {objects}. Name one."
            )
        for e in found:
            if fact.object in ("", e.fact.object):
                return e
        objects = ", ".join(e.fact.object for e in found)
        raise NotFound(f"The {fact.relation} of {fact.subject} is {objects} in the fact memory, not {fact.object}.")

    def _edit(self, name: str, parameters: dict[str, Any], author: str, dry_run: bool) -> Edit:
        summary, ledger = kind(name).summarized(parameters), self.context.ledger
        if dry_run:
            return edit_of(None, name, summary, parameters, author, self.context.workspace, ledger.head() + 1)
        row = ledger.append(name, summary, parameters, author)
        return edit_of(row, name, row.summary, row.parameters, author, self.context.workspace, row.sequence)


def _at_least_one(facts: Sequence[Any]) -> Sequence[Any]:
    if not facts:
        raise InputError("Give at least one fact.")
    return facts


def _check_distinct(facts: Sequence[Mapping[str, Any]]) -> None:
    """Raises InputError if an edit contains a fact twice."""
    named = [(f["subject"], f["relation"], f["object"]) for f in facts]
    for subject, relation, _ in named:
        if sum(n == (subject, relation, _) for n in named) > 1:
            raise InputError(f"The {relation} of {subject} is in this edit twice. Give each fact once.")


def _triple(fact: Fact) -> dict[str, str]:
    return {"subject": fact.subject, "relation": fact.relation, "object": fact.object}


def _said(fact: Fact) -> str:
    return f"({fact.subject}, {fact.relation}, {fact.object})"
