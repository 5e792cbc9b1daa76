"""Continuing a prompt with memory: token by token, as a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from memlab.declare import Field, checked, fields
from memlab.errors import InputError, NotFound
from memlab.lab.asking import split_arguments
from memlab.lab.resolving import Resolved, Resolver
from memlab.lm.passage import check_causal
from memlab.lm.prompts import read_prompt
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.copying import LEAST, copied_spans
from memlab.reading.decoding import Decoding
from memlab.reading.generating import NewToken, Start, generate, generated_step
from memlab.reading.reader import Request
from memlab.results import About, Branch, CopiedSpan, Generation, GenerationPair, Node, TraceStep
from memlab.results.moves import Extend, Replace, then
from memlab.systems.registry import registry


@dataclass(frozen=True)
class GenerationRequest:
    """Unresolved options of a generation; see `Lab.generate` for each field."""

    prompt: str
    method: str | None = None
    model: str | None = None
    datastore: str | None = None
    max_tokens: int = 40
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    gate: str | None = None
    as_of: int | None = None
    preset: str = "calibrated"
    copied_from: int = LEAST
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, prompt: str, arguments: Mapping[str, Any]) -> GenerationRequest:
        """From keyword arguments of `Lab.generate`: what is not a field here is a setting of the method."""
        own, settings = split_arguments(cls, arguments)
        return cls(prompt, **own, settings=settings)

    def reading(self, progress: Progress = no_progress) -> Request:
        """The same options as a request to a method; `knn_temperature` is the temperature of the memory."""
        given = dict(self.settings)
        if "knn_temperature" in given:
            given["temperature"] = given.pop("knn_temperature")
        return Request(
            "generate",
            self.method or "",
            self.model,
            self.datastore,
            gate=self.gate,
            as_of=self.as_of,
            preset=self.preset,
            leave_out="nothing",
            settings=given,
            progress=progress,
        )


@dataclass(frozen=True)
class Extension:
    """A branch to be made: after the node `parent` (None: the prompt), starting with `token` (None: the decoded one)."""

    parent: int | None
    token: int | None
    max_tokens: int


class Generating:
    """Generations: prompts continued token by token, each a tree of branches."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def generate(
        self,
        request: GenerationRequest,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Generation:
        """Continues a prompt token by token with a causal model and its memory; see `Lab.generate`.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        prompt, max_tokens, copied_from = request.prompt, request.max_tokens, request.copied_from
        decoding = checked(Decoding, {"temperature": request.temperature, "top_p": request.top_p, "seed": request.seed})
        if isinstance(copied_from, bool) or not isinstance(copied_from, int) or copied_from < 1:
            raise InputError(f"copied_from is {copied_from!r}; allowed is a whole number of tokens from 1 on.")
        self.resolver.check_text_first(request.reading(), lambda lm: read_prompt(lm, prompt))
        resolved = self.resolve(request, progress)
        order, about = resolved.order, resolved.about
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
            about = replace(about, notices=(*about.notices, note))
        empty = _empty_tree(read.text, read.ids, decoding, copied_from, about)
        return self._extend(empty, resolved, Extension(None, None, max_tokens), progress, stop)

    def pair(
        self,
        prompt: str,
        method: str | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **how: Any,
    ) -> GenerationPair:
        """With memory and without: the same prompt, model, decoding and seed. Arguments as `Lab.generate`.

        Without memory is the same model alone.

        Raises:
            InputError: the method has no memory. MemlabError: as `Lab.generate`.
        """
        request = GenerationRequest.of(prompt, {"method": method, **how})
        if request.method and not registry().method(request.method).remembers:
            others = ", ".join(m.name for m in registry().able("generate").values() if m.remembers)
            raise InputError(f"Without memory there is nothing to compare with. Choose {others}.")
        remembering = self.generate(request, progress, stop)
        alone = self.without_memory(remembering, remembering.max_tokens, None, progress, stop)
        return GenerationPair(remembering, alone)

    def without_memory(
        self,
        generation: Generation,
        max_tokens: int,
        after: int | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Generation:
        """The same decoding by the same model without memory, after the prompt or after the node `after`.

        Raises:
            InputError: no such node, or the context is full.
        """
        g = generation
        alone = next(m.name for m in registry().able("generate").values() if not m.remembers)
        resolved = self.resolve(GenerationRequest(g.prompt, alone, g.model, as_of=g.as_of))
        path = () if after is None else g.path(node_of(g, after).number)
        text, ids = _text_and_ids(g, path)
        empty = _empty_tree(text, ids, Decoding(**g.decoding), g.copied_from, resolved.about)
        return self._extend(empty, resolved, Extension(None, None, max_tokens), progress, stop)

    def extend(
        self,
        generation: Generation,
        max_tokens: int = 1,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Generation:
        """Continues at the end of the branch that `generation` shows, as if it had not been interrupted.

        Raises:
            InputError: the branch ended with the model's end token, or its context is full.
        """
        if generation.ended == "end":
            raise InputError(
                "The model ended the text here. Choose another token at some step, and continue from there."
            )
        return self._resume(generation, Extension(generation.leaf, None, max_tokens), progress, stop)

    def choose_token(
        self,
        generation: Generation,
        node: int,
        token: int | str,
        max_tokens: int = 1,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Generation:
        """Puts `token` (an id, or a word) in place of that of `node`, and continues from there; all branches stay.

        `max_tokens` counts the chosen one. A token that was tried there before leads to its branch.

        Raises:
            InputError: no such node. NotFound: no such token.
        """
        there = node_of(generation, node)
        word = id_of(generation, there, token)
        for other in generation.nodes:
            if other.parent == there.parent and other.token.id == word:
                return generation.branch(_leaf_below(generation, other.number))
        return self._resume(generation, Extension(there.parent, word, max_tokens), progress, stop)

    def step(self, generation: Generation, node: int) -> TraceStep:
        """Complete distributions, neighbors with their texts and counterfactuals of one token of the tree.

        Raises:
            InputError: no such node.
        """
        there = node_of(generation, node)
        r = self._resolve_again(generation)
        before = () if there.parent is None else generation.path(there.parent)
        _, ids = _text_and_ids(generation, before)
        return generated_step(r.order, r.mixing, generation.words, ids, there.token)

    def decoding_settings(self) -> list[Field]:
        """The settings of decoding (temperature, top-p, seed), as a page shows them; raises nothing."""
        return fields(Decoding)

    def token_named(self, generation: Generation, node: int, word: str) -> int:
        """The id of a word that could replace that of a node. Raises NotFound, InputError."""
        return id_of(generation, node_of(generation, node), word)

    def resolve(self, request: GenerationRequest, progress: Progress = no_progress) -> Resolved:
        """Fills in the defaults as for a reading, without the settings that apply only to passages.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        r = self.resolver.resolve(request.reading(progress))
        check_causal(r.order.lm)
        how = registry().method(r.about.method)
        shown = {f.name for f in fields(how.settings)} - {*how.only_ask}
        kept = {name: value for name, value in r.about.settings.items() if name in shown}
        if how.gates and "gate" not in kept:
            kept["gate"] = r.about.settings.get("gate") or how.gates[0]
        return replace(r, about=replace(r.about, settings=kept))

    def _resolve_again(self, g: Generation) -> Resolved:
        given = {name: value for name, value in g.settings.items() if name != "gate"}
        gate = g.settings.get("gate")
        return self.resolve(
            GenerationRequest(g.prompt, g.method, g.model, g.datastore, gate=gate, as_of=g.as_of, settings=given)
        )

    def _resume(self, g: Generation, by: Extension, progress: Progress, stop: Stop) -> Generation:
        resolved = self._resolve_again(g)
        if isinstance(by.max_tokens, bool) or not isinstance(by.max_tokens, int) or by.max_tokens < 1:
            raise InputError(f"max_tokens is {by.max_tokens!r}; allowed is a whole number from 1 on.")
        return self._extend(g, resolved, by, progress, stop)

    def _extend(self, g: Generation, resolved: Resolved, by: Extension, progress: Progress, stop: Stop) -> Generation:
        """The tree with one more branch."""
        order = resolved.order
        parent, token, max_tokens = by.parent, by.token, by.max_tokens
        path = () if parent is None else g.path(parent)
        text, ids = _text_and_ids(g, path)
        if len(ids) >= order.limit:
            raise InputError(
                f"The context of {order.lm.name} is full: {order.limit} tokens. Choose another token at an earlier step."
            )
        decoding = Decoding(**g.decoding)
        begin = Start(tuple(ids), text, len(path), token)
        made = generate(order, resolved.mixing, g.words, begin, decoding, max_tokens, progress, stop)
        nodes = (*g.nodes, *_nodes(made.tokens, len(g.nodes), parent))
        if not made.tokens:  # stopped before the first
            return replace(g, max_tokens=max_tokens, ms=made.ms)
        leaf, n = len(nodes) - 1, len(made.tokens)
        move = Extend(n) if token is None else Replace(_sibling(g, parent), token, n)
        grown = replace(g, nodes=nodes, leaf=leaf, max_tokens=max_tokens, moves=then(g.moves, move), ms=made.ms)
        grown = replace(grown, notices=_with_memory_only(grown, order.lm.V, order.lm.name))
        spans: tuple[CopiedSpan, ...] = ()
        if order.search is not None:
            shown = grown.path()
            words, texts = [n.token.id for n in shown], [n.token.text for n in shown]
            spans = copied_spans(order.search.store, words, texts, [n.votes for n in shown], g.copied_from)
        others = [b for b in g.branches if b.leaf not in (parent, leaf)]
        return replace(grown, branches=(*others, Branch(leaf, made.ended, spans)))


