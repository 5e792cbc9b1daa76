"""Lab: the one door. Whatever a page, the command line or a notebook can do is a method here.

from memlab import Lab
lab = Lab.open()
lab.ask("The capital of France is [MASK].")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from memlab.corpus.generator import articles_hash, atlas_articles
from memlab.corpus.readers import read_texts
from memlab.corpus.stories import Story, stories
from memlab.corpus.world import MASK, Relation, atlas, fill
from memlab.errors import InputError, NotFound, StoreError
from memlab.evaluate.bench import bench_ask, bench_build, bench_indexes, bench_mix, machine
from memlab.evaluate.card import write_card
from memlab.evaluate.prepare import (
    BUNDLED_KEYS,
    BUNDLED_METHOD,
    BuildProgress,
    Preparation,
    prepare_bundled,
)
from memlab.evaluate.probes import probe_facts, table
from memlab.lm.catalogue import BUNDLED, ModelInfo, bundled_models, info, load
from memlab.lm.model import LanguageModel
from memlab.lm.training import RECIPES, train
from memlab.memory.building import Order, Progress, build
from memlab.memory.datastore import Meta
from memlab.memory.overlay import Changes, EditedStore, edited_texts
from memlab.memory.plan import Reading
from memlab.memory.retrieval import Encoding, Retrieval, Searchable, check_k, encode, retrieve
from memlab.memory.shelf import Cache, Shelf, StoreInfo
from memlab.methods import METHODS, method
from memlab.methods.answer import answer
from memlab.methods.declare import Method, checked
from memlab.record.chain import EditRow, Problem
from memlab.record.database import open_database
from memlab.record.fold import CHANGES, dependents
from memlab.record.home import home_folder
from memlab.record.ledger import ANONYMOUS, Ledger
from memlab.record.memory_edits import (
    changes_of,
    corpus_of,
    document_named,
    edit_of,
    entries_named,
    lesson,
    shortened,
    stating,
    wish,
)
from memlab.record.workspaces import Workspaces
from memlab.results import Article, Edit, Fact, Prediction, Timings

Thing = TypeVar("Thing")
PRESETS = ("calibrated", "paper")


class Lab:
    """Models, datastores and methods of one home folder, seen from one workspace."""

    def __init__(self, home: Path, workspace: str) -> None:
        self.home, self.workspace = home, workspace
        self._cache = Cache()
        self._shelf = Shelf(home, self._cache)
        self._taught: dict[Any, Any] = {}  # keys of taught texts, shared by all states of the ledger

    @classmethod
    def open(cls, home: str | Path | None = None, workspace: str = "default") -> Lab:
        """Opens a home folder (default: $MEMLAB_HOME, else the user's data folder); loads nothing heavy.

        Raises:
            HomeError: the folder cannot be written.
            NotFound: no such workspace.
        """
        folder = home_folder(home)
        names = [w.name for w in Workspaces(open_database(folder)).list()]
        if workspace not in names:
            raise NotFound.named("workspace", workspace, names)
        return cls(folder, workspace)

    # What there is

    def methods(self) -> dict[str, Method]:
        """The methods by name."""
        return dict(METHODS)

    def models(self) -> list[ModelInfo]:
        """The bundled models, and those that made a datastore here."""
        out = bundled_models()
        for name in self._shelf.names():
            try:
                made_by = info(Meta.read(self.home / "datastores" / name).fingerprint.model)
            except (StoreError, NotFound, InputError):
                continue
            if all(m.name != made_by.name for m in out):
                out.append(made_by)
        return out

    def datastores(self) -> list[StoreInfo]:
        """The datastores of the home folder, with those of the bundled models that are not built yet."""
        out = [self._shelf.info(name) for name in self._shelf.names()]
        states = {s.name: s for s in Preparation.of(self.home).states()}
        for name, state in states.items():
            if name not in self._shelf.names():
                why = state.error or state.message
                running = "building" if state.state == "running" else "missing"
                out.append(StoreInfo(name, name, "", 0, 0, "", running, why))
        return sorted(out, key=lambda s: s.name)

    def articles(self, datastore: str | None = None, as_of: int | None = None) -> list[Article]:
        """The articles of the bundled world, or the texts of a datastore, as the workspace sees them now (or
        as of an edit): forgotten words are blacked out, taught texts stand at the end."""
        if datastore is None or (datastore in BUNDLED and datastore not in self._shelf.names()):
            articles, corpus = list(atlas_articles()), articles_hash()
        else:
            store = self._shelf.open(datastore)
            articles, corpus = store.documents.articles, store.fingerprint.corpus_hash
        return edited_texts(articles, corpus, self._changes(as_of))

    def article(self, title: str, datastore: str | None = None, as_of: int | None = None) -> Article:
        """One article by its title or id. Raises NotFound."""
        for article in self.articles(datastore, as_of):
            if title in (article.id, article.title):
                return article
        raise NotFound(f"There is no article {title!r} here. `lab.articles()` lists those there are.")

    def facts(self, relation: str | None = None, exposure: str | None = None) -> list[Fact]:
        """Facts of the bundled world; `relation` is a name or a Wikidata property."""
        return atlas().select(relation, exposure)

    def relations(self) -> list[Relation]:
        """Relations of the bundled world with their templates."""
        return list(atlas().relations.values())

    def question(self, fact: Fact, n: int = 0, kind: str = "masked") -> str:
        """The n-th held-out question about a fact: with [MASK], or a prefix for a causal model."""
        relation = atlas().relation(fact.relation)
        if not 0 <= n < len(relation.questions):
            raise InputError(
                f"There is no question {n} about {relation.name}; allowed is 0 to {len(relation.questions) - 1}."
            )
        if kind not in ("masked", "causal"):
            raise InputError(f"There is no kind of model {kind!r}; allowed are masked and causal.")
        return relation.ask(fact, n, kind)

    def stories(self) -> list[Story]:
        """Five prompts that show what memory does, for a first visit."""
        return stories()

    # Asking

    def settings(
        self, method_name: str, datastore: str | None = None, preset: str = "calibrated", key: str | None = None
    ) -> Any:
        """Default settings of a method: those calibrated on the datastore, or the paper's.

        Each kind of key has a calibration of its own; without `key`, the one that did best. A datastore
        without calibration gives the paper's settings with its own key.
        """
        chosen = method(method_name)
        if preset not in PRESETS:
            raise InputError(f"There is no preset {preset!r}. Allowed: {', '.join(PRESETS)}.")
        if key is not None:
            checked(chosen.settings, {"key": key})
        name = datastore or self._bundled_for(chosen.kind)
        if preset == "paper":
            return chosen.settings()
        if not self._shelf.is_built(name):
            found = info(name).record.get("calibrated", {}).get(chosen.name, {})
            return checked(chosen.settings, found.get("settings", {}))
        store = self._shelf.open(name)
        if store.fingerprint.kind != chosen.kind:
            raise InputError(
                f"{chosen.title} needs a datastore of a {chosen.kind} model; {name!r} was made by a {store.fingerprint.kind} one."
            )
        found = store.meta.calibrated.get(chosen.name)
        if found is None:
            known = {f.name: f for f in chosen.fields()}
            return checked(chosen.settings, {"key": store.fingerprint.key, "k": min(len(store), known["k"].default)})
        preferred = key or found.get("preferred_key", store.fingerprint.key)
        if preferred != store.fingerprint.key:
            found = self._shelf.with_key(store, preferred).meta.calibrated[chosen.name]
        return checked(chosen.settings, found["settings"])

    def ask(
        self,
        prompt: str,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        **settings: Any,
    ) -> Prediction:
        """One prompt through model and memory.

        Args:
            prompt: a sentence with one [MASK] for a masked model, or the beginning of one for a causal model.
            method: "bert-knn" or "knn-lm"; by default the one that fits the prompt.
            model: the model that answers; by default the one that made the datastore.
            datastore: whose entries are searched; by default the bundled one of the model.
            as_of: the state after so many edits; None is now.
            preset: where settings come from that are not given: "calibrated" or "paper".
            settings: see `lab.methods()[method].fields()`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        start = time.perf_counter()
        how = self._method(prompt, method)
        if model is not None:
            self._right_kind(info(model), how)
        store_name = datastore or self._store_of(model, how.kind)
        s = checked(how.settings, settings, self.settings(how.name, store_name, preset, settings.get("key")))
        lm, store, notices = self._model_and_store(model, store_name, how, s.key)
        search = s.search
        if search == "all" and not store.ready:
            search = "articles"
            notices.append("The memory is still being built; only the articles that the prompt is about were searched.")
        store, as_of = self._as_edited(store, lm, s.key, as_of)
        check_k(store, s.k)
        encoded, ms_encode = self._encode(lm, prompt, s.key)
        retrieved, ms_search = self._retrieve(store, prompt, encoded, lm, s, search)
        mixing = time.perf_counter()
        prediction = answer(
            how, lm, store, encoded, retrieved, s, workspace=self.workspace, notices=tuple(notices), as_of=as_of
        )
        done = time.perf_counter()
        timings = Timings(ms_encode, ms_search, 1e3 * (done - mixing), 1e3 * (done - start))
        return replace(prediction, timings=timings)

    def code(self, prediction: Prediction) -> str:
        """Python that gives the same prediction in a notebook."""
        given = ", ".join(f"{name}={value!r}" for name, value in prediction.settings.items())
        return (
            "from memlab import Lab\n\n"
            f"lab = Lab.open(workspace={prediction.workspace!r})\n"
            f"p = lab.ask({prediction.prompt!r}, method={prediction.method!r}, model={prediction.model!r},\n"
            f"            datastore={prediction.datastore!r}, as_of={prediction.as_of}, {given})\n"
            "p  # a notebook displays it; p.to_dict() has everything\n"
        )

    def _method(self, prompt: str, name: str | None) -> Method:
        return method(name) if name is not None else METHODS["bert-knn" if MASK in prompt else "knn-lm"]

    def _bundled_for(self, kind: str) -> str:
        return next(name for name in BUNDLED if info(name).kind == kind)

    # Editing the memory

    def teach(self, text: str, value: str | None = None, author: str = ANONYMOUS, dry_run: bool = False) -> Edit:
        """Remembers a sentence or short text from the next question on.

        Args:
            value: remember only the occurrences of this word; by default every word.
            dry_run: only say what would be remembered.
        """
        return self._edit("teach", f"Taught: {shortened(text)}", lesson(text, value), author, dry_run)

    def forget(
        self,
        entries: Sequence[int] | None = None,
        document: str | None = None,
        fact: Fact | None = None,
        prompt: str | None = None,
        weight_above: float = 0.0,
        datastore: str | None = None,
        author: str = ANONYMOUS,
        dry_run: bool = False,
    ) -> Edit:
        """Forgets entries, a document, all that states a fact, or what a prompt retrieves above a weight.

        Whatever is chosen is resolved to sources first, so that it is forgotten for every method, model
        and datastore of the collection. Numbers of `entries` are those of `datastore`.

        Raises:
            InputError: not exactly one of the four was given, or nothing is left to forget.
            NotFound: there is nothing of that name.
        """
        given = [x for x in (entries, document, fact, prompt) if x is not None]
        if len(given) != 1:
            raise InputError("Say what to forget: exactly one of entries, document, fact or prompt.")
        store, corpus = self._editable(datastore)
        if entries is not None:
            sources, what = entries_named(store, corpus, entries), f"{len(entries)} entries"
        elif document is not None:
            sources, what = document_named(store, corpus, document), f"the document {document}"
        elif fact is not None:
            sources = stating(store, corpus, fact)
            what = f"that the {fact.relation} of {fact.subject} is {fact.object}"
        else:
            p = self.ask(prompt or "", datastore=datastore)
            heavy = [n.entry for n in p.neighbors if n.weight > weight_above]
            store, corpus = self._editable(p.datastore)
            sources, what = entries_named(store, corpus, heavy), f"{len(heavy)} passages found for: {prompt}"
        sources = sorted(set(sources) - self._changes(None).removed)
        if not sources:
            raise InputError(f"There is nothing left to forget of {what}: it is forgotten already.")
        return self._edit("forget", f"Forgot {shortened(what)}", wish(sources), author, dry_run)

    def correct(self, fact: Fact, new_object: str, author: str = ANONYMOUS, dry_run: bool = False) -> Edit:
        """Forgets everything that states a fact and teaches it with another object, as one edit."""
        relation = atlas().relation(fact.relation)
        store, corpus = self._editable(None)
        told = fill(relation.statements[0], fact.subject, new_object)
        sources = [s for s in stating(store, corpus, fact) if s not in self._changes(None).removed]
        parameters = {**wish(sources), **lesson(told)}
        what = f"Corrected {relation.label} of {fact.subject}: {fact.object} -> {new_object}"
        return self._edit("correct", shortened(what), parameters, author, dry_run)

    def undo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Takes an edit back: the given one, or the last. Also an edit; nothing is lost."""
        return self._as_edits([self._ledger.undo(edit_id, author)])[0]

    def redo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Puts an undone edit back: the given one, or the one undone last."""
        return self._as_edits([self._ledger.redo(edit_id, author)])[0]

    def history(self) -> list[Edit]:
        """All edits of the workspace in order."""
        return self._as_edits(self._ledger.rows())

    def head(self) -> int:
        """Number of the last edit; 0 when there is none."""
        return self._ledger.head()

    def verify(self) -> list[Problem]:
        """What is wrong with the recorded history: changed, missing or reordered rows; empty when nothing is."""
        return self._ledger.verify()

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(open_database(self.home), self.workspace)

    def _edit(self, kind: str, summary: str, parameters: dict[str, Any], author: str, dry_run: bool) -> Edit:
        if dry_run:
            return edit_of(None, kind, summary, parameters, author, self.workspace, self._ledger.head() + 1)
        return self._as_edits([self._ledger.append(kind, summary, parameters, author)])[0]

    def _as_edits(self, rows: Sequence[EditRow]) -> list[Edit]:
        """Rows as results, with what holds now and what rests on what."""
        active = self._ledger.active()
        holding = {row.sequence for row in active}
        out = []
        for row in rows:
            rests = tuple(r.sequence for r in dependents(active, row.sequence)) if row.kind in CHANGES else ()
            holds = row.sequence in holding or row.kind not in CHANGES
            out.append(
                edit_of(
                    row, row.kind, row.summary, row.parameters, row.author, self.workspace, row.sequence, holds, rests
                )
            )
        return out

    def _changes(self, as_of: int | None) -> Changes:
        """The fold of the ledger as changes of memory, kept per state of the ledger."""
        head = self._ledger.head_hash()
        return self._cache.get(
            ("changes", self.workspace, head, as_of),
            lambda: changes_of(self._ledger.active(as_of), self._ledger.head() if as_of is None else as_of),
        )

    def _as_edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> tuple[Searchable, int]:
        """The store as the workspace sees it, and the number of the last edit that this view contains."""
        changes = self._changes(as_of)
        if not changes:
            return store, changes.head
        corpus = corpus_of(store)

        def make() -> EditedStore:
            return EditedStore(store, lm, key, changes, corpus, self._taught)

        return self._cache.get(("edited", store, lm, key, changes), make), changes.head

    def _editable(self, datastore: str | None) -> tuple[Searchable, str]:
        """The store whose entries and texts an edit names, as it is now, and the identity of its collection."""
        name = datastore or self._bundled_for("masked")
        if not self._shelf.is_built(name):
            lm = load(name)
            store: Searchable = self._shelf.pending(name, BUNDLED_KEYS[lm.kind][0])
            key = BUNDLED_KEYS[lm.kind][0]
        else:
            store = self._shelf.open(name)
            lm, key = load(store.fingerprint.model), store.fingerprint.key
        return self._as_edited(store, lm, key, None)[0], corpus_of(store)

    def _store_of(self, model: str | None, kind: str) -> str:
        """The datastore that a question means when it names none: the first that the model made."""
        if model is None:
            return self._bundled_for(kind)
        name = info(model).name
        if name in BUNDLED:
            return name
        for store in self.datastores():
            if store.model == name:
                return store.name
        raise NotFound(
            f"{name!r} has made no datastore here. Build one: memlab build TEXTS --name NAME --model {model}"
        )

    def _model_and_store(
        self, model: str | None, store_name: str, how: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        if not self._shelf.is_built(store_name):
            lm = load(model or store_name)
            self._right_kind(lm, how)
            pending = self._shelf.pending(store_name, key)
            pending.check(lm)
            return lm, pending, []
        first = self._shelf.open(store_name)
        lm = load(model or first.fingerprint.model)
        self._right_kind(lm, how)
        first.check(lm)
        store = self._shelf.with_key(first, key)
        store.check(lm, key)
        notices = []
        if store.fingerprint.index != "flat":
            notices.append(f"Found with the approximate index {store.fingerprint.index!r}; distances are exact.")
        return lm, store, notices

    def _right_kind(self, lm: LanguageModel | ModelInfo, how: Method) -> None:
        if lm.kind != how.kind:
            fitting = ", ".join(m.name for m in METHODS.values() if m.kind == lm.kind) or "none"
            raise InputError(
                f"{how.title} needs a {how.kind} model; {lm.name} is {lm.kind}. Methods for it: {fitting}."
            )

    def _encode(self, lm: LanguageModel, prompt: str, key: str) -> tuple[Encoding, float]:
        """The encoding, and the milliseconds it took now (0 when it was cached)."""
        made: list[float] = []

        def make() -> Encoding:
            encoded = encode(lm, prompt, key)
            made.append(encoded.ms)
            return encoded

        return self._cache.get(("encoding", lm, prompt, key), make), sum(made)

    def _retrieve(
        self, store: Searchable, prompt: str, encoded: Encoding, lm: LanguageModel, s: Any, search: str
    ) -> tuple[Retrieval, float]:
        made: list[float] = []

        def make() -> Retrieval:
            retrieved = retrieve(store, prompt, encoded.key, s.k, search, s.articles)
            made.append(retrieved.ms)
            return retrieved

        at = ("search", store, lm, prompt, s.key, s.k, search, s.articles)
        return self._cache.get(at, make), sum(made)

    # Building, training, measuring

    def prepare(self, background: bool = True) -> None:
        """Builds and calibrates the bundled datastores, if they are not there; in the background by default."""
        preparation = Preparation.of(self.home)
        preparation.start()
        if not background:
            preparation.join()

    def progress(self) -> list[BuildProgress]:
        """How far the bundled datastores are."""
        return Preparation.of(self.home).states()

    def build_bundled(self, progress: Progress = lambda fraction, message: None) -> list[StoreInfo]:
        """Builds and calibrates the bundled datastores now; repairs damaged ones."""
        stores = [s for m in bundled_models() for s in prepare_bundled(self.home, m.name, progress)]
        return [self._shelf.info(s.name) for s in stores]

    def read_texts(self, paths: Iterable[Path]) -> list[Article]:
        """Texts of one's own: txt, md, csv, jsonl, parquet, also .gz; files or folders."""
        return read_texts(paths)

    def build(
        self,
        documents: list[Article],
        name: str,
        model: str = "atlas-mlm",
        keys: tuple[str, ...] = (),
        index: str | None = None,
        window: int | None = None,
        stride: int | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[StoreInfo]:
        """Builds a datastore from texts with any model; goes on where an earlier try ended."""
        if name in BUNDLED:
            raise InputError(f"The name {name!r} belongs to a bundled datastore. Choose another one.")
        lm = load(model)
        chosen = keys or BUNDLED_KEYS[lm.kind][:1]
        folders = build(self.home, lm, documents, Order(name, chosen, index, Reading(window, stride)), progress, stop)
        return [self._shelf.info(folder.name) for folder in folders]

    def train(
        self,
        name: str,
        out: Path | None = None,
        steps: int | None = None,
        progress: Progress = lambda fraction, message: None,
    ) -> ModelInfo:
        """Trains a bundled model again from its recipe, scores it and writes its card.

        Args:
            out: where its folder is written; by default `models/<name>` in the home folder.
            steps: other than the recipe's; the card says so.
        """
        if name not in RECIPES:
            raise NotFound.named("recipe", name, RECIPES)
        recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
        folder = train(
            recipe, atlas(), (out or self.home / "models" / name).absolute(), lambda f, m: progress(0.9 * f, m)
        )
        write_card(folder, lambda f, m: progress(0.9 + 0.1 * f, m))
        return info(str(folder))

    def evaluate_facts(
        self,
        method_name: str = "bert-knn",
        preset: str = "calibrated",
        search: str | None = None,
        questions: tuple[int, ...] = (0, 1, 2),
        datastore: str | None = None,
    ) -> dict[str, Any]:
        """Held-out questions about all facts that calibration has not seen: model, memory, mixture by exposure."""
        how = method(method_name)
        name = datastore or self._bundled_for(how.kind)
        if not self._shelf.is_built(name):
            prepare_bundled(self.home, name, lambda fraction, message: None)
        s = checked(how.settings, {} if search is None else {"search": search}, self.settings(how.name, name, preset))
        store = self._shelf.with_key(self._shelf.open(name), s.key)
        lm = load(store.fingerprint.model)
        store.check(lm, s.key)
        s = replace(s, k=min(s.k, len(store)))
        rows = probe_facts(atlas(), how, lm, store, s, questions)
        return {
            "task": "facts",
            "data": "atlas",
            "settings": {"method": how.name, "preset": preset, "datastore": store.name, **asdict(s)},
            "results": table(atlas(), rows, how.name),
            "rows": [row.to_dict() for row in rows],
        }

    def bench(self, repeat: int = 60) -> dict[str, Any]:
        """Asking, mixing, building and searching against their bare parts, in one run."""
        self.build_bundled()
        results = []
        for m in bundled_models():
            how = METHODS[BUNDLED_METHOD[m.kind]]
            s = self.settings(how.name)
            store = self._shelf.with_key(self._shelf.open(m.name), s.key)
            facts = atlas().facts[:: max(1, len(atlas().facts) // repeat)][: repeat + 1]
            prompts = [self.question(f, 0, m.kind) for f in facts]
            results.append(bench_ask(self.ask, how.name, load(m.name), store, prompts, s))
            results.append(bench_mix(self.ask, how.name, prompts[0], repeat))
            results.append(bench_build(load(m.name), atlas_articles()[:400], s.key))
        results += bench_indexes(self._shelf.open(bundled_models()[0].name))
        return {"task": "bench", "machine": machine(), "results": results}
