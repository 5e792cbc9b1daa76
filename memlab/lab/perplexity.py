"""Perplexity with and without memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from memlab.corpus.passages import held_out_articles
from memlab.corpus.readers import read_texts
from memlab.corpus.split import one_text, parts
from memlab.errors import InputError
from memlab.evaluate.mixtures import LAMBDAS
from memlab.evaluate.perplexity import (
    NEEDS_STORE,
    Measured,
    Options,
    Sources,
    check_methods,
    measure,
)
from memlab.evaluate.perplexity_report import check_ending, report, write_losses
from memlab.evaluate.reported import ASTERISK, reported
from memlab.evaluate.trained_gates import GateFor, gate_file, keep_gate
from memlab.lab.asking import Asking
from memlab.lab.context import Context
from memlab.lab.gates import Gates, still_building, whole_store
from memlab.lab.inventory import Inventory
from memlab.lab.preparing import build_if_bundled
from memlab.lm.catalogue import BUNDLED_SPALM, info, load_encoder
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Windows, check_causal, passage, windows, with_memory
from memlab.lm.spalm import SpalmModel
from memlab.memory.leave_out import LEAVE_OUT
from memlab.memory.retrieval import check_k
from memlab.methods import knn_lm
from memlab.methods.declare import checked
from memlab.methods.gates import gate_class
from memlab.methods.reading import Progress, Search
from memlab.methods.spalm import check_spalm
from memlab.results import Article

PARTS = ("all", "train", "validation", "test")


@dataclass(frozen=True)
class PerplexityOptions:
    """How perplexity is measured.

    Args:
        models, datastores, short_term_models, spalm_models: one for each run (seed), in the same order; by
            default the bundled ones, and the datastore that each model made.
        window, stride: how the texts are cut; equal ones cut windows that stand alone.
        memory: tokens of short-term memory; by default as many as the model was trained with, else a window.
        cache: size of the continuous cache; by default 4 windows where a method asks for it.
        k, temperature, lam, key: of kNN-LM; without validation texts the datastore's own settings.
        gates: "learned", "skip": trained on the validation texts and kept for `read`.
        leave_out: see `Lab.read`.
        seed: of the training of gates.
    """

    models: Sequence[str] = ()
    datastores: Sequence[str] = ()
    short_term_models: Sequence[str] = ()
    spalm_models: Sequence[str] = ()
    window: int | None = None
    stride: int | None = None
    memory: int | None = None
    cache: int = 0
    k: int | None = None
    temperature: float | None = None
    lam: float | None = None
    key: str | None = None
    gates: Sequence[str] = ()
    leave_out: str = "self"
    seed: int = 0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PerplexityOptions:
        """From keyword arguments. Raises InputError for others."""
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                raise InputError(f"There is no setting {name!r} of a measurement. Allowed: {', '.join(known)}.")
        return cls(**options)

    def check(self) -> int:
        """The number of runs. Raises InputError for what can be refused before a model is loaded."""
        if self.leave_out not in LEAVE_OUT:
            raise InputError(f"leave_out is {self.leave_out!r}; allowed is one of {', '.join(LEAVE_OUT)}.")
        if self.cache < 0:
            raise InputError(f"The continuous cache has size {self.cache}; allowed is 0 or more.")
        for kind in self.gates:
            gate_class(kind)
        wanted = {name: getattr(self, name) for name in ("models", "datastores", "short_term_models", "spalm_models")}
        number = max([1, *(len(names) for names in wanted.values())])
        for what, names in wanted.items():
            if len(names) not in (0, number) and not (what == "datastores" and len(names) == 1):
                raise InputError(
                    f"{what} names {len(names)} and another option {number}: give one for each run, or none."
                )
        checked(knn_lm.Settings, _given(k=self.k, temperature=self.temperature, lam=self.lam))
        return number


@dataclass(frozen=True)
class Data:
    """What is measured, what settings that are not given are tuned on, and what the texts are called."""

    texts: Sequence[Article]
    validation: Sequence[Article] = ()
    name: str = "texts"


@dataclass(frozen=True)
class Run:
    """One run of a measurement: the models and the datastore of one seed. None is the bundled one."""

    model: str
    datastore: str | None
    short_term_model: str | None
    spalm_model: str | None


class Perplexity:
    """Perplexity of texts under several methods."""

    def __init__(self, context: Context, inventory: Inventory, asking: Asking, gates: Gates) -> None:
        self.context, self.inventory, self.asking, self.gates = context, inventory, asking, gates

    def measure(
        self,
        data: Data,
        methods: Sequence[str],
        options: PerplexityOptions,
        losses: Path | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Perplexity of texts under several methods, all on the same tokens; see `Lab.evaluate_perplexity`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        chosen = check_methods(methods)
        o, texts = options, data.texts
        number = o.check()
        if not texts:
            raise InputError("There is no text to measure. Give files, or --atlas.")
        if o.gates and "knn-lm" not in chosen:
            chosen = (*chosen, "knn-lm")
        if losses is not None:
            check_ending(losses)
        models = tuple(o.models) or self._models_of(o.datastores, number)
        tokenizer = self.context.load(models[0])
        for other in models[1:]:
            _same_tokenizer(self.context.load(other), tokenizer)
        runs: list[Measured] = []
        for i in range(number):
            others = (o.datastores, o.short_term_models, o.spalm_models)
            run = Run(models[i], *(names[min(i, len(names) - 1)] if names else None for names in others))
            made, k_used = self._measure(chosen, run, data, o, _part(progress, i, number), stop)
            runs.append(made)
        passages = _passages(tokenizer, texts)
        if losses is not None:
            write_losses(runs, losses)
        settings = {
            "methods": list(chosen), "window": o.window, "stride": o.stride, "memory": o.memory, "cache": o.cache,
            "k": k_used, "key": o.key, "leave_out": o.leave_out, "tuned_on": [a.title for a in data.validation],
            "seed": o.seed,
        }  # fmt: skip
        return report(runs, passages, [a.title for a in texts], data.name, settings)

    def reported(self) -> tuple[list[dict[str, Any]], str]:
        """What the papers report, as printed, and a note; not comparable with what is measured here; raises nothing."""
        return reported(), ASTERISK

    def part_of(self, path: Path, part: str = "all") -> list[Article]:
        """A file as texts; or its training, validation or test part (90, 5, 5 per cent by position) as one text.

        Raises:
            InputError: no such part, or a file that cannot be read.
        """
        if part not in PARTS:
            raise InputError(f"There is no part {part!r}. Allowed: {', '.join(PARTS)}.")
        if part == "all":
            return read_texts([path])
        text = getattr(parts(one_text(path)), part)
        return [Article(f"{path.name}:{part}", f"{path.name} ({part})", text)]

    def atlas_part(self, part: str) -> list[Article]:
        """Articles of the bundled world in other words, for measuring: "validation" or "test". Raises InputError."""
        return list(held_out_articles(part))

    def _models_of(self, datastores: Sequence[str], number: int) -> tuple[str, ...]:
        """The models that made the datastores, one for each run; the bundled one without datastores."""
        usual = self.context.bundled_for("causal")
        made = [
            self.context.shelf.open(d).fingerprint.model if self.context.shelf.is_built(d) else usual
            for d in datastores
        ]
        return tuple(made[min(i, len(made) - 1)] if made else usual for i in range(number))

    def _measure(
        self,
        methods: tuple[str, ...],
        run: Run,
        data: Data,
        o: PerplexityOptions,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> tuple[Measured, int | None]:
        """One run, and the number of neighbors that were searched."""
        lm = self.context.load(run.model)
        check_causal(lm)
        local = windows(lm, o.window, o.stride)
        search, lambdas, used, k = None, LAMBDAS, "last", o.k
        temperatures: tuple[float, ...] = ()
        tuned = bool(data.validation)
        if set(methods) & set(NEEDS_STORE[:2]):
            name = run.datastore or self.inventory.store_of(run.model, "causal")
            build_if_bundled(self.context, name, progress)
            given = _given(k=k, temperature=o.temperature, lam=o.lam, key=o.key)
            s = self.gates.knn_settings(name, "calibrated", given)
            found, base, _ = self.context.model_and_store(run.model, name, knn_lm.METHOD, s.key)
            lm, store, used = found, whole_store(base), s.key
            check_k(store, s.k)
            search, k = Search(store, s.k, o.leave_out), s.k
            temperatures = () if tuned and o.temperature is None else (s.temperature,)
            lambdas = LAMBDAS if tuned and o.lam is None else (s.lam,)
        sources: dict[str, Any] = {}
        if "short-term" in methods:
            reader = self.context.load(run.short_term_model) if run.short_term_model else lm
            _same_tokenizer(reader, lm)
            M = o.memory if o.memory is not None else _trained_memory(reader, local)
            sources |= {"short": reader, "carried": with_memory(reader, local, M)}
        if set(methods) & {"spalm", "spalm+knn-lm"}:
            sources |= self._spalm_sources(lm, run.spalm_model or BUNDLED_SPALM, local, k, o)
            if search is None:
                s = self.asking.settings("knn-lm", sources["spalm_search"].store.name, key=sources["spalm"].record.key)
                temperatures = _one(o.temperature, () if tuned else (s.temperature,))
                lambdas = _one(o.lam, LAMBDAS if tuned else (s.lam,))
        size = o.cache or (4 * local.window if set(methods) & {"cache", "knn-lm+cache"} else 0)
        K = sources["spalm"].record.K if "spalm" in sources else 0
        gates = tuple(g for g in o.gates if g != "constant")
        made = measure(
            Sources(lm, local, search=search, key=used, **sources),
            _passages(lm, data.texts), _passages(lm, data.validation),
            Options(methods, temperatures, lambdas, size, gates, K, o.seed), progress, stop,
        )  # fmt: skip
        if search is not None:
            self._keep_gates(made, search, local)
        return made, k

    def _spalm_sources(
        self, lm: LanguageModel, name: str, local: Windows, k: int | None, o: PerplexityOptions
    ) -> dict[str, Any]:
        spalm = self.context.load(name)
        if not isinstance(spalm, SpalmModel):
            raise InputError(f"{name} is no SPALM. Train one: memlab train NAME --kind spalm.")
        _same_tokenizer(spalm, lm)
        encoder = load_encoder(spalm)
        build_if_bundled(self.context, spalm.record.datastore)
        if not self.context.shelf.is_built(spalm.record.datastore):
            raise still_building(spalm.record.datastore)
        store = self.context.shelf.with_key(self.context.shelf.open(spalm.record.datastore), spalm.record.key)
        check_spalm(spalm, encoder, store.fingerprint)
        M = o.memory if o.memory is not None else _trained_memory(spalm, None)
        if k is None:
            k = min(len(store), self.asking.settings("knn-lm", store.name, key=spalm.record.key).k)
        check_k(store, k)
        return {
            "spalm": spalm,
            "spalm_how": with_memory(spalm, local, M),
            "encoder": encoder,
            "spalm_search": Search(store, max(spalm.record.K, k), o.leave_out),
        }

    def _keep_gates(self, made: Measured, search: Search, local: Windows) -> None:
        store = whole_store(search.store)
        temperature = made.temperatures[made.chosen.temperature]
        for kind, gate in made.trained.items():
            scores = {"perplexity_gate": made.gates[kind]}
            keep_gate(
                gate_file(self.context.home, store.name, kind),
                gate,
                GateFor.of(store.fingerprint, search.k, temperature),
                scores,
            )


def _passages(lm: LanguageModel, texts: Sequence[Article]) -> list[Passage]:
    """Each text as tokens. Raises InputError, which names the text where there are several."""
    out = []
    for article in texts:
        try:
            out.append(passage(lm, article.text))
        except InputError as error:
            raise InputError(f"{article.title}: {error}" if len(texts) > 1 else str(error)) from None
    return out


def _given(**settings: Any) -> dict[str, Any]:
    """Those settings that somebody gave."""
    return {name: value for name, value in settings.items() if value is not None}


def _one(given: float | None, usual: tuple[float, ...]) -> tuple[float, ...]:
    return usual if given is None else (given,)


def _trained_memory(lm: LanguageModel, local: Windows | None) -> int:
    """Tokens of short-term memory in a model's training; else as many as a window has."""
    trained = int((info(lm.name).record.get("recipe") or {}).get("memory") or 0)
    return trained or (local.window if local else 0)


def _same_tokenizer(one: LanguageModel, other: LanguageModel) -> None:
    if one.tokenizer_hash != other.tokenizer_hash:
        raise InputError(
            f"{one.name} and {other.name} have different tokenizers; perplexities of different tokens cannot be compared."
        )


def _part(progress: Progress, number: int, of: int) -> Progress:
    return lambda fraction, message: progress((number + fraction) / of, message)
