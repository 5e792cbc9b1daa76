"""Many prompts at once, and two answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from memlab.corpus.door import shown
from memlab.errors import InputError, MemlabError
from memlab.lab.asking import Asking
from memlab.lm.prompts import read_prompt
from memlab.memory.retrieval import Encoding, encode_many
from memlab.results import BatchRow, Comparison, Prediction, compare

MOST = 1000  # prompts of one batch
AT_ONCE = 200  # encodings held at a time


class Batch(Asking):
    """Questions in bulk."""

    def ask_many(self, prompts: Sequence[str], **how: Any) -> list[BatchRow]:
        """Asks every prompt, as `ask` does with the same arguments; one that cannot be asked says why in its row.

        Prompts are encoded together, in batches; blank ones are left out, numbers are those of the lines.

        Raises:
            InputError: no prompt at all, or too many.
        """
        lines = [(n, prompt.strip()) for n, prompt in enumerate(prompts, 1) if prompt.strip()]
        if not lines:
            raise InputError("There is no prompt here. Put one on each line.")
        if len(lines) > MOST:
            raise InputError(f"There are {len(lines)} prompts; at most {MOST} are asked at once. Ask them in parts.")
        rows = []
        for at in range(0, len(lines), AT_ONCE):
            part = lines[at : at + AT_ONCE]
            self._encode_together([prompt for _, prompt in part], how)
            rows += [self._row(n, prompt, how) for n, prompt in part]
        return rows

    def compare(self, a: Prediction, b: Prediction) -> Comparison:
        """What differs between two predictions: what was asked, answer, gate, words, neighbors gained and lost."""
        return compare(a, b)

    def _row(self, n: int, prompt: str, how: dict[str, Any]) -> BatchRow:
        try:
            return BatchRow(n, prompt, self.ask(prompt, **how))
        except MemlabError as error:
            return BatchRow(n, shown(prompt), None, str(error))

    def _encode_together(self, prompts: Sequence[str], how: dict[str, Any]) -> None:
        """Puts the encodings where `ask` finds them. What cannot be read is left to `ask`, which says why."""
        groups: dict[Any, list[Any]] = {}
        for prompt in dict.fromkeys(prompts):
            try:
                posed = self._pose(
                    prompt,
                    how.get("method"),
                    how.get("model"),
                    how.get("datastore"),
                    how.get("as_of"),
                    how.get("preset", "calibrated"),
                    (),
                    {k: v for k, v in how.items() if k not in ("method", "model", "datastore", "as_of", "preset")},
                )
                groups.setdefault((posed.lm, posed.settings.key), []).append((prompt, read_prompt(posed.lm, prompt)))
            except MemlabError:
                continue
        for (lm, key), asked in groups.items():
            keys, logp = encode_many(lm, [read for _, read in asked], key)
            for (prompt, read), q, p in zip(asked, keys, logp, strict=True):
                self._cache.get(("encoding", lm, prompt, key), partial(Encoding, read, q, p, 0.0))
