"""Reading a passage token by token, with memory and without."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from cachetools import LRUCache

from memlab.errors import InputError, NotFound
from memlab.lab.gating import Gating, whole_store
from memlab.lm.catalogue import BUNDLED_SPALM, load, load_encoder
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Segments, beyond_training, check_causal, passage, windows, with_memory
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Datastore
from memlab.memory.leave_out import LEAVE_OUT
from memlab.memory.retrieval import check_k
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import checked
from memlab.methods.reading import Progress, Search
from memlab.methods.sources import Order, Read, read
from memlab.methods.spalm import GATES as SPALM_GATES
from memlab.methods.spalm import check_spalm
from memlab.methods.tracing import Mixing, step, trace
from memlab.results import Trace, TraceStep

READING_METHODS = ("base", "knn-lm", "spalm", "spalm+knn-lm")
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


class Reading(Gating):
    """Passages."""

    def read(
        self,
        text: str,
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
            text: the passage, at most LIMIT tokens; with `cut` what is beyond is dropped.
            method: "base", "knn-lm", "spalm" or "spalm+knn-lm".
            model, datastore: by default the bundled ones of the method.
            short_term: M, tokens whose states are carried across segment borders; 0 is off.
            cache: size of the continuous cache (Grave et al. 2017); 0 is off. `theta` and `lam_cache` are its settings.
            gate: kNN-LM: "constant", "learned" or "skip"; SPALM: "learned", "local" (no memory) or "memory" (memory only).
            as_of: the state of the workspace after so many edits; None is now.
            window, stride: how the text is cut for the local context; by default overlapping windows.
            leave_out: "self" (entries that are this text itself), "near" (near-duplicates as well) or "nothing".
            progress, stop: called while it works; a stopped reading gives the trace of what was read.
            settings: of kNN-LM or SPALM, see `lab.methods()`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        posed = self._pose_reading(
            text, method, model, datastore, short_term, cache, gate, as_of, preset, window, stride, leave_out, theta,
            lam_cache, cut, settings,
        )  # fmt: skip
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
        asked = dict(whole.settings)
        posed = self._pose_reading(
            whole.text, whole.method, whole.model, whole.datastore, asked.pop("short_term"), asked.pop("cache"),
            asked.pop("gate"), whole.as_of, "calibrated", asked.pop("window"), asked.pop("stride"), asked.pop("leave_out"),
            asked.pop("theta"), asked.pop("lam_cache"), True, asked,
        )  # fmt: skip
        return step(self._read(posed), posed.mixing, whole, position)

    def _pose_reading(
        self,
        text: str,
        method: str,
        model: str | None,
        datastore: str | None,
        short_term: int,
        cache: int,
        gate: str | None,
        as_of: int | None,
        preset: str,
        window: int | None,
        stride: int | None,
        leave_out: str,
        theta: float | None,
        lam_cache: float,
        cut: bool,
        settings: dict[str, Any],
    ) -> Posed:
        """Everything that a reading leaves open, decided. Arguments as in `read`."""
        order, mixing, about = self._pose_sources(
            method, model, datastore, short_term, cache, gate, as_of, preset, window, stride, leave_out, theta,
            lam_cache, settings,
        )  # fmt: skip
        posed = Posed(order, mixing, passage(order.lm, text, LIMIT, cut), about)
        if order.search is not None and (split := _in_pieces(posed.passage.text, order.search.store.words)):
            about["notices"] = (*about["notices"], split)
        return posed

    def _pose_sources(
        self,
        method: str,
        model: str | None,
        datastore: str | None,
        short_term: int,
        cache: int,
        gate: str | None,
        as_of: int | None,
        preset: str,
        window: int | None,
        stride: int | None,
        leave_out: str,
        theta: float | None,
        lam_cache: float,
        settings: dict[str, Any],
    ) -> tuple[Order, Mixing, dict[str, Any]]:
        """Who reads, which memory is searched, how they are mixed, and the fields of a trace that say so."""
        if method not in READING_METHODS:
            raise NotFound.named("method of reading", method, READING_METHODS)
        if leave_out not in LEAVE_OUT:
            raise InputError(f"leave_out is {leave_out!r}; allowed is one of {', '.join(LEAVE_OUT)}.")
        if cache < 0 or not 0 <= lam_cache <= 1 or (theta is not None and theta <= 0):
            raise InputError(
                "The continuous cache needs a size of 0 (off) or more, lam_cache from 0 to 1, theta above 0."
            )
        mixing = Mixing(cache=cache, theta=theta, lam_cache=lam_cache)
        search, asks, gate_kind, s, key = None, None, "none", None, "last"
        if method == "base":
            lm = base = load(model or self._bundled_for("causal"))
            if settings:
                raise InputError(f"Without memory there is no setting {next(iter(settings))!r}.")
            store_name, head, notices = None, self._changes(as_of).head, list[str]()
        elif method == "knn-lm":
            if model is not None:
                check_causal(load(model))
            store_name = datastore or self._store_of(model, "causal")
            s = self._knn_settings(store_name, preset, settings)
            lm, whole, notices = self._model_and_store(model, store_name, knn_lm.METHOD, s.key)
            base, key, gate_kind = lm, s.key, gate or "constant"
            store, head = self._as_edited(whole_store(whole), lm, key, as_of)
            search = Search(store, s.k, leave_out)
            chosen = self._gate(gate_kind, whole_store(whole), s)
            asks = chosen if gate_kind == "skip" else None
            mixing = replace(mixing, temperature=s.temperature, gate=chosen)
        else:
            lm, base, whole, s, notices = self._spalm(method, model, datastore, gate, preset, settings)
            store_name, key, gate_kind = whole.name, lm.record.key, "spalm"
            store, head = self._as_edited(whole, base, key, as_of)
            search = Search(store, max(s.k, s.knn_k if s.lam else 0), leave_out)
            force = SPALM_GATES[s.gate]
            mixing = replace(mixing, temperature=s.temperature, K=s.k, lam=s.lam, force=force)
            if cache:
                raise InputError("The continuous cache mixes distributions; SPALM mixes vectors. Leave the cache out.")
        check_causal(lm)
        if search is not None:
            check_k(search.store, search.k)
        local = windows(lm, window, stride)
        how = with_memory(lm, local, short_term)
        carried = how if isinstance(how, Segments) else None
        if carried and (warning := beyond_training(lm, carried)):
            notices = [*notices, warning]
        order = Order(lm, base, local, carried, key, search, asks)
        words = [*lm.words, *search.store.words] if search and search.store.words else lm.words
        asked = {
            "short_term": short_term, "cache": cache, "theta": theta, "lam_cache": lam_cache, "gate": gate,
            "window": window, "stride": stride, "leave_out": leave_out, **(asdict(s) if s is not None else {}),
        }  # fmt: skip
        if method != "knn-lm" and s is not None:
            asked["gate"] = s.gate
        about = {
            "method": method, "model": lm.name, "datastore": store_name, "workspace": self.workspace, "as_of": head,
            "settings": asked, "gate_kind": gate_kind, "words": words, "notices": tuple(notices),
        }  # fmt: skip
        return order, mixing, about

    def _spalm(
        self,
        method: str,
        model: str | None,
        datastore: str | None,
        gate: str | None,
        preset: str,
        settings: dict[str, Any],
    ) -> tuple[SpalmModel, LanguageModel, Datastore, Any, list[str]]:
        """The SPALM, its frozen encoder, its memory, and settings."""
        lm = load(model or BUNDLED_SPALM)
        if not isinstance(lm, SpalmModel):
            raise InputError(
                f"{lm.name} is no SPALM. Use {BUNDLED_SPALM}, or train one: memlab train NAME --kind spalm."
            )
        encoder = load_encoder(lm)
        store = self._shelf.open(datastore or lm.record.datastore)
        if store.fingerprint.model_hash == lm.record.encoder_hash:
            store = self._shelf.with_key(store, lm.record.key)
        check_spalm(lm, encoder, store.fingerprint)
        given = dict(settings) if gate is None else {**settings, "gate": gate}
        start = spalm.Settings(k=lm.record.K)
        if method == "spalm+knn-lm":
            tuned = self.settings("knn-lm", store.name, preset, lm.record.key)
            start = replace(start, lam=tuned.lam, temperature=tuned.temperature, knn_k=tuned.k)
        return lm, encoder, store, checked(spalm.Settings, given, start), []

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
