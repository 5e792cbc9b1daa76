"""A continued prompt as a tree: how each token was mixed, other tokens tried at the same place, and what was copied."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from memlab.errors import InputError
from memlab.results.about import About, origin
from memlab.results.moves import Move, SwitchTo, then, written
from memlab.results.tables import csv_text
from memlab.results.trace_token import TraceToken, in_a_line
from memlab.serialize import as_json

ENDINGS = {
    "max_tokens": "as many tokens as asked for",
    "end": "the model generated its end token",
    "context": "the model's context is full",
    "stopped": "stopped",
}
COLUMNS = (
    "position", "text", "id", "kind", "chosen", "p", "p_without_memory", "gate", "searched", "remembered", "weights",
    "copied_from",
)  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One generated token.

    parent: the node before it, None for the first after the prompt. `token.position` counts from the prompt on.
    reads: the ids that the model reads for it: its own, or the pieces of a word that only memory has.
    chosen: by a person, not by decoding.
    votes: all entries among its neighbors that remember this very token, nearest first.
    """

    number: int
    parent: int | None
    token: TraceToken
    reads: tuple[int, ...]
    chosen: bool = False
    votes: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class CopiedSpan:
    """Generated tokens `first` to `last` (exclusive) that occur word for word in a remembered passage.

    document: its title; start, end: the characters there; source: "base" or "edit:<seq>".
    passages: how many remembered passages have the same text.
    """

    first: int
    last: int
    text: str
    document: str
    start: int
    end: int
    entry: int
    source: str = "base"
    passages: int = 1

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class Branch:
    """One way through the tree, named by its last node (None: nothing was generated); why it ended, and what it copied."""

    leaf: int | None
    ended: str
    copied: tuple[CopiedSpan, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Generation(About):
    """A prompt that was continued, seen along one branch (`leaf`); the others stay in the tree.

    ids: the prompt as the model reads it, special tokens included. settings: those of the method. decoding: temperature, top_p, seed.
    max_tokens: how many tokens were asked for last; copied_from: the fewest tokens in a row that count as copied.
    moves: how the tree was grown; see `memlab.results.moves`. ms: milliseconds of what was done last.
    """

    prompt: str
    ids: tuple[int, ...]
    decoding: Mapping[str, Any]
    max_tokens: int
    copied_from: int
    nodes: tuple[Node, ...]
    branches: tuple[Branch, ...]
    leaf: int | None
    moves: tuple[Move, ...] = ()
    ms: Mapping[str, float] = field(default_factory=dict)

    def path(self, leaf: int | None = None) -> tuple[Node, ...]:
        """The nodes from the prompt to `leaf` (default: of this branch)."""
        at: int | None = self.leaf if leaf is None else leaf
        out = []
        while at is not None:
            out.append(self.nodes[at])
            at = self.nodes[at].parent
        return tuple(reversed(out))

    @cached_property
    def tokens(self) -> tuple[TraceToken, ...]:
        """The generated tokens of this branch."""
        return tuple(node.token for node in self.path())

    @property
    def continuation(self) -> str:
        """What was generated on this branch."""
        return "".join(token.text for token in self.tokens)

    @property
    def text(self) -> str:
        """The prompt with what was generated."""
        return self.prompt + self.continuation

    @property
    def here(self) -> Branch:
        """This branch."""
        return next(b for b in self.branches if b.leaf == self.leaf)

    @property
    def copied(self) -> tuple[CopiedSpan, ...]:
        """What this branch copied."""
        return self.here.copied

    @property
    def ended(self) -> str:
        """Why this branch ended; see ENDINGS."""
        return self.here.ended

    def branch(self, leaf: int | None) -> Generation:
        """The same tree seen along another branch. Raises InputError where none ends with that node."""
        if leaf == self.leaf:
            return self
        leaves = [b.leaf for b in self.branches if b.leaf is not None]
        if leaf not in leaves:
            raise InputError(f"No branch ends with node {leaf}. Allowed: {', '.join(map(str, leaves))}.")
        return replace(self, leaf=leaf, moves=then(self.moves, SwitchTo(leaf)))

    def node_of(self, position: int) -> int:
        """The number of the node at a position of this branch."""
        return self.path()[position].number

    @property
    def summary(self) -> dict[str, Any]:
        """Figures of this branch: memory's mean weight, how often it changed the first word, how much is copied."""
        tokens = self.tokens
        gates = [t.gate for t in tokens if t.gate is not None]
        asked = [t for t in tokens if t.searched]
        in_spans = {i for span in self.copied for i in range(span.first, span.last)}
        losses = [t.loss for t in tokens if t.loss is not None]
        return {
            "tokens": len(tokens),
            "mean_loss": sum(losses) / len(losses) if losses else None,
            "mean_gate": sum(gates) / len(gates) if gates else None,
            "searched": len(asked),
            "changed": sum(t.top["mixture"][0].id != t.top["lm"][0].id for t in tokens),
            "copied": len(in_spans) / len(tokens) if tokens else 0.0,
            "ended": self.ended,
            "timings_ms": dict(self.ms),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `tokens` and `copied` are those of this branch, `tree` has all nodes."""
        return {
            **origin(self),
            **as_json(self, "prompt", "text", "continuation", "decoding", "max_tokens", "copied_from"),
            **as_json(self, "tokens", "copied", "ended", "summary", "leaf"),
            "tree": [
                {"node": n.number, "parent": n.parent, "id": n.token.id, "text": n.token.text, "chosen": n.chosen}
                for n in self.nodes
            ],
            "branches": [as_json(b, "leaf", "ended") for b in self.branches],
            "moves": written(self.moves),
            "notices": list(self.notices),
        }

    def csv(self) -> str:
        """One line a token of this branch; remembered tokens are separated by blanks, nearest first."""
        rows = []
        for i, node in enumerate(self.path()):
            t = node.token
            row = {name: getattr(t, name) for name in ("position", "text", "id", "kind", "gate", "searched")}
            row |= {"chosen": node.chosen, "p": _p(t.loss), "p_without_memory": _p(t.loss_without_memory)}
            row |= in_a_line(t)
            row["copied_from"] = "; ".join(span.document for span in self.copied if span.first <= i < span.last)
            rows.append(row)
        return csv_text(rows, COLUMNS)


@dataclass(frozen=True)
class GenerationPair:
    """One text continued with the same decoding, with memory and without (the same model alone).

    without_memory: None where the generation itself is without memory. after: how many tokens of the branch both
    share: up to the last one that a person chose.
    """

    with_memory: Generation
    without_memory: Generation | None
    after: int = 0

    @property
    def parted(self) -> int | None:
        """The first token of the branch in which the two differ; None where both generate the same."""
        if self.without_memory is None:
            return None
        with_it, alone = self.with_memory.tokens[self.after :], self.without_memory.tokens
        shorter, longer = sorted((len(with_it), len(alone)))
        pairs = enumerate(zip(with_it, alone, strict=False))
        different = next((i for i, (a, b) in pairs if a.id != b.id), shorter)
        return self.after + different if different < longer else None

    def to_dict(self) -> dict[str, Any]:
        """The keys of the generation with memory, and the other generation under "without_memory"."""
        alone = None if self.without_memory is None else self.without_memory.to_dict()
        return {**self.with_memory.to_dict(), "after": self.after, "parted": self.parted, "without_memory": alone}


def _p(loss: float | None) -> float:
    return 0.0 if loss is None else math.exp(-loss)
