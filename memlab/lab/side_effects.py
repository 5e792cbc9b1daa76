"""Side effects of an edit: the same questions with and without it, before it is made and after."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from memlab.corpus.generator import articles_hash
from memlab.corpus.model_kinds import MASK, kind_of_prompt
from memlab.corpus.world import atlas
from memlab.declare import Method, checked
from memlab.errors import InputError, StoreError
from memlab.evaluate.side_effects import MeasuredEdit, what_moved
from memlab.lab.asking import Asking
from memlab.lab.context import Context
from memlab.lab.preparing import build_if_bundled, calibrated_method
from memlab.memory.changes import Changes
from memlab.memory.datastore import Meta
from memlab.record.fold import CHANGES
from memlab.record.memory_edits import changes_of, changes_with, edit_of
from memlab.results import Comparison, Edit, EditEffects, compare
from memlab.systems.registry import registry


class SideEffects:
    """Scores of edits, and answers right before and after them.

    Args:
        asking_in: makes an `Asking` for another view of the workspace, for edits that are only tried.
    """

    def __init__(self, context: Context, asking: Asking, asking_in: Callable[[Context], Asking]) -> None:
        self.context, self.asking, self.asking_in = context, asking, asking_in

    def of(
        self,
        edit: Edit | int | str,
        method: str | None = None,
        datastore: str | None = None,
        as_of: int | None = None,
        **settings: Any,
    ) -> EditEffects:
        """The side effects of an edit: efficacy, paraphrase and neighborhood, and every answer behind them.

        Args:
            edit: a dry run, or the number or id of an edit that was made.
            method: the method that answers; by default the first that fits the datastore.
            datastore: by default the one whose texts the edit names.
            as_of: the state of the history that is compared with and without the edit; by default the one right
                after it. With `lab.head()`, what the edit does among those that are active now.
            settings: of the method; by default the calibrated ones.

        Raises:
            InputError: an undo or redo, which teaches and forgets nothing itself; a memory still being built.
            NotFound: no such edit, method or datastore.
        """
        edit = self._edit_named(edit)
        name, how = self.memory_of(edit, method, datastore)
        build_if_bundled(self.context, name)
        s = checked(how.settings, settings, self.asking.house.settings(how.name, name, key=settings.get("key")))
        lm, base, _ = self.context.model_and_store(None, name, how, s.key)
        if not base.ready:
            raise InputError(f"The memory {name!r} is still being built. Its side effects are known when it is ready.")
        before, after = self._without_and_with(edit, as_of)

        def measure() -> EditEffects:
            without, with_it = (self.context.with_changes(base, lm, s.key, changes) for changes in (before, after))
            asked_about = MeasuredEdit(edit.parameters, edit.seq, before.head)
            return what_moved(atlas(), how, lm, without, with_it, s, asked_about)

        asked = json.dumps(edit.parameters, sort_keys=True)
        return self.context.cache.get(("moved", before, after, asked, how.name, base, s), measure)

    def difference(self, edit: Edit | int | str, prompt: str, **how: Any) -> Comparison:
        """One question right before an edit (`a`) and right after it (`b`); `how` as in `Lab.ask`.

        The edit is a dry run, or the number or id of one that was made.

        Raises:
            InputError: an undo or redo, or a dry run that is out of date. NotFound: no such edit.
        """
        edit = self._edit_named(edit)
        if edit.dry_run:
            self._check_up_to_date(edit)
            supposed = self.asking_in(self.context.supposing(self._without_and_with(edit, None)[1]))
            return compare(self.asking.ask(prompt, **how), supposed.ask(prompt, **how))
        return compare(*(self.asking.ask(prompt, as_of=n, **how) for n in (edit.seq - 1, edit.seq)))

    def _without_and_with(self, edit: Edit, as_of: int | None) -> tuple[Changes, Changes]:
        if edit.dry_run:
            self._check_up_to_date(edit)
            before = self.context.changes(None)
            return before, changes_with(before, edit.seq, edit.parameters)
        at = edit.seq if as_of is None else as_of
        rows = self.context.ledger.active(at)
        without = [row for row in rows if row.sequence != edit.seq]
        own = self.context.ledger.edit(edit.seq)
        return changes_of(without, edit.seq - 1 if as_of is None else at), changes_of(
            sorted([*without, own], key=lambda row: row.sequence), at
        )

    def _check_up_to_date(self, edit: Edit) -> None:
        head = self.context.ledger.head()
        if edit.seq != head + 1:
            raise InputError(
                f"This dry run was made after edit {edit.seq - 1}; the workspace is at edit {head} now. Make it again."
            )

    def _edit_named(self, edit: Edit | int | str) -> Edit:
        if not isinstance(edit, Edit):
            row = self.context.ledger.edit(edit)
            edit = edit_of(row, row.kind, row.summary, row.parameters, row.author, self.context.workspace, row.sequence)
        if edit.kind not in CHANGES:
            raise InputError(
                f"Edit {edit.seq} ({edit.kind}) changes no memory by itself. Ask about edit {edit.target}."
            )
        return edit

    def memory_of(self, edit: Edit, method: str | None, datastore: str | None) -> tuple[str, Method]:
        """The datastore and the method that an edit is measured with."""
        name = datastore
        if name is None:
            named = {s.corpus for s in edit.sources} - {"edit", articles_hash()}
            name = next((n for n in self.context.shelf.names() if named and self._corpus_named(n) in named), None)
        if method is not None:
            how = registry().method(method)
            if how.knn is None:
                raise InputError(f"Side effects are measured with methods that mix in p_kNN; {how.title} does not.")
        else:
            kind = kind_of_prompt(edit.parameters.get("prompt", MASK)).name
            if name is not None and self.context.shelf.is_built(name):
                kind = self.context.shelf.open(name).fingerprint.kind
            how = calibrated_method(kind)
        return name or self.context.bundled_for(how.kind), how

    def _corpus_named(self, datastore: str) -> str:
        try:
            return Meta.read(self.context.home / "datastores" / datastore).fingerprint.corpus_hash
        except StoreError:
            return ""
