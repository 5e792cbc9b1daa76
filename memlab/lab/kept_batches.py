"""Batches that are kept in the workspace, and notes on their prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import memlab
from memlab.corpus.prompt_table import Prompts, prompts_of
from memlab.lab.batch import Batch
from memlab.lab.context import Context
from memlab.record.batches import AskedBatch, Batches, KeptBatch, Note, fingerprint
from memlab.record.database import open_database
from memlab.record.new_rows import now
from memlab.results.batch_summary import RowSummary
from memlab.systems.registry import registry

__all__ = ["AskedBatch", "KeptBatch", "KeptBatches", "Note"]

NOT_KEPT = 0  # the number of a batch that is not in the database


class KeptBatches:
    """Batches of the workspace, asked once for each state of it, and notes on their prompts."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self.context, self.batch = context, batch

    @property
    def _record(self) -> Batches:
        return Batches(open_database(self.context.home), self.context.workspace)

    def prompts(self, asked: AskedBatch) -> Prompts:
        """The prompts of a batch, and the answers expected of them. Raises InputError."""
        return prompts_of(asked.lines, asked.expected)

    def ask(self, asked: AskedBatch, keep: bool = True, again: bool = False) -> KeptBatch:
        """The rows of a batch: the stored ones where the same was asked before in this state of the workspace.

        Args:
            keep: store it in the database. again: ask even where it is stored.

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
            return KeptBatch(NOT_KEPT, now(), title_of(asked, rows), asked, tuple(rows))
        return self.get(self._record.keep(named, title_of(asked, rows), asked, rows))

    def get(self, number: int) -> KeptBatch:
        """A batch by its number. Raises NotFound."""
        return self._record.get(number)

    def titles(self) -> dict[int, str]:
        """Number -> title and time of every batch that is kept, the newest first. Raises RecordError."""
        return self._record.titles()

    def notes(self, prompts: Iterable[str] | None = None) -> dict[str, Note]:
        """Prompt -> what was noted about it; of all prompts, or of some. Raises RecordError."""
        return self._record.notes(prompts)

    def note(self, prompt: str, note: Note) -> None:
        """Stores a note on a prompt, replacing the one before. Raises InputError, RecordError."""
        self._record.note(prompt, note)


def title_of(asked: AskedBatch, rows: Sequence[RowSummary]) -> str:
    """What was asked, and how, in one line."""
    titles = {name: method.title for name, method in registry().methods.items()}
    methods = ", ".join(dict.fromkeys(titles.get(row.method, row.method) for row in rows if row.method))
    lams = list(dict.fromkeys(row.settings["lam"] for row in rows if "lam" in row.settings))
    edits = {row.as_of for row in rows if row.as_of is not None}
    parts = [asked.name or f"{len(rows)} prompt{'' if len(rows) == 1 else 's'}", methods or "not answered"]
    parts += [f"λ = {lams[0]:g}"] if len(lams) == 1 else []
    parts += [f"at edit {max(edits)}"] if edits else []
    return ", ".join(parts)
