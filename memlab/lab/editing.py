"""Changing what the memory knows, and taking it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from memlab.corpus.door import checked_text, checked_texts
from memlab.corpus.world import MASK, atlas, fill
from memlab.declare import load as code_of
from memlab.errors import InputError
from memlab.evaluate.prepare import usual_keys
from memlab.lab.asking import Asking
from memlab.lab.context import Context
from memlab.lab.side_effects import SideEffects
from memlab.lm.catalogue import load
from memlab.memory.changes import overlaps
from memlab.memory.entries import read_as, taught_entries
from memlab.memory.retrieval import Searchable
from memlab.reading.own_memory import OwnMemory, own_memory
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import kind
from memlab.record.memory_edits import (
    corpus_of,
    document_named,
    edit_of,
    entries_named,
    forgetting,
    in_other_code_points,
    places_named,
    shortened,
    stating,
    still_there,
    taught_by,
    teaching,
)
from memlab.record.new_rows import ANONYMOUS
from memlab.record.showing import shown_history
from memlab.results import Edit, EditEffects, Fact, Source
from memlab.systems.registry import registry

OBJECT_LENGTH = 100  # characters of a new object


@dataclass(frozen=True)
class EditOptions:
    """How an edit is made: by whom, only tried (`dry_run`), and whether its side effects are measured (`scores`).

    `scores` None measures them in a dry run only.
    """

    author: str = ANONYMOUS
    dry_run: bool = False
    scores: bool | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> EditOptions:
        """From keyword arguments. Raises InputError for others."""
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                raise InputError(f"There is no option {name!r} of an edit. Allowed: {', '.join(known)}.")
        return cls(**options)


@dataclass(frozen=True)
class Target:
    """What is to be forgotten: exactly one of entries, document, fact, prompt and sources; see `Lab.forget`."""

    entries: Sequence[int] | None = None
    document: str | None = None
    fact: Fact | None = None
    prompt: str | None = None
    weight_above: float = 0.0
    datastore: str | None = None
    sources: Sequence[Source] | None = None


class Editing:
    """Edits of the workspace.

    Each way of editing can be tried first with `dry_run=True`: nothing is recorded, and the `Edit` says what
    would be forgotten and remembered and, in `scores` and `moved`, its side effects. `commit` makes such
    a dry run real, with the same figures. An edit that is made at once is not measured unless `scores=True`,
    since that asks some two hundred questions; `SideEffects.of` does it at any time later.
    """

    def __init__(self, context: Context, asking: Asking, side_effects: SideEffects) -> None:
        self.context, self.asking, self.side_effects = context, asking, side_effects

    def teach(self, text: str, value: str | None, options: EditOptions) -> Edit:
        """Remembers a sentence or short text from the next question on; see `Lab.teach`."""
        parameters = teaching(text, value)
        what = parameters["teaches"]["text"]
        edit = self._edit("teach", f"Taught: {shortened(what)}", parameters, options)
        possible = (in_other_code_points(parameters, value), self._not_remembered(parameters))
        notices = tuple(notice for notice in possible if notice)
        return replace(edit, notices=notices) if notices else edit

    def _not_remembered(self, parameters: dict[str, Any]) -> str | None:
        """A sentence for the person where the bundled masked model has no entry for a given word; else None."""
        taught = taught_by(0, parameters)
        if taught is None or taught.spans is None:
            return None
        lm = load(self.context.bundled_for("masked"))
        places = taught_entries(lm, taught.text, taught.spans).entries.spans[:, 1:]
        for a, b in taught.spans:
            if not overlaps(places, ((a, b),)).any():
                longer = read_as(lm, taught.text, (a, b))
                reads = f"reads it as a part of {longer!r}" if longer else "does not remember words of this kind"
                return (
                    f"{lm.name} has no entry for {taught.text[a:b]!r}: it {reads}, so the edit changes none of its answers "
                    "there. Name another word of the text, or none to remember all of them."
                )
        return None

    def forget(self, target: Target, options: EditOptions) -> Edit:
        """Forgets what is named, for every method, model and datastore of the collection; see `Lab.forget`."""
        own = own_memory(registry().methods.values(), target.datastore, self.context)
        if own is not None:
            return self._forget_in(own, target, options)
        chosen, what, asked = self._chosen(target)
        if not chosen:
            raise InputError("There is nothing to forget. Name at least one entry or place.")
        left = still_there(chosen, self.context.changes(None).removed)
        if not left:
            raise InputError(f"There is nothing left to forget of {shortened(what)}: it is forgotten already.")
        return self._edit(
            "forget", f"Forgot {shortened(what)}", {**forgetting(left), **asked}, options, target.datastore
        )

    def _forget_in(self, own: OwnMemory, target: Target, options: EditOptions) -> Edit:
        """Removes entries from a memory that is not a datastore; its side effects are measured by its own system."""
        others = (target.document, target.fact, target.prompt, target.sources)
        if target.entries is None or any(x is not None for x in others):
            raise InputError(
                f"{target.datastore} is not a datastore: name what to forget in it by entries.{_other_ways(own)}"
            )
        if options.scores:
            raise InputError(f"Side effects in {target.datastore} are measured by the studies of its system.")
        name, parameters = own.forgetting(str(target.datastore), target.entries, self.context)
        return self._edit(name, kind(name).summarized(parameters), parameters, replace(options, scores=False))

    def _chosen(self, target: Target) -> tuple[list[Source], str, dict[str, Any]]:
        """The sources to forget, a description in words, and what the ledger records about how they were chosen."""
        given = (target.entries, target.document, target.fact, target.prompt, target.sources)
        if sum(x is not None for x in given) != 1:
            raise InputError("Say what to forget: exactly one of entries, document, fact, prompt or sources.")
        if target.prompt is not None:
            return self._found_for(target.prompt, target)
        store, corpus = self._editable(target.datastore)
        if target.entries is not None:
            what = _counted(len(target.entries), "entry", "entries")
            return entries_named(store, corpus, target.entries), what, {}
        if target.sources is not None:
            what = _counted(len(target.sources), "place", "places")
            return places_named(store, corpus, target.sources), what, {}
        if target.document is not None:
            return document_named(store, corpus, target.document), f"the document {target.document}", {}
        fact = target.fact
        assert fact is not None
        _check_fact(fact)
        what = f"that the {fact.relation} of {fact.subject} is {fact.object}"
        return stating(store, corpus, fact), what, {"fact": _stated(fact)}

    def _found_for(self, prompt: str, target: Target) -> tuple[list[Source], str, dict[str, Any]]:
        """The passages that a prompt retrieves above a weight."""
        p = self.asking.ask(prompt, datastore=target.datastore)
        above = target.weight_above
        if not 0.0 <= above <= 1.0:
            raise InputError(f"weight_above is {above!r}; allowed is a number from 0 to 1.")
        heavy = [n.entry for n in p.neighbors if n.weight > above]
        if not heavy:
            raise InputError(
                f"There is nothing left to forget: no passage found for this prompt weighs more than {above:g}; "
                f"the heaviest has {max(n.weight for n in p.neighbors):.3f}."
            )
        store, corpus = self._editable(p.datastore)
        what = f"{_counted(len(heavy), 'passage', 'passages')} found for: {prompt}"
        return entries_named(store, corpus, heavy), what, {"prompt": p.prompt}

    def correct(self, fact: Fact, new_object: str, options: EditOptions) -> Edit:
        """Forgets everything that states a fact and teaches it with another object; see `Lab.correct`."""
        _check_fact(fact)
        relation = atlas().relation(fact.relation)
        new = " ".join(checked_text(new_object, "The new object").split()) if isinstance(new_object, str) else ""
        if not re.search(r"\w", new) or MASK in new or len(new) > OBJECT_LENGTH:
            raise InputError(
                f"The new object must be a name of 1 to {OBJECT_LENGTH} characters, not {shortened(str(new_object))!r}."
            )
        if new == fact.object:
            raise InputError(f"The {relation.label} of {fact.subject} is {new} already. Give another object.")
        store, corpus = self._editable(None)
        statement = fill(relation.statements[0], fact.subject, new)
        sources = still_there(stating(store, corpus, fact), self.context.changes(None).removed)
        parameters = {**forgetting(sources), **teaching(statement), "fact": _stated(fact), "new_object": new}
        what = f"Corrected {relation.label} of {fact.subject}: {fact.object} -> {new}"
        return self._edit("correct", shortened(what), parameters, options)

    def commit(self, edit: Edit, author: str | None = None) -> Edit:
        """Makes a dry run real, with the figures that were measured for it; see `Lab.commit`."""
        if not edit.dry_run:
            raise InputError(f"Edit {edit.seq} is made already. Only a dry run can be committed.")
        figures = edit.moved
        row = self.context.ledger.append(
            edit.kind,
            edit.summary,
            dict(edit.parameters),
            author or edit.author,
            before={score.group: score.before for score in figures.scores} if figures else None,
            after=figures.summary() if figures else None,
            expected_head=edit.seq - 1,
        )
        return replace(self._made(row), moved=figures)

    def undo(self, edit_id: str | int | None, author: str, anyway: bool = False, with_dependents: bool = False) -> Edit:
        """Takes an edit back: the given one, or the last; see `Lab.undo`."""
        resting = "undo" if with_dependents else "keep" if anyway else "refuse"
        return self._made(self.context.ledger.undo(edit_id, author, resting=resting))

    def redo(self, edit_id: str | int | None, author: str) -> Edit:
        """Puts an undone edit back: the given one, or the one undone last."""
        return self._made(self.context.ledger.redo(edit_id, author))

    def history(self) -> list[Edit]:
        """All edits of the workspace in order, with whether each is active and which later edits depend on it.

        A damaged row is included, with the reason in `damaged`.
        """
        return shown_history(self.context.ledger)

    def _edit(
        self,
        kind: str,
        summary: str,
        parameters: dict[str, Any],
        options: EditOptions,
        datastore: str | None = None,
    ) -> Edit:
        author, dry_run, scores = options.author, options.dry_run, options.scores
        if not dry_run and not scores:
            return self._made(self.context.ledger.append(kind, summary, parameters, author))
        draft = edit_of(None, kind, summary, parameters, author, self.context.workspace, self.context.ledger.head() + 1)
        if scores or (scores is None and self._can_be_measured(draft, datastore)):
            found: EditEffects = self.side_effects.of(draft, datastore=datastore)
            draft = replace(draft, scores=found.summary(), moved=found)
        return draft if dry_run else self.commit(draft)

    def _can_be_measured(self, edit: Edit, datastore: str | None) -> bool:
        """Whether the memory that answers is built; until then a dry run has no scores."""
        return self.context.shelf.is_built(self.side_effects.memory_of(edit, None, datastore)[0])

    def _made(self, row: EditRow, active: bool = True, rests: tuple[int, ...] = ()) -> Edit:
        """A row as a result. One that was just appended is active, and no other edit depends on it."""
        edit = edit_of(row, row.kind, row.summary, row.parameters, row.author, self.context.workspace, row.sequence)
        return replace(edit, active=active, rests_on_it=rests)

    def _editable(self, datastore: str | None) -> tuple[Searchable, str]:
        """The store whose entries and texts an edit refers to, as it is now, and the identity of its collection."""
        name = datastore or self.context.bundled_for("masked")
        if not self.context.shelf.is_built(name):
            lm = load(name)
            key = usual_keys(lm.kind)[0]
            store: Searchable = self.context.shelf.on_demand(name, key)
        else:
            store = self.context.shelf.open(name)
            lm, key = load(store.fingerprint.model, store.fingerprint.precision), store.fingerprint.key
        return self.context.as_edited(store, lm, key, None)[0], corpus_of(store)


def _counted(n: int, one: str, more: str) -> str:
    return f"1 {one}" if n == 1 else f"{n:,} {more}"


def _stated(fact: Fact) -> dict[str, str]:
    return {"subject": fact.subject, "relation": fact.relation, "object": fact.object}


def _check_fact(fact: Fact) -> None:
    if not isinstance(fact, Fact) or not all((fact.subject, fact.relation, fact.object)):
        raise InputError(
            f"A fact has a subject, a relation and an object; {fact!r} does not. `lab.facts()` lists them."
        )
    checked_texts((fact.subject, fact.relation, fact.object), "The fact")


def _other_ways(own: OwnMemory) -> str:
    """The commands of the system that declares a memory, as a sentence with a space before it; "" where it has none."""
    for system in registry().systems.values():
        if any(m.memory is not None and type(own) is code_of(m.memory) for m in system.methods):
            named = ", ".join(f"`memlab {c.words} --help`" for c in system.commands)
            return f" Other ways: {named}." if named else ""
    return ""
