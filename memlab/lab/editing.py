"""Changing what the memory knows, and taking it back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memlab.corpus.door import checked_text, checked_texts
from memlab.corpus.world import MASK, atlas, fill
from memlab.errors import InputError
from memlab.evaluate.prepare import BUNDLED_KEYS
from memlab.lab.moving import Moving
from memlab.lm.catalogue import load
from memlab.memory.retrieval import Searchable
from memlab.record.chain import EditRow, Problem
from memlab.record.fold import CHANGES, all_dependents
from memlab.record.ledger import ANONYMOUS
from memlab.record.memory_edits import (
    corpus_of,
    document_named,
    edit_of,
    entries_named,
    in_other_code_points,
    lesson,
    places_named,
    shortened,
    stating,
    still_there,
    wish,
)
from memlab.results import Edit, Fact, Moved, Source

OBJECT_LENGTH = 100  # characters of a new object


class Editing(Moving):
    """Edits of the workspace.

    Each way of editing can be tried first with `dry_run=True`: nothing is recorded, and the `Edit` says what
    would be forgotten and remembered and, in `scores` and `moved`, what else would move. `commit` makes such
    a dry run real, with the same figures. An edit that is made at once is not measured unless `scores=True`,
    since that asks some two hundred questions; `moved` does it at any time later.
    """

    def teach(
        self,
        text: str,
        value: str | None = None,
        author: str = ANONYMOUS,
        dry_run: bool = False,
        scores: bool | None = None,
    ) -> Edit:
        """Remembers a sentence or short text (at most 2,000 characters) from the next question on.

        Args:
            value: remember only the occurrences of this word; by default every word.
            dry_run: only say what would be remembered.
            scores: measure what else moves, and record it; by default only in a dry run.

        Raises:
            InputError: empty, too long or unreadable text, or a value that does not stand in it.
        """
        parameters = lesson(text, value)
        what = parameters["teaches"]["text"]
        edit = self._edit("teach", f"Taught: {shortened(what)}", parameters, author, dry_run, scores)
        said = in_other_code_points(parameters, value)
        return replace(edit, notices=(said,)) if said else edit

    def forget(
        self,
        entries: Sequence[int] | None = None,
        document: str | None = None,
        fact: Fact | None = None,
        prompt: str | None = None,
        weight_above: float = 0.0,
        datastore: str | None = None,
        author: str = ANONYMOUS,
        dry_run: bool = False,
        sources: Sequence[Source] | None = None,
        scores: bool | None = None,
    ) -> Edit:
        """Forgets entries, a document, all that states a fact, what a prompt retrieves above a weight, or sources.

        Whatever is chosen is resolved to sources first, so that it is forgotten for every method, model
        and datastore of the collection. Numbers of `entries` are those of `datastore`; `sources` are places as
        `lab.sources()` finds them. `dry_run` and `scores` as in `teach`.

        Raises:
            InputError: not exactly one of the five was given, or nothing is left to forget.
            NotFound: there is nothing of that name.
        """
        given = [x for x in (entries, document, fact, prompt, sources) if x is not None]
        if len(given) != 1:
            raise InputError("Say what to forget: exactly one of entries, document, fact, prompt or sources.")
        asked: dict[str, Any] = {}
        store, corpus = self._editable(datastore)
        if entries is not None:
            chosen, what = entries_named(store, corpus, entries), _counted(len(entries), "entry", "entries")
        elif sources is not None:
            chosen, what = places_named(store, corpus, sources), _counted(len(sources), "place", "places")
        elif document is not None:
            chosen, what = document_named(store, corpus, document), f"the document {document}"
        elif fact is not None:
            _check_fact(fact)
            chosen, asked = stating(store, corpus, fact), {"fact": _stated(fact)}
            what = f"that the {fact.relation} of {fact.subject} is {fact.object}"
        else:
            p = self.ask(prompt or "", datastore=datastore)
            if not 0.0 <= weight_above <= 1.0:
                raise InputError(f"weight_above is {weight_above!r}; allowed is a number from 0 to 1.")
            heavy = [n.entry for n in p.neighbors if n.weight > weight_above]
            if not heavy:
                raise InputError(
                    f"There is nothing left to forget: no passage found for this prompt weighs more than {weight_above:g}; "
                    f"the heaviest has {max(n.weight for n in p.neighbors):.3f}."
                )
            store, corpus = self._editable(p.datastore)
            chosen, asked = entries_named(store, corpus, heavy), {"prompt": p.prompt}
            what = f"{_counted(len(heavy), 'passage', 'passages')} found for: {prompt}"
        if not chosen:
            raise InputError("Nothing was named that could be forgotten. Name at least one entry or place.")
        left = still_there(chosen, self._changes(None).removed)
        if not left:
            raise InputError(f"There is nothing left to forget of {shortened(what)}: it is forgotten already.")
        return self._edit(
            "forget", f"Forgot {shortened(what)}", {**wish(left), **asked}, author, dry_run, scores, datastore
        )

    def correct(
        self,
        fact: Fact,
        new_object: str,
        author: str = ANONYMOUS,
        dry_run: bool = False,
        scores: bool | None = None,
    ) -> Edit:
        """Forgets everything that states a fact and teaches it with another object, as one edit.

        `dry_run` and `scores` as in `teach`.

        Raises:
            InputError: the new object is empty, too long, or the old one.
            NotFound: no such relation, or nothing states the fact.
        """
        _check_fact(fact)
        relation = atlas().relation(fact.relation)
        new = " ".join(checked_text(new_object, "The new object").split()) if isinstance(new_object, str) else ""
        if not re.search(r"\w", new) or MASK in new or len(new) > OBJECT_LENGTH:
            raise InputError(
                f"The new object is a name of 1 to {OBJECT_LENGTH} characters, not {shortened(str(new_object))!r}."
            )
        if new == fact.object:
            raise InputError(f"The {relation.label} of {fact.subject} is {new} already. Give another object.")
        store, corpus = self._editable(None)
        told = fill(relation.statements[0], fact.subject, new)
        sources = still_there(stating(store, corpus, fact), self._changes(None).removed)
        parameters = {**wish(sources), **lesson(told), "fact": _stated(fact), "new_object": new}
        what = f"Corrected {relation.label} of {fact.subject}: {fact.object} -> {new}"
        return self._edit("correct", shortened(what), parameters, author, dry_run, scores)

    def commit(self, edit: Edit, author: str | None = None) -> Edit:
        """Makes a dry run real, with the figures that were measured for it.

        Raises:
            InputError: the edit is no dry run.
            RecordError: somebody has edited the workspace since; nothing is changed.
        """
        if not edit.dry_run:
            raise InputError(f"Edit {edit.seq} is made already. Only a dry run can be committed.")
        figures = edit.moved
        row = self._ledger.append(
            edit.kind,
            edit.summary,
            dict(edit.parameters),
            author or edit.author,
            before={score.group: score.before for score in figures.scores} if figures else None,
            after=figures.summary() if figures else None,
            expected_head=edit.seq - 1,
        )
        return replace(self._made(row), moved=figures)

    def undo(
        self,
        edit_id: str | int | None = None,
        author: str = ANONYMOUS,
        anyway: bool = False,
        with_dependents: bool = False,
    ) -> Edit:
        """Takes an edit back: the given one, or the last. Also an edit; nothing is lost.

        Args:
            anyway: even where later edits rest on it; they stay.
            with_dependents: undo those as well, the last first, each in a step of its own.

        Raises:
            InputError: later edits rest on it, which are named; it is undone already; there is none.
            NotFound: no such edit.
        """
        resting = "undo" if with_dependents else "keep" if anyway else "refuse"
        return self._made(self._ledger.undo(edit_id, author, resting=resting))

    def redo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Puts an undone edit back: the given one, or the one undone last."""
        return self._made(self._ledger.redo(edit_id, author))

    def history(self) -> list[Edit]:
        """All edits of the workspace in order, with what holds now and what rests on what."""
        rows = self._ledger.rows()
        rests = all_dependents(self._ledger.active())
        return [
            self._made(row, row.sequence in rests or row.kind not in CHANGES, rests.get(row.sequence, ()))
            for row in rows
        ]

    def head(self) -> int:
        """Number of the last edit; 0 when there is none."""
        return self._ledger.head()

    def verify(self) -> list[Problem]:
        """What is wrong with the recorded history: changed, missing or reordered rows; empty when nothing is."""
        return self._ledger.verify()

    def _edit(
        self,
        kind: str,
        summary: str,
        parameters: dict[str, Any],
        author: str,
        dry_run: bool,
        scores: bool | None,
        datastore: str | None = None,
    ) -> Edit:
        if not dry_run and not scores:
            return self._made(self._ledger.append(kind, summary, parameters, author))
        draft = edit_of(None, kind, summary, parameters, author, self.workspace, self._ledger.head() + 1)
        if scores or (scores is None and self._can_be_measured(draft, datastore)):
            found: Moved = self.moved(draft, datastore=datastore)
            draft = replace(draft, scores=found.summary(), moved=found)
        return draft if dry_run else self.commit(draft)

    def _can_be_measured(self, edit: Edit, datastore: str | None) -> bool:
        """Whether the memory that answers is whole; while it is being built a dry run goes without figures."""
        return self._shelf.is_built(self._memory_of(edit, None, datastore)[0])

    def _made(self, row: EditRow, active: bool = True, rests: tuple[int, ...] = ()) -> Edit:
        """A row as a result. One that was just appended holds, and nothing rests on it yet."""
        return edit_of(
            row, row.kind, row.summary, row.parameters, row.author, self.workspace, row.sequence, active, rests
        )

    def _editable(self, datastore: str | None) -> tuple[Searchable, str]:
        """The store whose entries and texts an edit names, as it is now, and the identity of its collection."""
        name = datastore or self._bundled_for("masked")
        if not self._shelf.is_built(name):
            lm = load(name)
            store: Searchable = self._shelf.pending(name, BUNDLED_KEYS[lm.kind][0])
            key = BUNDLED_KEYS[lm.kind][0]
        else:
            store = self._shelf.open(name)
            lm, key = load(store.fingerprint.model), store.fingerprint.key
        return self._as_edited(store, lm, key, None)[0], corpus_of(store)


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
