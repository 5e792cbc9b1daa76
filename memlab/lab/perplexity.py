"""Perplexity with and without memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from memlab.corpus.given import texts_of
from memlab.corpus.passages import held_out_articles
from memlab.corpus.readers import Collection
from memlab.corpus.split import joined, parts
from memlab.declare import Method, ReportedTable, checked
from memlab.declare.columns import OWN
from memlab.errors import InputError
from memlab.evaluate.mixtures import LAMBDAS
from memlab.evaluate.perplexity import (
    NEEDS_CACHE,
    NEEDS_MEMORY,
    Measured,
    Options,
    Sources,
    chosen_columns,
    column,
    measure,
)
from memlab.evaluate.perplexity_report import check_losses, report, write_losses
from memlab.evaluate.scorers import Scorer, ScorerOptions
from memlab.evaluate.trained_gates import GateFor, gate_file, keep_gate
from memlab.lab.house import LabHouse
from memlab.lm.catalogue import info
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Windows, check_causal, passage, windows, with_memory
from memlab.memory.leave_out import LEAVE_OUT
from memlab.memory.retrieval import check_k
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.reading.gates import gate_class
from memlab.reading.knn_reader import KnnReader, whole_store
from memlab.reading.reader import Request
from memlab.reading.states import Search
from memlab.results import Article
from memlab.systems.registry import registry

PARTS = ("all", "train", "validation", "test")


@dataclass(frozen=True)
class PerplexityOptions:
    """How perplexity is measured.

    Args:
        models, datastores, short_term_models, own_models: one for each run (seed), in the same order; by default the
            bundled ones, and the datastore that each model made. own_models: of a method that was trained with its memory.
        window, stride: how the texts are cut; equal ones cut independent windows.
        memory: tokens of short-term memory; by default as many as the model was trained with, else a window.
        cache: size of the continuous cache; by default 4 windows where a method asks for it.
        k, temperature, lam, key: of p_kNN; without validation texts the datastore's own settings.
        gates: "learned", "skip": trained on the validation texts and kept for `read`.
        leave_out: see `Lab.read`.
        seed: of the training of gates.
    """

    models: Sequence[str] = ()
    datastores: Sequence[str] = ()
    short_term_models: Sequence[str] = ()
    own_models: Sequence[str] = ()
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
        wanted = {name: getattr(self, name) for name in ("models", "datastores", "short_term_models", "own_models")}
        number = max([1, *(len(names) for names in wanted.values())])
        for what, names in wanted.items():
            if len(names) not in (0, number) and not (what == "datastores" and len(names) == 1):
                raise InputError(
                    f"{what} names {len(names)} and another option {number}: give one for each run, or none."
                )
        checked(_with_memory().settings, _given(k=self.k, temperature=self.temperature, lam=self.lam))
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
    own_model: str | None


class Perplexity:
    """Perplexity of texts under several methods."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    def measure(
        self,
        data: Data,
        methods: Sequence[str] | None,
        options: PerplexityOptions,
        losses: Path | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> dict[str, Any]:
        """Perplexity of texts under several methods, all on the same tokens; see `Lab.evaluate_perplexity`.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        known = {name: role for m in registry().methods.values() for name, role in m.columns.items()}
        usual = column(known, "memory")
        chosen = chosen_columns((usual,) if methods is None else methods, known)
        o, texts = options, data.texts
        number = o.check()
        if not texts:
            raise InputError("There is no text to measure. Give files, or --atlas.")
        if o.gates and "memory" not in chosen.values():
            chosen |= {usual: "memory"}
        if losses is not None:
            check_losses(losses)
        models = tuple(o.models) or self._models_of(o.datastores, number)
        tokenizer = self.house.load(models[0])
        for other in models[1:]:
            _same_tokenizer(self.house.load(other), tokenizer)
        runs: list[Measured] = []
        k_used: int | None = None
        dtype = tokenizer.dtype
        for i in range(number):
            others = (o.datastores, o.short_term_models, o.own_models)
            run = Run(models[i], *(names[min(i, len(names) - 1)] if names else None for names in others))
            made, k_used, dtype = self._measure(
                chosen, run, data, o, part(progress, i / number, (i + 1) / number), stop
            )
            runs.append(made)
        passages = _passages(tokenizer, texts)
        if losses is not None:
            write_losses(runs, losses)
        settings = {
            "methods": list(chosen), "window": o.window, "stride": o.stride, "memory": o.memory, "cache": o.cache,
            "k": k_used, "key": o.key, "leave_out": o.leave_out, "tuned_on": [a.title for a in data.validation],
            "seed": o.seed, "dtype": dtype,
        }  # fmt: skip
        return report(runs, passages, [a.title for a in texts], data.name, settings, self.reported())

    def reported(self) -> list[ReportedTable]:
        """What papers report about the measured methods, as printed; not comparable with what is measured here."""
        with_columns = [s for s in registry().systems.values() if any(m.columns for m in s.methods)]
        return [table for s in with_columns for table in s.reported]

    def part_of(self, path: Path, part: str = "all", texts: Collection | None = None) -> list[Article]:
        """A file as texts, or its training, validation or test part (90%, 5% and 5% by position) as one text.

        `texts`: what `lab.texts_of` read of the file, if that was done before.

        Raises:
            InputError: no such part, or a file that cannot be read.
        """
        if part not in PARTS:
            raise InputError(f"There is no part {part!r}. Allowed: {', '.join(PARTS)}.")
        articles = texts_of(path).articles if texts is None else texts.articles
        if part == "all":
            return list(articles)
        text = getattr(parts(joined(articles)), part)
        return [Article(f"{path.name}:{part}", f"{path.name} ({part})", text)]

    def atlas_part(self, part: str) -> list[Article]:
        """Paraphrased articles of the bundled world, for measuring: "validation" or "test". Raises InputError."""
        return list(held_out_articles(part))

    def _models_of(self, datastores: Sequence[str], number: int) -> tuple[str, ...]:
        """The models that made the datastores, one for each run; the bundled one without datastores."""
        usual = self.house.default_model("causal")
        made = [
            self.house.shelf.open(d).fingerprint.model if self.house.shelf.is_built(d) else usual for d in datastores
        ]
        return tuple(made[min(i, len(made) - 1)] if made else usual for i in range(number))

    def _measure(
        self,
        columns: Mapping[str, str],
        run: Run,
        data: Data,
        o: PerplexityOptions,
        progress: Progress,
        stop: Stop,
    ) -> tuple[Measured, int | None, str]:
        """One run, the number of neighbors that were searched, and the type that the model computed in."""
        roles = set(columns.values())
        lm = self._edited(run.model, roles)
        check_causal(lm)
        local = windows(lm, o.window, o.stride)
        search, used, k, tuned = None, "last", o.k, bool(data.validation)
        temperatures, lambdas = _one(o.temperature, ()), _one(o.lam, LAMBDAS)
        if roles & NEEDS_MEMORY:
            lm, search, used, s = self._memory(run, o, progress)
            k = search.k
            temperatures = () if tuned and o.temperature is None else (s.temperature,)
            lambdas = LAMBDAS if tuned and o.lam is None else (s.lam,)
        short: dict[str, Any] = {}
        if "short-term" in roles:
            reader = self.house.load(run.short_term_model) if run.short_term_model else lm
            _same_tokenizer(reader, lm)
            M = o.memory if o.memory is not None else _trained_memory(reader, local)
            short = {"short": reader, "carried": with_memory(reader, local, M)}
        scorer = None
        if roles & OWN:
            scorer = self._scorer(columns, ScorerOptions(run.own_model, lm, local, o.memory, k, o.leave_out))
            if search is None and not tuned:
                how = _with_memory().name
                s = self.house.settings(how, scorer.search.store.name, "calibrated", scorer.key)
                temperatures, lambdas = _one(o.temperature, (s.temperature,)), _one(o.lam, (s.lam,))
        size = o.cache or (4 * local.window if roles & NEEDS_CACHE else 0)
        gates = tuple(g for g in o.gates if g != "constant")
        made = measure(
            Sources(lm, local, search=search, key=used, scorer=scorer, **short),
            _passages(lm, data.texts), _passages(lm, data.validation),
            Options(columns, temperatures, lambdas, size, gates, o.seed), progress, stop,
        )  # fmt: skip
        if search is not None:
            self._keep_gates(made, search)
        return made, k, lm.dtype

    def _edited(self, model: str, roles: set[str]) -> LanguageModel:
        """A model with the workspace's edits of its weights.

        Raises:
            InputError: there are such edits, and a method reads a memory, whose keys are those of the model without them.
        """
        lm = self.house.load(model)
        edited = self.house.weights(lm, None)
        if edited is not lm and roles & (NEEDS_MEMORY | OWN):
            raise InputError(
                f"Edits of this workspace changed the weights of {lm.name}, and methods with a memory are measured with the "
                "weights that made it. Measure base, cache or short-term only, or undo the edits."
                f"{registry().hint('edited weights')}"
            )
        return edited

    def _memory(self, run: Run, o: PerplexityOptions, progress: Progress) -> tuple[LanguageModel, Search, str, Any]:
        """The model, the memory that it made, the key, and settings."""
        how = _with_memory()
        name = run.datastore or self.house.default_store(run.model, "causal")
        self.house.make_ready(name, progress)
        given = _given(k=o.k, temperature=o.temperature, lam=o.lam, key=o.key)
        reader = self.house.reader(how)
        assert isinstance(reader, KnnReader)
        s = reader.settings(name, Request("read", how.name, datastore=name, settings=given), self.house)
        lm, base, _ = self.house.model_and_store(run.model, name, how, s.key)
        store = whole_store(base)
        check_k(store, s.k)
        return lm, Search(store, s.k, o.leave_out), s.key, s

    def _scorer(self, columns: Mapping[str, str], options: ScorerOptions) -> Scorer:
        """The scorer for the columns of a method with its own models. Raises InputError for two such methods."""
        owners = {m.scorer: m for m in registry().methods.values() if m.scorer and columns.keys() & m.columns.keys()}
        own = [name for name, role in columns.items() if role in OWN]
        if len(owners) != 1:
            raise InputError(f"{', '.join(own)} belong to different methods; measure them one after the other.")
        ((scorer, method),) = owners.items()
        made = registry().code(str(scorer), method, "scorer")(self.house, options)
        assert isinstance(made, Scorer)
        return made

    def _keep_gates(self, made: Measured, search: Search) -> None:
        store = whole_store(search.store)
        temperature = made.temperatures[made.chosen.temperature]
        for kind, gate in made.trained.items():
            scores = {"perplexity_gate": made.gates[kind]}
            keep_gate(
                gate_file(self.house.home, store.name, kind),
                gate,
                GateFor.of(store.fingerprint, search.k, temperature),
                scores,
            )


def _with_memory() -> Method:
    """The method whose p_kNN is measured: the one that declares the column of that role."""
    return next(m for m in registry().methods.values() if "memory" in m.columns.values())


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
    """The settings that were given."""
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