def _empty_tree(prompt: str, ids: Sequence[int], decoding: Decoding, copied_from: int, about: About) -> Generation:
    """A prompt before anything is generated."""
    return Generation(
        prompt=prompt, ids=tuple(ids), decoding=asdict(decoding), max_tokens=0, copied_from=copied_from, nodes=(),
        branches=(Branch(None, "stopped"),), leaf=None, **vars(about),
    )  # fmt: skip


def node_of(g: Generation, number: int) -> Node:
    """The node of that number. Raises InputError where there is none."""
    if not 0 <= number < len(g.nodes):
        raise InputError(f"There is no node {number}; the tree has nodes 0 to {len(g.nodes) - 1}.")
    return g.nodes[number]


def _text_and_ids(g: Generation, path: Sequence[Node]) -> tuple[str, list[int]]:
    """The prompt with some of what was generated: as text, and as the ids that the model has read."""
    return g.prompt + "".join(n.token.text for n in path), [*g.ids, *(i for n in path for i in n.reads)]


def _nodes(tokens: list[NewToken], first: int, parent: int | None) -> list[Node]:
    """New nodes, each the child of the one before."""
    before = [parent, *range(first, first + len(tokens))]
    return [Node(first + i, before[i], s.token, s.reads, s.chosen, s.votes) for i, s in enumerate(tokens)]


def _sibling(g: Generation, parent: int | None) -> int:
    """The first generated node after a parent."""
    return next(node.number for node in g.nodes if node.parent == parent)


def _with_memory_only(g: Generation, V: int, model: str) -> tuple[str, ...]:
    """The notices, with one for each generated word that the model has no token for."""
    ids = dict.fromkeys(node.token.id for node in g.nodes if node.token.id >= V)
    notes = (f"{model} cannot say {g.words[i]}; its memory can. It reads the word in pieces." for i in ids)
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
        raise NotFound(f"There is no token {token!r} for {g.model}. Give one of its words, or an id.") from None
