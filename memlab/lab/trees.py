"""Trees of generations, rebuilt from their moves, with the same model without memory for comparison."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from memlab.lab.context import Context
from memlab.lab.generating import Generating, GenerationRequest
from memlab.lab.jobs import long_work
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.results import Generation, GenerationPair
from memlab.results.moves import Extend, Move, Replace, moves_of
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab

KEPT = 32  # trees, so that one more move generates only what is new
_WITH = 0.7  # of the progress: the rest is the model alone
_lock = threading.Lock()  # pages make trees from several threads


class Trees:
    """Trees of generations by their moves: what a page or a link needs to show one again."""

    def __init__(self, context: Context, generating: Generating) -> None:
        self.context, self.generating = context, generating
        self._trees: LRUCache = LRUCache(2 * KEPT)

    def replay(
        self,
        prompt: str,
        moves: str,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **how: Any,
    ) -> GenerationPair:
        """The tree that `moves` describe, and the model alone for comparison, after the last token that a person chose.

        Args:
            moves: see `memlab.results.moves`; `generation.moves` is how a tree was made.
            how: as for `Lab.generate`, without max_tokens.
            progress, stop: called at every token; a stopped tree is as far as it got, and its moves say so.

        Raises:
            MemlabError: no moves, moves that do not fit this prompt and memory, or anything that `generate` refuses.
        """
        g, todo = self._replayed(prompt, moves, how)
        tokens, done = sum(move.tokens for move in todo) or 1, 0
        for move in todo:
            share = part(progress, _WITH * done / tokens, _WITH * (done + move.tokens) / tokens)
            g, done = self._apply(g, prompt, move, how, share, stop), done + move.tokens
            if g.ended == "stopped":
                break
            with _lock:
                self._trees[self._place(prompt, how, g.moves)] = g
        assert g is not None
        return self._alone_beside(g, part(progress, _WITH, 1.0), stop)

    def tokens_left(self, prompt: str, moves: str, **how: Any) -> int:
        """How many tokens `replay` would still have to generate with memory, given the trees that are kept.

        Raises:
            MemlabError: what `replay` would raise before its first token.
        """
        g, todo = self._replayed(prompt, moves, how)
        if g is None:
            self._start(prompt, todo[0].tokens, how, stop=lambda: True)
        return sum(move.tokens for move in todo)

    def _start(
        self,
        prompt: str,
        max_tokens: int,
        how: dict[str, Any],
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Generation:
        request = GenerationRequest.of(prompt, {**how, "max_tokens": max_tokens})
        return self.generating.generate(request, progress, stop)

    def _replayed(self, prompt: str, moves: str, how: dict[str, Any]) -> tuple[Generation | None, tuple[Move, ...]]:
        """The part of a tree that is kept (None: nothing), and the moves that are left."""
        whole = moves_of(moves)
        with _lock:
            for n in range(len(whole), 0, -1):
                kept = self._trees.get(self._place(prompt, how, whole[:n]))
                if kept is not None:
                    return kept, whole[n:]
        return None, whole

    def _place(self, prompt: str, how: dict[str, Any], moves: tuple[Move, ...]) -> tuple[Any, ...]:
        return self.context.ledger.head(), prompt, json.dumps(how, sort_keys=True, default=str), moves

    def _apply(
        self,
        g: Generation | None,
        prompt: str,
        move: Move,
        how: dict[str, Any],
        progress: Progress,
        stop: Stop,
    ) -> Generation:
        if g is None:
            return self._start(prompt, move.tokens, how, progress, stop)
        if isinstance(move, Extend):
            return self.generating.extend(g, move.tokens, progress, stop)
        if isinstance(move, Replace):
            return self.generating.choose_token(g, move.node, move.token, move.tokens, progress, stop)
        return g.branch(move.leaf)

    def _alone_beside(self, g: Generation, progress: Progress, stop: Stop) -> GenerationPair:
        """As many tokens of the model alone, after the last one that a person chose."""
        if not registry().method(g.method).remembers:
            return GenerationPair(g, None)
        path = g.path() if g.leaf is not None else ()
        after = max((i + 1 for i, node in enumerate(path) if node.chosen), default=0)
        n, node = len(path) - after, path[after - 1].number if after else None
        at = (g.model, g.as_of, tuple(g.decoding.items()), g.ids, tuple(i for p in path[:after] for i in p.reads))
        with _lock:
            kept = self._trees.get(at)
        if kept is None or len(kept.tokens) > n:
            alone = self.generating.without_memory(g, n, node, progress, stop)
        elif kept.ended == "end" or len(kept.tokens) == n:
            alone = kept
        else:
            alone = self.generating.extend(kept, n - len(kept.tokens), progress, stop)
        with _lock:
            self._trees[at] = alone
        return GenerationPair(g, alone, after)


@long_work("generate", stored=False)
def _replay(lab: Lab, progress: Progress, stop: Stop, prompt: str, moves: str, **how: Any) -> GenerationPair:
    return lab.trees.replay(prompt, moves, progress, stop, **how)
