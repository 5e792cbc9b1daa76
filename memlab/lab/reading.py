"""Reading a passage token by token, with memory and without."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cachetools import LRUCache

from memlab.corpus.given import OneText, passage_of
from memlab.errors import InputError
from memlab.lab.posing import How, Posing
from memlab.lm.passage import Passage, passage
from memlab.methods.reading import Progress
from memlab.methods.sources import Order, Read, read
from memlab.methods.tracing import Mixing, step, trace
from memlab.results import Trace, TraceStep

LIMIT = 4000  # tokens of one passage
_lock = threading.Lock()  # pages read from several threads
KEPT = 4  # passages whose states and neighbors are kept, so that other settings only mix


@dataclass(frozen=True)
class Posed:
    """A passage with everything decided."""

    order: Order
    mixing: Mixing
    passage: Passage
    about: dict[str, Any]


class Reading(Posing):
    """Passages."""

    def read(
        self,
        text: OneText,
        method: str = "knn-lm",
        model: str | None = None,
        datastore: str | None = None,
        short_term: int = 0,
        cache: int = 0,
        gate: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        window: int | None = None,
        stride: int | None = None,
        leave_out: str = "self",
        theta: float | None = None,
        lam_cache: float = 0.1,
        cut: bool = False,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
        **settings: Any,
    ) -> Trace:
        """Reads a passage token by token with a causal model and its memory.

        Args:
            text: the passage, at most LIMIT tokens, or the file that holds it (a `Path`, or a string that names a
                file; see `memlab.corpus.given`); with `cut` what is beyond is dropped.
            method: "base", "knn-lm", "spalm" or "spalm+knn-lm".
            model, datastore: by default the bundled ones of the method.
            short_term: M, tokens whose states are carried across segment borders; 0 is off.
            cache: size of the continuous cache (Grave et al. 2017); 0 is off. `theta` and `lam_cache` are its settings.
            gate: kNN-LM: "constant", "learned" or "skip"; SPALM: "learned", "local" (no memory) or "memory" (memory only).
            as_of: the state of the workspace after so many edits; None is now.
            window, stride: how the text is cut for the local context; by default overlapping windows.
            leave_out: "self" (entries that are this text itself), "near" (near-duplicates as well) or "nothing".
            progress, stop: called while it works; a stopped reading gives the trace of what was read.
            settings: see `memlab.methods.knn_lm.Settings` and `memlab.methods.spalm.Settings`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        text = passage_of(text)
        how = How(
            method, model, datastore, short_term, cache, gate, as_of, preset, window, stride, leave_out, theta, lam_cache,
            settings, progress,
        )  # fmt: skip
        self._look_first(how, lambda lm: passage(lm, text, LIMIT, cut))
        posed = self._pose_reading(text, how, cut)
        return trace(self._read(posed, progress, stop), posed.mixing, posed.about)

    def trace_step(self, whole: Trace, position: int) -> TraceStep:
        """Complete distributions, neighbors with their texts and counterfactuals of one token of a trace.

        Raises:
            InputError: no such token, or one that is not predicted.
        """
        if not 0 <= position < len(whole):
            raise InputError(f"There is no token {position}; the passage has tokens 0 to {len(whole) - 1}.")
        if whole[position].loss is None:
            raise InputError(f"Token {position} was not predicted: nothing stands before it, or reading was stopped.")
        asked = {"method": whole.method, "model": whole.model, "datastore": whole.datastore, "as_of": whole.as_of}
        posed = self._pose_reading(whole.text, How.of({**whole.settings, **asked}), cut=True)
        return step(self._read(posed), posed.mixing, whole, position)

    def _pose_reading(self, text: str, how: How, cut: bool) -> Posed:
        """Everything that a reading leaves open, decided."""
        order, mixing, about = self._pose_sources(how)
        posed = Posed(order, mixing, passage(order.lm, text, LIMIT, cut), about)
        if order.search is not None and (split := _in_pieces(posed.passage.text, order.search.store.words)):
            about["notices"] = (*about["notices"], split)
        return posed

    def _read(
        self,
        posed: Posed,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Read:
        """Forward passes and searches, unless this passage was read in the same way before."""
        at = (posed.order, posed.passage.text)
        with _lock:
            kept = self._reads.get(at)
        if kept is None:
            kept = read(posed.order, posed.passage, progress, stop)
            if not kept.stopped:
                with _lock:
                    self._reads[at] = kept
        return kept

    @cached_property
    def _reads(self) -> LRUCache:
        return LRUCache(KEPT)


def _in_pieces(text: str, words: Iterable[str]) -> str | None:
    """A sentence for the person where a passage has words that only the memory holds whole."""
    found = [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    if not found:
        return None
    return (
        f"The model has no token for {', '.join(found[:5])}{' and others' if len(found) > 5 else ''}; memory holds the "
        "whole word. A passage is read in the model's own tokens, so memory gets no credit for it here."
    )
