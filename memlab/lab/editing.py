"""Changing what the memory knows, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memlab.corpus.world import atlas, fill
from memlab.errors import InputError
from memlab.evaluate.prepare import (
    BUNDLED_KEYS,
)
from memlab.lab.asking import Asking
from memlab.lm.catalogue import load
from memlab.memory.retrieval import Searchable
from memlab.record.chain import EditRow, Problem
from memlab.record.fold import CHANGES, dependents
from memlab.record.ledger import ANONYMOUS
from memlab.record.memory_edits import (
    corpus_of,
    document_named,
    edit_of,
    entries_named,
    lesson,
    shortened,
    stating,
    wish,
)
from memlab.results import Edit, Fact


class Editing(Asking):
    """Edits of the workspace."""

    def teach(self, text: str, value: str | None = None, author: str = ANONYMOUS, dry_run: bool = False) -> Edit:
        """Remembers a sentence or short text from the next question on.

        Args:
            value: remember only the occurrences of this word; by default every word.
            dry_run: only say what would be remembered.
        """
        return self._edit("teach", f"Taught: {shortened(text)}", lesson(text, value), author, dry_run)

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
    ) -> Edit:
        """Forgets entries, a document, all that states a fact, or what a prompt retrieves above a weight.

        Whatever is chosen is resolved to sources first, so that it is forgotten for every method, model
        and datastore of the collection. Numbers of `entries` are those of `datastore`.

        Raises:
            InputError: not exactly one of the four was given, or nothing is left to forget.
            NotFound: there is nothing of that name.
        """
        given = [x for x in (entries, document, fact, prompt) if x is not None]
        if len(given) != 1:
            raise InputError("Say what to forget: exactly one of entries, document, fact or prompt.")
        store, corpus = self._editable(datastore)
        if entries is not None:
            sources, what = entries_named(store, corpus, entries), f"{len(entries)} entries"
        elif document is not None:
            sources, what = document_named(store, corpus, document), f"the document {document}"
        elif fact is not None:
            sources = stating(store, corpus, fact)
            what = f"that the {fact.relation} of {fact.subject} is {fact.object}"
        else:
            p = self.ask(prompt or "", datastore=datastore)
            heavy = [n.entry for n in p.neighbors if n.weight > weight_above]
            store, corpus = self._editable(p.datastore)
            sources, what = entries_named(store, corpus, heavy), f"{len(heavy)} passages found for: {prompt}"
        sources = sorted(set(sources) - self._changes(None).removed)
        if not sources:
            raise InputError(f"There is nothing left to forget of {what}: it is forgotten already.")
        return self._edit("forget", f"Forgot {shortened(what)}", wish(sources), author, dry_run)

    def correct(self, fact: Fact, new_object: str, author: str = ANONYMOUS, dry_run: bool = False) -> Edit:
        """Forgets everything that states a fact and teaches it with another object, as one edit."""
        relation = atlas().relation(fact.relation)
        store, corpus = self._editable(None)
        told = fill(relation.statements[0], fact.subject, new_object)
        sources = [s for s in stating(store, corpus, fact) if s not in self._changes(None).removed]
        parameters = {**wish(sources), **lesson(told)}
        what = f"Corrected {relation.label} of {fact.subject}: {fact.object} -> {new_object}"
        return self._edit("correct", shortened(what), parameters, author, dry_run)

    def undo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Takes an edit back: the given one, or the last. Also an edit; nothing is lost."""
        return self._as_edits([self._ledger.undo(edit_id, author)])[0]

    def redo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Puts an undone edit back: the given one, or the one undone last."""
        return self._as_edits([self._ledger.redo(edit_id, author)])[0]

    def history(self) -> list[Edit]:
        """All edits of the workspace in order."""
        return self._as_edits(self._ledger.rows())

    def head(self) -> int:
        """Number of the last edit; 0 when there is none."""
        return self._ledger.head()

    def verify(self) -> list[Problem]:
        """What is wrong with the recorded history: changed, missing or reordered rows; empty when nothing is."""
        return self._ledger.verify()

    def _edit(self, kind: str, summary: str, parameters: dict[str, Any], author: str, dry_run: bool) -> Edit:
        if dry_run:
            return edit_of(None, kind, summary, parameters, author, self.workspace, self._ledger.head() + 1)
        return self._as_edits([self._ledger.append(kind, summary, parameters, author)])[0]

    def _as_edits(self, rows: Sequence[EditRow]) -> list[Edit]:
        """Rows as results, with what holds now and what rests on what."""
        active = self._ledger.active()
        holding = {row.sequence for row in active}
        out = []
        for row in rows:
            rests = tuple(r.sequence for r in dependents(active, row.sequence)) if row.kind in CHANGES else ()
            holds = row.sequence in holding or row.kind not in CHANGES
            out.append(
                edit_of(
                    row, row.kind, row.summary, row.parameters, row.author, self.workspace, row.sequence, holds, rests
                )
            )
        return out

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
