"""Growing a tree of generations again from its moves, beside it the same model without memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any

from cachetools import LRUCache

from memlab.lab.generating import Generating, id_of, node_of
from memlab.lab.jobs import long_work
from memlab.methods.declare import Field, fields
from memlab.methods.reading import Progress
from memlab.methods.sampling import Decoding
from memlab.results import Generation, GenerationPair
from memlab.results.moves import Choose, GoOn, Move, moves_of

KEPT = 32  # trees, so that one move more says only what is new
_WITH = 0.7  # of the progress: the rest is the model alone
_lock = threading.Lock()  # pages grow trees from several threads


class Growing(Generating):
    """Trees."""

    def grow(
        self,
        prompt: str,
        moves: str,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
        **how: Any,
    ) -> GenerationPair:
        """The tree that `moves` describe; beside it the model alone, from the last token on that a person chose.

        Args:
            moves: see `memlab.results.moves`; `generation.moves` is how a tree was grown.
            how: as for `generate`, without max_tokens.
            progress, stop: called at every token; a stopped tree is what was grown, and its moves say so.

        Raises:
            MemlabError: no moves, moves that do not fit this prompt and memory, or whatever `generate` refuses.
        """
        g, todo = self._grown(prompt, moves, how)
        tokens, said = sum(move.tokens for move in todo) or 1, 0
        for move in todo:
            share = _part(progress, _WITH * said / tokens, _WITH * (said + move.tokens) / tokens)
            g, said = self._moved(g, prompt, move, how, share, stop), said + move.tokens
            if g.ended == "stopped":
                break
            with _lock:
                self._trees[self._place(prompt, how, g.moves)] = g
        assert g is not None
        return self._alone_beside(g, _part(progress, _WITH, 1.0), stop)

    def tokens_left(self, prompt: str, moves: str, **how: Any) -> int:
        """How many tokens `grow` would have to say with memory: what was grown before is kept.

        Raises whatever `grow` would raise before its first token.
        """
        g, todo = self._grown(prompt, moves, how)
        if g is None:
            self.generate(prompt, max_tokens=todo[0].tokens, stop=lambda: True, **how)
        return sum(move.tokens for move in todo)

    def decoding_settings(self) -> list[Field]:
        """How words are chosen: the settings of decoding, as a page shows them."""
        return fields(Decoding)

    def causal_datastores(self) -> list[str]:
        """The datastores whose keys come from a causal model."""
        kinds = {info.name: info.kind for info in self.models()}
        return [store.name for store in self.datastores() if kinds.get(store.model) == "causal"]

    def token_named(self, generation: Generation, node: int, word: str) -> int:
        """The id of a word that could be said in place of a node. Raises NotFound, InputError."""
        return id_of(generation, node_of(generation, node), word)

    def _grown(self, prompt: str, moves: str, how: dict[str, Any]) -> tuple[Generation | None, tuple[Move, ...]]:
        """What is kept of a tree, and the moves that are left."""
        whole = moves_of(moves)
        with _lock:
            for n in range(len(whole), 0, -1):
                kept = self._trees.get(self._place(prompt, how, whole[:n]))
                if kept is not None:
                    return kept, whole[n:]
        return None, whole

    def _place(self, prompt: str, how: dict[str, Any], moves: tuple[Move, ...]) -> tuple[Any, ...]:
        return self._ledger.head(), prompt, json.dumps(how, sort_keys=True, default=str), moves

    def _moved(
        self,
        g: Generation | None,
        prompt: str,
        move: Move,
        how: dict[str, Any],
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Generation:
        if g is None:
            return self.generate(prompt, max_tokens=move.tokens, progress=progress, stop=stop, **how)
        if isinstance(move, GoOn):
            return self.continue_generation(g, move.tokens, progress, stop)
        if isinstance(move, Choose):
            return self.choose_token(g, move.node, move.token, move.tokens, progress, stop)
        return g.branch(move.leaf)

    def _alone_beside(self, g: Generation, progress: Progress, stop: Callable[[], bool]) -> GenerationPair:
        """As many tokens of the model alone, behind the last one that a person chose."""
        if g.method == "base":
            return GenerationPair(g, None)
        path = g.path() if g.leaf is not None else ()
        after = max((i + 1 for i, node in enumerate(path) if node.chosen), default=0)
        n, node = len(path) - after, path[after - 1].number if after else None
        at = (g.model, g.as_of, tuple(g.decoding.items()), g.ids, tuple(i for p in path[:after] for i in p.reads))
        with _lock:
            kept = self._trees.get(at)
        if kept is None or len(kept.tokens) > n:
            alone = self.generate_without(g, n, node, progress, stop)
        elif kept.ended == "end" or len(kept.tokens) == n:
            alone = kept
        else:
            alone = self.continue_generation(kept, n - len(kept.tokens), progress, stop)
        with _lock:
            self._trees[at] = alone
        return GenerationPair(g, alone, after)

    @cached_property
    def _trees(self) -> LRUCache:
        return LRUCache(2 * KEPT)


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda fraction, message: progress(low + fraction * (high - low), message)


@long_work("generate", stored=False)
def _grow(
    lab: Growing, progress: Progress, stop: Callable[[], bool], prompt: str, moves: str, **how: Any
) -> GenerationPair:
    return lab.grow(prompt, moves, progress, stop, **how)
