"""Scores of a large model's answers, kept in the home folder so that another order, way or setting reuses them.

One text file for each model, tokenizer and pair of answer words; one line for each prompt: sha256 of its text, score.
Lines are appended as answers come, so that a stopped run can continue; an incomplete last line is ignored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memlab.systems.beliefbank.prompts import Prompt
    from memlab.systems.beliefbank.seq2seq import AnyModel

FOLDER = "belief-scores"
VERSION = 1  # of the way a score is computed; after an increase, older files are not read
LARGE = 30_000_000  # parameters; smaller models are fast enough without a file
_LINE = re.compile(r"([0-9a-f]{64}) (-?\d+\.\d{6})")


@dataclass(frozen=True, eq=False)
class KeptScores:
    """The scores in one file. `file`: None keeps them in memory only."""

    file: Path | None = None
    known: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path, model: AnyModel, prompt: Prompt) -> KeptScores | None:
        """The scores of a model with these answer words; None for a small model."""
        if model.module.num_parameters() < LARGE:
            return None
        made = "|".join((str(VERSION), model.weights_hash, model.tokenizer_hash, prompt.yes, prompt.no))
        file = home / FOLDER / f"{hashlib.sha256(made.encode()).hexdigest()[:32]}.txt"
        known: dict[str, float] = {}
        if file.is_file():
            for line in file.read_text("utf-8", "replace").split("\n")[:-1]:
                if found := _LINE.fullmatch(line):
                    known[found[1]] = float(found[2])
        return cls(file, known)

    def get(self, text: str) -> float | None:
        """The score of a prompt, or None."""
        return self.known.get(_name(text))

    def known_score(self, text: str) -> float:
        """The score of a prompt; KeyError if it was never added."""
        return self.known[_name(text)]

    def add(self, found: Mapping[str, float]) -> None:
        """Keeps scores of prompts."""
        pairs = [(_name(text), score) for text, score in found.items()]
        self.known.update(pairs)
        if self.file is not None and pairs:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write("".join(f"{name} {score:.6f}\n" for name, score in pairs))


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
