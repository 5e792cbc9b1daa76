"""Continuing a prompt with memory: token by token, as a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from memlab.errors import InputError, NotFound
from memlab.lab.posing import READING_METHODS, How
from memlab.lab.reading import Reading
from memlab.lm.passage import check_causal
from memlab.lm.prompts import read_prompt
from memlab.methods.copying import LEAST, copied_spans
from memlab.methods.declare import checked
from memlab.methods.generating import Said, generate, generated_step
from memlab.methods.reading import Progress
from memlab.methods.sampling import Decoding
from memlab.methods.sources import Order
from memlab.methods.tracing import Mixing
from memlab.results import Branch, CopiedSpan, Generation, GenerationPair, Node, TraceStep
from memlab.results.moves import Choose, GoOn, then

GENERATING_METHODS = READING_METHODS
_OF_THE_METHOD = ("k", "temperature", "lam", "key", "knn_k", "gate")


class Generating(Reading):
    """Generations."""

    def generate(
        self,
        prompt: str,
        method: str = "knn-lm",
        model: str | None = None,
        datastore: str | None = None,
        max_tokens: int = 40,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        gate: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        copied_from: int = LEAST,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
        **settings: Any,
    ) -> Generation:
        """Continues a prompt token by token with a causal model and its memory.

        Args:
            method: "base" (no memory), "knn-lm", "spalm" or "spalm+knn-lm".
            model, datastore: by default the bundled ones of the method.
            max_tokens: at least 1; prompt and continuation must fit into the model's context.
            temperature, top_p, seed: decoding of the mixture; temperature 0 is greedy.
            gate: kNN-LM: "constant", "learned" or "skip"; SPALM: "learned", "local" (no memory) or "memory".
            as_of: the state of the workspace after so many edits; None is now.
            copied_from: from how many tokens on a span that stands in a remembered passage counts as copied.
            progress, stop: called at every token; a stopped generation gives what was said.
            settings: see `memlab.methods.knn_lm.Settings` and `memlab.methods.spalm.Settings`; the temperature of
                the *memory* is called `knn_temperature` here.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        decoding = checked(Decoding, {"temperature": temperature, "top_p": top_p, "seed": seed})
        if isinstance(copied_from, bool) or copied_from < 1:
            raise InputError(f"copied_from is {copied_from!r}; allowed is a whole number of tokens from 1 on.")
        self._look_first(How(method, model, datastore), lambda lm: read_prompt(lm, prompt))
        order, mixing, about = self._pose_generation(method, model, datastore, gate, as_of, preset, settings, progress)
        read = read_prompt(order.lm, prompt)
        room = order.limit - len(read.ids)
        if room < 1:
            raise InputError(
                f"The prompt fills the context of {order.lm.name}: {order.limit} tokens, special ones included. Shorten it."
            )
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or not 1 <= max_tokens <= room:
            raise InputError(
                f"max_tokens is {max_tokens}; after this prompt of {len(read.ids)} tokens {order.lm.name} has room for "
                f"1 to {room}."
            )
        unmet = [t.text for t in read.tokens if t.known is False]
        if unmet:
            note = f"{order.lm.name} has never met: {', '.join(unmet)}. It reads such words letter by letter."
            about["notices"] = (*about["notices"], note)
        empty = _nothing_said(read.text, read.ids, decoding, copied_from, about)
        return self._go_on(empty, order, mixing, None, None, max_tokens, progress, stop)

    def generate_pair(self, prompt: str, method: str = "knn-lm", **how: Any) -> GenerationPair:
        """With memory and without: the same prompt, model, decoding and seed. Arguments and errors as `generate`.

        Without memory is the same model alone; of a SPALM, that is its gate at 1.
        """
        if method == "base":
            raise InputError("Without memory there is nothing to compare with. Choose knn-lm, spalm or spalm+knn-lm.")
        remembering = self.generate(prompt, method, **how)
        return GenerationPair(remembering, self.generate_without(remembering, remembering.max_tokens, **_ways(how)))

    def generate_without(
        self,
        generation: Generation,
        max_tokens: int,
        after: int | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Generation:
        """The same decoding by the same model without memory, behind the prompt or behind the node `after`.

        Raises:
            InputError: no such node, or the context is full.
        """
        g = generation
        order, mixing, about = self._pose_generation("base", g.model, None, None, g.as_of, "calibrated", {})
        path = () if after is None else g.path(node_of(g, after).number)
        text, ids = _read_so_far(g, path)
        empty = _nothing_said(text, ids, Decoding(**g.decoding), g.copied_from, about)
        return self._go_on(empty, order, mixing, None, None, max_tokens, progress, stop)

    def continue_generation(
        self,
        generation: Generation,
        max_tokens: int = 1,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Generation:
        """Goes on at the end of the branch that `generation` shows, as it would have gone on at once.

        Raises:
            InputError: the branch ended with the model's end token, or its context is full.
        """
        if generation.ended == "end":
            raise InputError("The model ended the text here. Choose another token at some step, and go on from there.")
        return self._again(generation, generation.leaf, None, max_tokens, progress, stop)

    def choose_token(
        self,
        generation: Generation,
        node: int,
        token: int | str,
        max_tokens: int = 1,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Generation:
        """Says `token` (an id, or a word) in place of that of `node`, and goes on from there; all branches stay.

        `max_tokens` counts the chosen one. A token that was tried there before leads to its branch.

        Raises:
            InputError: no such node. NotFound: no such token.
        """
        there = node_of(generation, node)
        word = id_of(generation, there, token)
        for other in generation.nodes:
            if other.parent == there.parent and other.token.id == word:
                return generation.branch(_leaf_below(generation, other.number))
        return self._again(generation, there.parent, word, max_tokens, progress, stop)

    def generation_step(self, generation: Generation, node: int) -> TraceStep:
        """Complete distributions, neighbors with their texts and counterfactuals of one token of the tree.

        Raises:
            InputError: no such node.
        """
        there = node_of(generation, node)
        order, mixing, _ = self._pose_again(generation)
        before = () if there.parent is None else generation.path(there.parent)
        _, ids = _read_so_far(generation, before)
        return generated_step(order, mixing, generation.words, ids, there.token)

    def _pose_generation(
        self,
        method: str,
        model: str | None,
        datastore: str | None,
        gate: str | None,
        as_of: int | None,
        preset: str,
        settings: dict[str, Any],
        progress: Progress = lambda fraction, message: None,
    ) -> tuple[Order, Mixing, dict[str, Any]]:
        """As a reading is posed, without what only a passage has."""
        if method not in GENERATING_METHODS:
            raise NotFound.named("method of generating", method, GENERATING_METHODS)
        given = dict(settings)
        if "knn_temperature" in given:
            given["temperature"] = given.pop("knn_temperature")
        order, mixing, about = self._pose_sources(
            How(
                method,
                model,
                datastore,
                gate=gate,
                as_of=as_of,
                preset=preset,
                leave_out="nothing",
                settings=given,
                progress=progress,
            )
        )
        check_causal(order.lm)
        kept = {name: value for name, value in about["settings"].items() if name in _OF_THE_METHOD}
        if method == "base":
            kept = {}
        elif method == "knn-lm":
            kept["gate"] = about["gate_kind"]
        return order, mixing, {**about, "settings": kept}

    def _pose_again(self, g: Generation) -> tuple[Order, Mixing, dict[str, Any]]:
        given = {name: value for name, value in g.settings.items() if name != "gate"}
        return self._pose_generation(
            g.method, g.model, g.datastore, g.settings.get("gate"), g.as_of, "calibrated", given
        )

    def _again(
        self,
        g: Generation,
        parent: int | None,
        token: int | None,
        max_tokens: int,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Generation:
        order, mixing, _ = self._pose_again(g)
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
            raise InputError(f"max_tokens is {max_tokens!r}; allowed is a whole number from 1 on.")
        return self._go_on(g, order, mixing, parent, token, max_tokens, progress, stop)

    def _go_on(
        self,
        g: Generation,
        order: Order,
        mixing: Mixing,
        parent: int | None,
        token: int | None,
        max_tokens: int,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Generation:
        """The tree with a branch that goes on behind `parent`."""
        path = () if parent is None else g.path(parent)
        text, ids = _read_so_far(g, path)
        if len(ids) >= order.limit:
            raise InputError(
                f"The context of {order.lm.name} is full: {order.limit} tokens. Choose another token at an earlier step."
            )
        decoding = Decoding(**g.decoding)
        made = generate(order, mixing, g.words, ids, text, len(path), decoding, max_tokens, token, progress, stop)
        nodes = (*g.nodes, *_nodes(made.said, len(g.nodes), parent))
        if not made.said:  # stopped before the first
            return replace(g, max_tokens=max_tokens, ms=made.ms)
        leaf, n = len(nodes) - 1, len(made.said)
        move = GoOn(n) if token is None else Choose(_sibling(g, parent), token, n)
        grown = replace(g, nodes=nodes, leaf=leaf, max_tokens=max_tokens, moves=then(g.moves, move), ms=made.ms)
        grown = replace(grown, notices=_with_unsayable(grown, order.lm.V, order.lm.name))
        spans: tuple[CopiedSpan, ...] = ()
        if order.search is not None:
            shown = grown.path()
            words, texts = [n.token.id for n in shown], [n.token.text for n in shown]
            spans = copied_spans(order.search.store, words, texts, [n.votes for n in shown], g.copied_from)
        others = [b for b in g.branches if b.leaf not in (parent, leaf)]
        return replace(grown, branches=(*others, Branch(leaf, made.ended, spans)))


def _ways(how: dict[str, Any]) -> dict[str, Any]:
    return {name: how[name] for name in ("progress", "stop") if name in how}


def _nothing_said(
    prompt: str, ids: Sequence[int], decoding: Decoding, copied_from: int, about: dict[str, Any]
) -> Generation:
    """A prompt before anything is said."""
    return Generation(
        prompt=prompt, ids=tuple(ids), decoding=asdict(decoding), max_tokens=0, copied_from=copied_from, nodes=(),
        branches=(Branch(None, "stopped"),), leaf=None, **about,
    )  # fmt: skip


def node_of(g: Generation, number: int) -> Node:
    """Raises InputError where there is none."""
    if not 0 <= number < len(g.nodes):
        raise InputError(f"There is no node {number}; the tree has nodes 0 to {len(g.nodes) - 1}.")
    return g.nodes[number]


def _read_so_far(g: Generation, path: Sequence[Node]) -> tuple[str, list[int]]:
    """The prompt with some of what was said: as text, and as the ids that the model has read."""
    return g.prompt + "".join(n.token.text for n in path), [*g.ids, *(i for n in path for i in n.reads)]


def _nodes(said: list[Said], first: int, parent: int | None) -> list[Node]:
    """New nodes in a row."""
    before = [parent, *range(first, first + len(said))]
    return [Node(first + i, before[i], s.token, s.reads, s.chosen, s.votes) for i, s in enumerate(said)]


def _sibling(g: Generation, parent: int | None) -> int:
    """The node that was said first behind a parent."""
    return next(node.number for node in g.nodes if node.parent == parent)


def _with_unsayable(g: Generation, V: int, model: str) -> tuple[str, ...]:
    said = dict.fromkeys(node.token.id for node in g.nodes if node.token.id >= V)
    notes = (f"{model} cannot say {g.words[i]}; its memory can. It reads the word in pieces." for i in said)
    return tuple(dict.fromkeys((*g.notices, *notes)))


def _leaf_below(g: Generation, node: int) -> int | None:
    """The leaf of a branch through a node: the one that was made last."""
    through = [b.leaf for b in g.branches if b.leaf is not None and any(n.number == node for n in g.path(b.leaf))]
    return through[-1]


def id_of(g: Generation, node: Node, token: int | str) -> int:
    """The id of a word, first among those that were probable there. Raises NotFound."""
    if isinstance(token, int):
        if not 0 <= token < len(g.words):
            raise NotFound(f"There is no token {token}; allowed is 0 to {len(g.words) - 1}.")
        return token
    near = [w for side in ("mixture", "lm", "knn") for w in node.token.top.get(side, ())]
    for word in near:
        if word.token == token.strip():
            return word.id
    try:
        return list(g.words).index(token.strip())
    except ValueError:
        raise NotFound(f"There is no token {token!r} for {g.model}. Take one of its words, or an id.") from None
