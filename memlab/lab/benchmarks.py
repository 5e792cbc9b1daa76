"""Benchmarks: speeds of memlab against those of its bare parts (forward passes, searches), measured in the same run."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memlab.bench.asking import Goal, bench_ask, bench_build, bench_indexes, bench_mix, own_prompts
from memlab.bench.document import document
from memlab.bench.edits import bench_overlay, bench_visible, encoding_time, many_changes, new_text
from memlab.bench.growth import Growth, bench_growth, pieces, told_again
from memlab.bench.reading import bench_large, bench_perplexity, bench_reading, four_texts
from memlab.corpus.generator import atlas_articles
from memlab.corpus.given import Texts, texts_of
from memlab.corpus.passages import held_out_articles, training_passages
from memlab.corpus.world import atlas
from memlab.errors import InputError
from memlab.lab.preparing import calibrated_method
from memlab.lm.catalogue import bundled_models, load
from memlab.lm.model import LanguageModel
from memlab.lm.passage import windows
from memlab.memory.changes import Changes
from memlab.memory.datastore import Datastore
from memlab.memory.index import RECIPES
from memlab.progress import Progress, no_progress
from memlab.record.database import open_database
from memlab.record.memory_edits import corpus_of, entries_named, forgetting, teaching
from memlab.results import Generation, Prediction

if TYPE_CHECKING:
    from memlab.lab import Lab

OWN_RATIO, OWN_SPEED, OWN_BUILDING = 1.15, 0.9, 0.95  # goals with a user's own model, relative to its bare parts
OWN_TOKENS, OWN_PIECE = 800, 400  # tokens that are read; characters of a text that is built
PARTS = ("ask", "explain", "build", "read", "generate", "index", "edit visible", "overlay search")

Rows = Iterator[dict[str, Any]]


class Subject(NamedTuple):
    """A bundled model with its method, calibrated settings, memory and questions."""

    method: str
    lm: LanguageModel
    settings: Any
    store: Datastore
    prompts: Sequence[str]


class Benchmarks:
    """Benchmarks of a lab, through its public verbs."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.context = lab, lab.context

    def run(self, repeat: int = 60, only: str | None = None) -> dict[str, Any]:
        """Speeds against their bare parts, in one run: the rows of `rows` in one document. Raises InputError."""
        return document(self.rows(repeat, only))

    def rows(self, repeat: int = 60, only: str | None = None, progress: Progress = no_progress) -> Rows:
        """Speeds against their bare parts, each row as soon as it is measured.

        Args:
            repeat: questions of each kind, and edits in a row.
            only: one of PARTS; by default all.
            progress: of building the bundled datastores, where they are missing.

        Raises:
            InputError: no such part.
        """
        if only is not None and only not in PARTS:
            raise InputError(f"There is no part {only!r} of the bench. Allowed: {', '.join(PARTS)}.")
        self.lab.building.bundled(progress)
        subjects = [self._subject(m.name, m.kind, repeat) for m in bundled_models()]
        measure: dict[str, Callable[[], Rows]] = {
            "ask": lambda: (row for s in subjects for row in self._bench_ask(s, repeat)),
            "explain": lambda: (row for s in subjects for row in self.lab.explain.benchmarks(s.prompts, repeat)),
            "build": lambda: (bench_build(s.lm, atlas_articles()[:400], s.settings.key) for s in subjects),
            "read": self.reading,
            "generate": lambda: (self._bench_generating(s) for s in subjects if s.lm.kind == "causal"),
            "index": lambda: bench_indexes(subjects[0].store),
            "edit visible": lambda: (row for s in subjects for row in self._bench_visible(s)),
            "overlay search": lambda: self._bench_overlay(max(subjects, key=lambda s: len(s.store))),
        }
        for part in PARTS:
            if only in (None, part):
                yield from measure[part]()

    def reading(self) -> Rows:
        """Reading and measuring with the bundled memory against their bare parts.

        Raises:
            MemlabError: the bundled memory cannot be used.
        """
        name = self.context.bundled_for("causal")
        lm, s = load(name), self.lab.settings(calibrated_method("causal").name, name)
        store = self.context.shelf.with_key(self.context.shelf.open(name), s.key)
        texts = [a.text for a in held_out_articles("test")]
        with tempfile.TemporaryDirectory() as folder:
            yield bench_reading(self.lab.read, lm, store, four_texts(lm, self.lab.articles()[:400]), s.k)
            yield bench_perplexity(lm, store, texts, windows(lm), 64, s.temperature)
            yield bench_large(Path(folder), lm, training_passages())

    def own(self, datastore: str, asked: Texts = (), repeat: int = 60) -> Rows:
        """Asking, building, reading and measuring with a user's own datastore, and the model that made it.

        With a large model the search takes little of the time, so the goals are close to the bare parts.

        Args:
            asked: texts that the datastore does not hold; by default held-out articles of the bundled world.
            repeat: questions.

        Raises:
            MemlabError: no such datastore, its model cannot be used, or the texts are too short.
        """
        base = self.context.shelf.open(datastore)
        lm = self.context.load(base.fingerprint.model, base.fingerprint.precision)
        how = calibrated_method(lm.kind).name
        s = self.lab.settings(how, datastore)
        store = self.context.shelf.with_key(base, s.key)
        texts = texts_of(asked).articles if asked else held_out_articles("test")
        articles = [p for a in texts for p in pieces(a, OWN_PIECE)]

        def ask(prompt: str, method: str, **settings: Any) -> Prediction:
            return self.lab.ask(prompt, method, datastore=datastore, **settings)

        prompts = own_prompts(lm, articles, repeat + 1)
        yield bench_ask(ask, how, lm, store, prompts, s, Goal(OWN_RATIO))
        yield bench_mix(ask, how, prompts[0], repeat)
        if lm.kind == "causal":
            read = partial(self.lab.read, method=how, datastore=datastore)
            yield bench_reading(read, lm, store, four_texts(lm, articles, OWN_TOKENS), s.k, 1 / OWN_SPEED)
            one = four_texts(lm, articles, OWN_TOKENS)[:1]
            yield bench_perplexity(lm, store, one, windows(lm), s.k, s.temperature, OWN_SPEED)
        yield bench_build(lm, articles[: max(1, OWN_TOKENS // 100)], s.key, OWN_BUILDING)

    def growth(
        self,
        counts: Sequence[int],
        text: Texts = (),
        asked: Texts = (),
        model: str | None = None,
        recipes: Sequence[str] = (),
        progress: Progress = no_progress,
    ) -> Rows:
        """How searching grows with the number of entries, for each index recipe: recall, milliseconds, memory.

        Args:
            counts: numbers of entries.
            text: what is remembered; by default the bundled passages, repeated in other orders.
            asked: other texts, whose tokens are the queries; by default articles that no model was trained on.
            model: a causal one (default: the bundled one).
            recipes: only these.

        Raises:
            InputError: no number of entries, an unknown recipe, a masked model, texts that are too short, or one of
                `text` and `asked` without the other.
            HomeError: the disk has too little room for the keys.
        """
        what = Growth(tuple(sorted(set(counts))), tuple(recipes) or RECIPES)
        lm = load(model or self.context.bundled_for("causal"))
        if lm.kind != "causal":
            raise InputError(
                f"{lm.name} is a {lm.kind} model; growth is measured with the keys of a causal one. Choose one."
            )
        if bool(text) != bool(asked):
            raise InputError(
                "Give both --text and --asked, or neither: the queries have to come from other text than the entries."
            )
        entries = (p for a in texts_of(text).articles for p in pieces(a)) if text else told_again(training_passages())
        other = texts_of(asked).articles if asked else [*held_out_articles("test"), *held_out_articles("validation")]
        questions = [p for a in other for p in pieces(a)]
        self.context.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.context.home) as folder:
            yield from bench_growth(Path(folder), lm, entries, questions, what, progress)

    def _subject(self, name: str, kind: str, repeat: int) -> Subject:
        method = calibrated_method(kind).name
        s = self.lab.settings(method)
        store = self.context.shelf.with_key(self.context.shelf.open(name), s.key)
        facts = atlas().facts[:: max(1, len(atlas().facts) // (repeat + 1))][: repeat + 1]
        return Subject(method, load(name), s, store, [self.lab.question(f, 0, kind) for f in facts])

    def _bench_ask(self, s: Subject, repeat: int) -> Rows:
        yield bench_ask(self.lab.ask, s.method, s.lm, s.store, s.prompts, s.settings)
        yield bench_mix(self.lab.ask, s.method, s.prompts[0], repeat)

    def _bench_generating(self, s: Subject) -> dict[str, Any]:
        from memlab.bench.generating import TOKENS, bench_generating

        def generate(prompt: str) -> Generation:
            return self.lab.generate(prompt, s.method, max_tokens=TOKENS)

        return bench_generating(generate, s.lm, s.store, s.prompts[:13], s.settings.k, s.settings.key)

    def _bench_visible(self, s: Subject) -> Rows:
        """Edits one after the other, starting from none, and edits on top of many."""
        with tempfile.TemporaryDirectory() as folder:
            lab = self._beside(Path(folder))
            editor = Benchmarks(lab)._editor
            yield bench_visible(lab.ask, editor(s), s.method, s.prompts)
            changes = many_changes(s.lm, s.store)
            sources = sorted(changes.removed)
            for at in range(0, len(sources), 500):
                lab.context.ledger.append("forget", "many places", forgetting(sources[at : at + 500]))
            for taught in changes.taught:
                lab.context.ledger.append("teach", "one of many texts", teaching(taught.text))
            row = bench_visible(lab.ask, editor(s), s.method, s.prompts)
            yield {**row, "name": f"{row['name']} after many"}
            open_database(lab.home).close()

    def _beside(self, folder: Path) -> Lab:
        """A lab over the same datastores with a record of its own."""
        os.symlink(self.context.home / "datastores", folder / "datastores")
        return type(self.lab)(folder, "default")

    def _editor(self, s: Subject) -> Callable[[int], float]:
        """A function that makes the n-th edit: teaches for an even n, forgets an entry of the base for an odd one."""
        rng = random.Random(self.context.ledger.head())

        def edit(n: int) -> float:
            if n % 2:
                allowed = self.context.with_changes(
                    s.store, s.lm, s.settings.key, self.context.changes(None)
                ).documents.entries
                row = rng.choice([row for row in rng.sample(range(len(s.store.documents)), 20) if len(allowed([row]))])
                entry = rng.choice(allowed([row]).tolist())
                self.context.ledger.append(
                    "forget", "an entry", forgetting(entries_named(s.store, corpus_of(s.store), [entry]))
                )
                return 0.0
            text = new_text(s.store.documents.articles, rng)
            self.lab.teach(text)
            return encoding_time(s.lm, text, s.settings.key)

        return edit

    def _bench_overlay(self, s: Subject) -> Rows:
        def laid_over(store: Datastore, changes: Changes) -> Any:
            return self.context.new_overlay(store, s.lm, s.settings.key, changes)

        return bench_overlay(laid_over, s.lm, s.store, s.prompts)
