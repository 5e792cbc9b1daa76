"""Reading a passage token by token, with memory and without."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from memlab.corpus.readers import read_texts
from memlab.corpus.received import drop_texts, keep_texts
from memlab.declare import Field
from memlab.errors import InputError
from memlab.lab.context import Context
from memlab.lab.jobs import long_work
from memlab.lab.resolving import Resolver, reading_request
from memlab.lm.passage import Passage, passage
from memlab.memory import overlap
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.passes import Order, Read, read
from memlab.reading.reader import Request
from memlab.reading.states import Search
from memlab.reading.tracing import Mixing, step, trace
from memlab.results import About, Article, Trace, TraceStep
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab

LONGEST_LITERAL = 1_000  # characters of a passage that is written into the code that reads it
DEFAULTS = {"short_term": (0,), "cache": (0,), "leave_out": ("self",)}  # left out of the code
LIMIT = 4000  # tokens of one passage
_lock = threading.Lock()  # pages read from several threads
KEPT = 4  # passages whose states and neighbors are kept, so that other settings only mix


@dataclass(frozen=True)
class ResolvedReading:
    """A passage with all defaults resolved."""

    order: Order
    mixing: Mixing
    passage: Passage
    about: About


class Reading:
    """Passages, read token by token."""

    def __init__(self, context: Context, resolver: Resolver) -> None:
        self.context, self.resolver = context, resolver
        self._reads: LRUCache = LRUCache(KEPT)

    def read(
        self,
        text: str,
        request: Request,
        cut: bool = False,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Trace:
        """Reads a passage token by token with a causal model and its memory; see `Lab.read`.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        request = replace(request, progress=progress)
        self.resolver.check_text_first(request, lambda lm: passage(lm, text, LIMIT, cut))
        resolved = self._resolve(text, request, cut)
        return trace(self._read(resolved, progress, stop), resolved.mixing, resolved.about)

    def step(self, whole: Trace, position: int) -> TraceStep:
        """Complete distributions, neighbors with their texts and counterfactuals of one token of a trace.

        Raises:
            InputError: no such token, or one that is not predicted.
        """
        if not 0 <= position < len(whole):
            raise InputError(f"There is no token {position}; the passage has tokens 0 to {len(whole) - 1}.")
        if whole[position].loss is None:
            raise InputError(f"Token {position} was not predicted: nothing precedes it, or reading was stopped.")
        asked = {"method": whole.method, "model": whole.model, "datastore": whole.datastore, "as_of": whole.as_of}
        resolved = self._resolve(whole.text, reading_request("read", {**whole.settings, **asked}), cut=True)
        return step(self._read(resolved), resolved.mixing, whole, position)

    def settings(
        self, method: str, model: str | None = None, datastore: str | None = None, preset: str = "calibrated"
    ) -> list[tuple[Field, Any]]:
        """The settings of a method for reading, each with its default (by `preset`) for this model and datastore.

        Raises:
            MemlabError: no such method, or a model and datastore that do not belong together.
        """
        return self.resolver.settings("read", method, model, datastore, preset)

    def code(self, trace: Trace) -> str:
        """Python code that makes the same trace in a notebook; a long passage is read from a file."""
        if len(trace.text) <= LONGEST_LITERAL:
            before, text = "", repr(trace.text)
        else:
            before, text = (
                "from pathlib import Path\n\n",
                'Path("passage.txt").read_text("utf-8")  # save it there first',
            )
        given = {
            name: value
            for name, value in trace.settings.items()
            if name not in registry().method(trace.method).only_ask and value not in DEFAULTS.get(name, (None,))
        }
        if not trace.settings.get("cache"):
            given.pop("lam_cache", None)
        settings = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return (
            f"{before}from memlab import Lab\n\n"
            f"text = {text}\n"
            f"lab = Lab.open(workspace={trace.workspace!r})\n"
            f"trace = lab.read(text, method={trace.method!r}, model={trace.model!r}, datastore={trace.datastore!r},\n"
            f"                 as_of={trace.as_of}{', ' + settings if settings else ''})\n"
            'trace.summary["perplexity"]  # trace[0] is its first token; trace.to_dict() has everything\n'
        )

    def is_cached(self, text: str, cut: bool = False, **how: Any) -> bool:
        """Whether states and neighbors of this passage are kept, so that `read` with these arguments only mixes.

        Raises what `read` would raise for them.
        """
        resolved = self._resolve(text, reading_request("read", how), cut)
        return (resolved.order, resolved.passage.text) in self._reads

    def text_of_file(self, name: str, content: bytes) -> str:
        """The text of a file that a page received, in any form that can be read. Raises InputError."""
        kept = keep_texts(self.context.home, [(name, content)])
        try:
            return "\n\n".join(article.text for article in read_texts(kept))
        finally:
            drop_texts(self.context.home, kept)

    def _resolve(self, text: str, request: Request, cut: bool) -> ResolvedReading:
        """The passage, model, memory and mixing of a reading."""
        r = self.resolver.resolve(request)
        whole, about = passage(r.order.lm, text, LIMIT, cut), r.about
        if r.order.search is not None and (split := _in_pieces(whole.text, r.order.search.store.words)):
            about = replace(about, notices=(*about.notices, split))
        if r.order.search is not None and (same := self._same(r.order.search, whole.text)):
            about = replace(about, notices=(same, *about.notices))
        return ResolvedReading(r.order, r.mixing, whole, about)

    def _same(self, search: Search, text: str) -> str | None:
        """The notice for a passage that is mostly in the memory; computed once for each passage and memory."""
        at = ("overlap", search.store, text, search.leave_out)
        return self.context.cache.get(at, lambda: overlap.notice(search.store, text, search.leave_out))

    def _read(
        self,
        resolved: ResolvedReading,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> Read:
        """Forward passes and searches, unless this passage was read in the same way before."""
        at = (resolved.order, resolved.passage.text)
        with _lock:
            kept = self._reads.get(at)
        if kept is None:
            kept = read(resolved.order, resolved.passage, progress, stop)
            if not kept.stopped:
                with _lock:
                    self._reads[at] = kept
        return kept


def _in_pieces(text: str, words: Iterable[str]) -> str | None:
    """A sentence for the person where a passage has memory-only words."""
    found = [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    if not found:
        return None
    return (
        f"The model has no token for {', '.join(found[:5])}{' and others' if len(found) > 5 else ''}; memory holds the "
        "whole word. A passage is read in the model's own tokens, so memory gets no credit for it here."
    )


@long_work("read", stored=False)
def _read(lab: Lab, progress: Progress, stop: Stop, text: str, **how: Any) -> Trace:
    return lab.read(Article("passage", "passage", text), progress=progress, stop=stop, **how)
