"""What a guest may use of a home folder: questions to one workspace, and nothing that changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memlab.declare import Method
from memlab.errors import InputError
from memlab.lab.chapters import Answering
from memlab.lab.context import Context
from memlab.lab.judging import judge
from memlab.results import Prediction, Verdict

LONGEST = 300  # characters of a guest's prompt


class Looking:
    """Asks with bundled models and calibrated settings, in the present state of one workspace.

    It can only ask: it has no edits, jobs, builds, downloads, files or other workspaces, and takes no names of models
    or datastores, so that nothing has to be refused.
    """

    def __init__(self, home: Path, workspace: str) -> None:
        self._context = Context.of(home, workspace)
        self._answering = Answering.of(self._context)

    @property
    def workspace(self) -> str:
        """The name of the workspace."""
        return self._context.workspace

    def methods(self, prompt: str = "") -> Sequence[Method]:
        """The methods that answer the kind of prompt (with [MASK] or without)."""
        kind = self._answering.house.method("ask", None, None, prompt).kind
        return [m for m in self._answering.inventory.methods().values() if kind in m.kinds and m.why_not("ask") is None]

    def ask(self, prompt: str, method: str | None = None) -> Prediction:
        """One prompt through the bundled model of its kind and that model's memory.

        Raises:
            InputError: no prompt, or one that is too long. MemlabError: as `Lab.ask`.
        """
        if len(prompt) > LONGEST:
            raise InputError(f"The prompt has {len(prompt)} characters; guests may ask with at most {LONGEST}.")
        return self._answering.asking.ask(prompt, method=method)

    def verdict(self, p: Prediction) -> Verdict | None:
        """As `Lab.verdict`."""
        return judge(p, self._context.ledger)
