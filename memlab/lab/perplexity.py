"""Perplexity with and without memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from memlab.corpus.given import Texts, texts_of
from memlab.corpus.passages import held_out_articles, training_passages
from memlab.corpus.readers import Collection
from memlab.corpus.split import joined, parts
from memlab.errors import InputError
from memlab.evaluate.bench_reading import bench_large, bench_perplexity, bench_reading
from memlab.evaluate.mixtures import LAMBDAS
from memlab.evaluate.perplexity import (
    NEEDS_STORE,
    Measured,
    Options,
    Sources,
    check_methods,
    measure,
)
from memlab.evaluate.perplexity_report import check_losses, report, write_losses
from memlab.evaluate.reported import ASTERISK, reported
from memlab.evaluate.trained_gates import GateFor, gate_file, keep_gate
from memlab.lab.gating import still_building, whole_store
from memlab.lab.reading import Reading
from memlab.lm.catalogue import BUNDLED_SPALM, info, load, load_encoder
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


def _articles(given: Texts) -> Sequence[Article]:
    """Texts as they were given; none where none were."""
    return () if isinstance(given, list | tuple) and not given else texts_of(given).articles


class Perplexity(Reading):
    """Measurements of reading."""

    def evaluate_perplexity(
        self,
        texts: Texts,
        validation: Texts = (),
        methods: Sequence[str] = ("base", "knn-lm"),
        models: Sequence[str] = (),
        datastores: Sequence[str] = (),
        short_term_models: Sequence[str] = (),
        spalm_models: Sequence[str] = (),
        window: int | None = None,
        stride: int | None = None,
        memory: int | None = None,
        cache: int = 0,
        k: int | None = None,
        temperature: float | None = None,
        lam: float | None = None,
        key: str | None = None,
        gates: Sequence[str] = (),
        leave_out: str = "self",
        seed: int = 0,
        data: str = "texts",
        losses: Path | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Perplexity of texts under several methods, all on the same tokens. Datastores are read as they were built.

        Args:
            texts, validation: what is measured, and what settings that are not given are tuned on: paths, texts or
                articles (see `memlab.corpus.given`).
            methods: of `memlab.evaluate.mixtures.METHODS`; base is always among them.
            models, datastores, short_term_models, spalm_models: one for each run (seed), in the same order; by
                default the bundled ones, and the datastore that each model made.
            window, stride: how the texts are cut; equal ones cut windows that stand alone.
            memory: tokens of short-term memory; by default as many as the model was trained with, else a window.
            cache: size of the continuous cache; by default 4 windows where a method asks for it.
            k, temperature, lam, key: of kNN-LM; without validation texts the datastore's own settings.
            gates: "learned", "skip": trained on the validation texts and kept for `read`.
            leave_out: see `read`. losses: a file for the loss of every token.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        chosen = check_methods(methods)
        if leave_out not in LEAVE_OUT:
            raise InputError(f"leave_out is {leave_out!r}; allowed is one of {', '.join(LEAVE_OUT)}.")
        if cache < 0:
            raise InputError(f"The continuous cache has size {cache}; allowed is 0 or more.")
        texts, validation = _articles(texts), _articles(validation)
        if not texts:
            raise InputError("There is no text to measure. Give files, or --atlas.")
        for kind in gates:
            gate_class(kind)
        if gates and "knn-lm" not in chosen:
            chosen = (*chosen, "knn-lm")
        wanted = {
            "models": models,
            "datastores": datastores,
            "short_term_models": short_term_models,
            "spalm_models": spalm_models,
        }
        number = max([1, *(len(names) for names in wanted.values())])
        for what, names in wanted.items():
            if len(names) not in (0, number) and not (what == "datastores" and len(names) == 1):
                raise InputError(
                    f"{what} names {len(names)} and another option {number}: give one for each run, or none."
                )
        if losses is not None:
            check_losses(losses)
        checked(knn_lm.Settings, _given(k=k, temperature=temperature, lam=lam))
        models = tuple(models) or self._models_of(datastores, number)
        tokenizer = self._load(models[0])
        for other in models[1:]:
            _same_tokenizer(self._load(other), tokenizer)
        runs: list[Measured] = []
        for i in range(number):
            others = (datastores, short_term_models, spalm_models)
            store, short, spalm = (names[min(i, len(names) - 1)] if names else None for names in others)
            made, k_used = self._measure(
                chosen, models[i], store, short, spalm, texts, validation, window, stride, memory, cache, k, temperature,
                lam, key, tuple(g for g in gates if g != "constant"), leave_out, seed, _part(progress, i, number), stop,
            )  # fmt: skip
            runs.append(made)
        passages = _passages(tokenizer, texts)
        if losses is not None:
            write_losses(runs, losses)
        settings = {
            "methods": list(chosen), "window": window, "stride": stride, "memory": memory, "cache": cache, "k": k_used,
            "key": key, "leave_out": leave_out, "tuned_on": [a.title for a in validation], "seed": seed,
        }  # fmt: skip
        return report(runs, passages, [a.title for a in texts], data, settings)

    def bench_reading(self) -> list[dict[str, Any]]:
        """Reading and measuring with the bundled memory against their bare parts."""
        name = self._bundled_for("causal")
        lm, s = load(name), self.settings("knn-lm", name)
        store = self._shelf.with_key(self._shelf.open(name), s.key)
        texts = [a.text for a in held_out_articles("test")]
        with tempfile.TemporaryDirectory() as folder:
            return [
                bench_reading(self.read, lm, store, self.articles()[:400], s.k, s.key),
                bench_perplexity(lm, store, texts, windows(lm), 64, s.temperature),
                bench_large(Path(folder), lm, training_passages()),
            ]

    def reported_perplexities(self) -> tuple[list[dict[str, Any]], str]:
        """What the papers report, as printed, and a note; never to be put beside what is measured here."""
        return reported(), ASTERISK

    def part_of(self, path: Path, part: str = "all", texts: Collection | None = None) -> list[Article]:
        """A file as texts; or its training, validation or test part (90, 5, 5 per cent by position) as one text.

        `texts`: what `texts_of` read of the file, if that was done before.
        """
        if part not in PARTS:
            raise InputError(f"There is no part {part!r}. Allowed: {', '.join(PARTS)}.")
        articles = texts_of(path).articles if texts is None else texts.articles
        if part == "all":
            return list(articles)
        text = getattr(parts(joined(articles)), part)
        return [Article(f"{path.name}:{part}", f"{path.name} ({part})", text)]

    def atlas_part(self, part: str) -> list[Article]:
        """Articles of the bundled world told anew for measuring: "validation" or "test"."""
        return list(held_out_articles(part))

    def _models_of(self, datastores: Sequence[str], number: int) -> tuple[str, ...]:
        """The models that made the datastores, one for each run; the bundled one without datastores."""
        usual = self._bundled_for("causal")
        made = [self._shelf.open(d).fingerprint.model if self._shelf.is_built(d) else usual for d in datastores]
        return tuple(made[min(i, len(made) - 1)] if made else usual for i in range(number))

    def _measure(
        self,
        methods: tuple[str, ...],
        model: str,
        datastore: str | None,
        short: str | None,
        spalm: str | None,
        texts: Sequence[Article],
        validation: Sequence[Article],
        window: int | None,
        stride: int | None,
        memory: int | None,
        cache: int,
        k: int | None,
        temperature: float | None,
        lam: float | None,
        key: str | None,
        gates: tuple[str, ...],
        leave_out: str,
        seed: int,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> tuple[Measured, int | None]:
        lm = self._load(model)
        check_causal(lm)
        local = windows(lm, window, stride)
        search, lambdas, used = None, LAMBDAS, "last"
        temperatures: tuple[float, ...] = ()
        if set(methods) & set(NEEDS_STORE[:2]):
            name = datastore or self._store_of(model, "causal")
            self._ready(name, progress)
            s = self._knn_settings(name, "calibrated", _given(k=k, temperature=temperature, lam=lam, key=key))
            found, base, _ = self._model_and_store(model, name, knn_lm.METHOD, s.key)
            lm, store, used = found, whole_store(base), s.key
            check_k(store, s.k)
            search, k = Search(store, s.k, leave_out), s.k
            tuned = bool(validation)
            temperatures = () if tuned and temperature is None else (s.temperature,)
            lambdas = LAMBDAS if tuned and lam is None else (s.lam,)
        sources: dict[str, Any] = {}
        if "short-term" in methods:
            reader = self._load(short) if short else lm
            _same_tokenizer(reader, lm)
            M = memory if memory is not None else _trained_memory(reader, local)
            sources |= {"short": reader, "carried": with_memory(reader, local, M)}
        if set(methods) & {"spalm", "spalm+knn-lm"}:
            sources |= self._spalm_sources(lm, spalm or BUNDLED_SPALM, local, memory, k, leave_out)
            if search is None:
                s = self.settings("knn-lm", sources["spalm_search"].store.name, key=sources["spalm"].record.key)
                tuned = bool(validation)
                temperatures = _one(temperature, () if tuned else (s.temperature,))
                lambdas = _one(lam, LAMBDAS if tuned else (s.lam,))
        size = cache or (4 * local.window if set(methods) & {"cache", "knn-lm+cache"} else 0)
        K = sources["spalm"].record.K if "spalm" in sources else 0
        made = measure(
            Sources(lm, local, search=search, key=used, **sources),
            _passages(lm, texts), _passages(lm, validation),
            Options(methods, temperatures, lambdas, size, gates, K, seed), progress, stop,
        )  # fmt: skip
        if search is not None:
            self._keep_gates(made, search, local)
        return made, k

    def _spalm_sources(
        self, lm: LanguageModel, name: str, local: Windows, memory: int | None, k: int | None, leave_out: str
    ) -> dict[str, Any]:
        spalm = self._load(name)
        if not isinstance(spalm, SpalmModel):
            raise InputError(f"{name} is no SPALM. Train one: memlab train NAME --kind spalm.")
        _same_tokenizer(spalm, lm)
        encoder = load_encoder(spalm)
        self._ready(spalm.record.datastore)
        if not self._shelf.is_built(spalm.record.datastore):
            raise still_building(spalm.record.datastore)
        store = self._shelf.with_key(self._shelf.open(spalm.record.datastore), spalm.record.key)
        check_spalm(spalm, encoder, store.fingerprint)
        M = memory if memory is not None else _trained_memory(spalm, None)
        if k is None:
            k = min(len(store), self.settings("knn-lm", store.name, key=spalm.record.key).k)
        check_k(store, k)
        return {
            "spalm": spalm,
            "spalm_how": with_memory(spalm, local, M),
            "encoder": encoder,
            "spalm_search": Search(store, max(spalm.record.K, k), leave_out),
        }

    def _keep_gates(self, made: Measured, search: Search, local: Windows) -> None:
        store = whole_store(search.store)
        temperature = made.temperatures[made.chosen.temperature]
        for kind, gate in made.trained.items():
            scores = {"perplexity_gate": made.gates[kind]}
            keep_gate(
                gate_file(self.home, store.name, kind),
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
