"""Edits, and the sources that they forget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.results.side_effects import EditEffects
from memlab.serialize import as_json, json_value


@dataclass(frozen=True, order=True)
class Source:
    """Characters of a document: how the ledger identifies what is remembered.

    `corpus` is the hash of a collection, or "edit" for a taught text, whose document is "edit:<seq>".
    """

    corpus: str
    document: str
    start: int
    end: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class Edit:
    """One change to a workspace, recorded or (`dry_run`) only computed.

    `sources` are what it forgets, `remembers` the words or the text that it adds. `active` says whether
    it holds now; `target` is the edit that an undo or redo refers to. `rests_on_it` are later active edits that
    depend on it and have to be undone first. `scores` are the figures that the ledger keeps of what else moved
    (`EditEffects.summary`), empty where none were measured; `moved` has every answer behind them where they
    were measured just now. `parameters` are what the ledger records; `notices` what a person should know about it,
    shown once, when it is made. `damaged` says why a recorded edit cannot be shown; most of the other fields are empty
    then. `weights` says what is wrong with the file of weights that it names ("missing" or "changed"): the model cannot
    be asked until the edit is undone or the file is put back.
    """

    id: str | None
    seq: int
    kind: str
    summary: str
    author: str
    workspace: str
    time: str | None = None
    dry_run: bool = False
    sources: tuple[Source, ...] = ()
    remembers: tuple[str, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    active: bool = True
    target: int | None = None
    rests_on_it: tuple[int, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    moved: EditEffects | None = field(default=None, repr=False)
    damaged: str | None = None
    weights: str | None = None
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            **as_json(self, "id", "seq", "kind", "summary", "author", "workspace", "time", "dry_run"),
            "forgets": json_value(self.sources),
            **as_json(self, "remembers", "scores", "active", "target", "rests_on_it"),
            "moved": json_value(self.moved.table) if self.moved else None,
            **{name: value for name in ("damaged", "weights") if (value := getattr(self, name)) is not None},
            "notices": list(self.notices),
        }
