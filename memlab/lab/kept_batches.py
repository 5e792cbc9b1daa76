"""Batches that are kept in the workspace, and notes on their prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import memlab
from memlab.corpus.prompt_table import Prompts, prompts_of
from memlab.lab.batch import Batch
from memlab.lab.context import Context
from memlab.record.batches import AskedBatch, Batches, KeptBatch, Note, fingerprint
from memlab.record.database import open_database
from memlab.record.ledger import now

__all__ = ["AskedBatch", "KeptBatch", "KeptBatches", "Note"]

NOT_KEPT = 0  # the number of a batch that is not in the database


class KeptBatches:
    """Batches of the workspace, asked once for each state of it, and what was noted about their prompts."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self.context, self.batch = context, batch

    @property
    def _record(self) -> Batches:
        return Batches(open_database(self.context.home), self.context.workspace)

    def prompts(self, asked: AskedBatch) -> Prompts:
        """The prompts of a batch, and the answers expected of them. Raises InputError."""
        return prompts_of(asked.lines, asked.expected)

    def ask(self, asked: AskedBatch, keep: bool = True, again: bool = False) -> KeptBatch:
        """The rows of a batch: those that are kept where the same was asked before in this state of the workspace.

        Args:
            keep: keep it in the database. again: ask in any case.

        Raises:
            InputError: no prompt, too many, or a table that cannot be read. RecordError: it cannot be kept.
        """
        named = fingerprint(asked, memlab.__version__, self.context.ledger.head())
        found = None if again else self._record.find(named)
        if found is not None:
            return found
        prompts = self.prompts(asked)
        rows = self.batch.summaries(prompts.lines, prompts.expected, **asked.how)
        if not keep:
            return KeptBatch(NOT_KEPT, now(), asked, tuple(rows))
        return self.get(self._record.keep(named, asked, rows))

    def get(self, number: int) -> KeptBatch:
        """A batch by its number. Raises NotFound."""
        return self._record.get(number)

    def all(self) -> Sequence[KeptBatch]:
        """The batches that are kept, the newest first. Raises RecordError."""
        return self._record.all()

    def notes(self, prompts: Iterable[str] | None = None) -> dict[str, Note]:
        """Prompt -> what was noted about it; of all prompts, or of some. Raises RecordError."""
        return self._record.notes(prompts)

    def note(self, prompt: str, note: Note) -> None:
        """Notes something about a prompt, in place of what was noted. Raises InputError, RecordError."""
        self._record.note(prompt, note)
