"""Many prompts at once, and two answers side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from memlab.corpus.door import shown
from memlab.errors import InputError, MemlabError
from memlab.lab.asking import Asking, AskRequest, encoding_key
from memlab.lab.context import Context
from memlab.lab.diagnosing import Diagnosing
from memlab.lab.judging import judge
from memlab.lm.prompts import read_prompt
from memlab.memory.retrieval import Encoding, encode_many
from memlab.reading.reader import Sources
from memlab.results import BatchRow
from memlab.results.batch_summary import RowSummary
from memlab.results.verdict import alternatives

MOST = 1000  # prompts of one batch
AT_ONCE = 200  # encodings held at a time


class Batch:
    """Many prompts in one call."""

    def __init__(self, context: Context, asking: Asking, diagnosing: Diagnosing) -> None:
        self.context, self.asking, self.diagnosing = context, asking, diagnosing

    def ask_many(
        self, prompts: Sequence[str], expected: Sequence[str | None] | None = None, **how: Any
    ) -> list[BatchRow]:
        """Asks every prompt, as `ask` does with the same arguments; one that cannot be asked says why in its row.

        Prompts are encoded together, in batches; blank ones are left out, and rows keep the number of their line.

        Args:
            expected: the right answer of each prompt, several separated by "|"; None where it is not known.

        Raises:
            InputError: no prompt at all, too many, or a different number of expected answers than of prompts.
        """
        return list(self.rows(prompts, expected, **how))

    def summaries(
        self, prompts: Sequence[str], expected: Sequence[str | None] | None = None, **how: Any
    ) -> list[RowSummary]:
        """The rows of `ask_many` without their distributions, which are not kept in memory. Raises as `ask_many`."""
        return [row.summary() for row in self.rows(prompts, expected, **how)]

    def rows(
        self, prompts: Sequence[str], expected: Sequence[str | None] | None = None, **how: Any
    ) -> Iterator[BatchRow]:
        """The rows of `ask_many` one after the other. Raises InputError as `ask_many`."""
        if expected is not None and len(expected) != len(prompts):
            raise InputError(
                f"There are {len(prompts)} prompts and {len(expected)} expected answers: need one for each."
            )
        lines = [(n, prompt.strip()) for n, prompt in enumerate(prompts, 1) if prompt.strip()]
        if not lines:
            raise InputError("There is no prompt here. Put one on each line.")
        if len(lines) > MOST:
            raise InputError(f"There are {len(lines)} prompts; at most {MOST} are asked at once. Ask them in parts.")
        for at in range(0, len(lines), AT_ONCE):
            part = lines[at : at + AT_ONCE]
            self._encode_together([prompt for _, prompt in part], how)
            for n, prompt in part:
                yield self._row(n, prompt, how, expected[n - 1] if expected else None)

    def _row(self, n: int, prompt: str, how: dict[str, Any], expected: str | None) -> BatchRow:
        try:
            p = self.asking.ask(prompt, **how)
            verdict = judge(p, self.context.ledger, alternatives(expected))
            found = self.diagnosing.of(p, verdict)
            return BatchRow(n, prompt, p, verdict=verdict, cause=found.cause, far=found.far)
        except MemlabError as error:
            return BatchRow(n, shown(prompt), None, str(error))

    def _encode_together(self, prompts: Sequence[str], how: dict[str, Any]) -> None:
        """Puts the encodings where `ask` finds them. What cannot be read is left to `ask`, which says why."""
        groups: dict[Any, list[tuple[str, Sources]]] = {}
        for prompt in dict.fromkeys(prompts):
            try:
                sources = self.asking.resolve(replace(AskRequest.of(prompt, how), without=())).sources
                read_prompt(sources.lm, prompt)
            except MemlabError:
                continue
            groups.setdefault((sources.lm, sources.base, sources.key), []).append((prompt, sources))
        for (lm, base, key), asked in groups.items():
            read = [read_prompt(lm, prompt) for prompt, _ in asked]
            encoded = encode_many(lm, read, "last" if base is not lm else key)
            keys = encode_many(base, read, key).keys if base is not lm else encoded.keys
            for i, (prompt, sources) in enumerate(asked):
                made = partial(Encoding, read[i], keys[i], encoded.logp[i], encoded.hidden[i], 0.0)
                self.context.cache.get(encoding_key(sources, prompt), made)
