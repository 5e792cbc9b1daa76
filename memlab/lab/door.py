"""Lab: a home folder seen from one workspace. Each method passes its arguments to the chapter that does the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.corpus.given import OneText, Texts, passage_of, texts_of
from memlab.corpus.one_file import TextOptions
from memlab.corpus.readers import Collection
from memlab.declare import Method
from memlab.errors import NotFound
from memlab.lab.building import Building, BuildRequest
from memlab.lab.chapters import Chapters
from memlab.lab.context import Context
from memlab.lab.declared import DeclaredNames, declared
from memlab.lab.editing import EditOptions, Target
from memlab.lab.explaining import Explaining
from memlab.lab.gates import Gates
from memlab.lab.generating import Generating, GenerationRequest
from memlab.lab.inventory import Inventory
from memlab.lab.jobs import Work
from memlab.lab.judging import judge
from memlab.lab.kept_batches import KeptBatches
from memlab.lab.lessons import Lessons
from memlab.lab.library import ModelLibrary
from memlab.lab.perplexity import Data, Perplexity, PerplexityOptions
from memlab.lab.reading import Reading
from memlab.lab.recording import Recording
from memlab.lab.renamed import renamed
from memlab.lab.reports import Reports
from memlab.lab.resolving import reading_request
from memlab.lab.side_effects import SideEffects
from memlab.lab.training import Training
from memlab.lab.trees import Trees
from memlab.lab.ways import Ways
from memlab.lab.workspaces import WorkspaceAdmin
from memlab.lm.catalogue import ModelInfo
from memlab.memory.shelf import StoreInfo
from memlab.outside import given_path
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.record.database import open_database
from memlab.record.files import sweep
from memlab.record.hash_chain import Problem
from memlab.record.home import home_folder
from memlab.record.new_rows import ANONYMOUS
from memlab.record.workspaces import Workspaces
from memlab.results import (
    Article,
    BatchRow,
    Cause,
    Comparison,
    Edit,
    Fact,
    FoundSources,
    Generation,
    Prediction,
    Source,
    Trace,
    Verdict,
    compare,
)
from memlab.systems.registry import Registry

if TYPE_CHECKING:
    from memlab.bench.crash import CrashReport
    from memlab.lab.benchmarks import Benchmarks


def _articles(given: Texts) -> Sequence[Article]:
    """The articles of the given texts; an empty list gives none."""
    return () if isinstance(given, list | tuple) and not given else texts_of(given).articles


class Lab(metaclass=DeclaredNames):
    """Models, datastores and methods of one home folder, seen from one workspace.

    Common operations are methods. Less common ones are attributes: `lab.explain`, `lab.side_effects`,
    `lab.recording`, `lab.reading`, `lab.generation`, `lab.trees`, `lab.gates`, `lab.building`, `lab.training`, `lab.perplexity`,
    `lab.work`, `lab.lessons`, `lab.workspaces`, `lab.reports`, `lab.inventory`, `lab.benchmarks`,
    `lab.library`, `lab.ways`, `lab.batches`. Systems add methods and attributes of their own (see `lab.systems()`);
    `dir(lab)` lists all.
    """

    def __init__(self, home: Path, workspace: str) -> None:
        self._context = Context.of(home, workspace)
        self._chapters = Chapters.of(self._context)

    @classmethod
    def open(cls, home: str | Path | None = None, workspace: str = "default") -> Lab:
        """Opens a home folder; loads nothing heavy.

        Args:
            home: by default $MEMLAB_HOME, else the user's data folder.
            workspace: the workspace whose edits apply.

        Raises:
            HomeError: the folder cannot be written.
            NotFound: no such workspace.
        """
        folder = home_folder(home)
        _open_workspace(folder, workspace)
        return cls(folder, workspace)

    def __getattr__(self, name: str) -> Any:
        """What systems add (see `memlab.lab.declared`), then former names (see `memlab.lab.renamed`)."""
        found = declared(self, name)
        return renamed(self, name) if found is None else found

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self.systems().chapters]

    @property
    def context(self) -> Context:
        """Home folder, workspace, datastores, ledger and caches: what code within memlab builds on."""
        return self._context

    @property
    def home(self) -> Path:
        """The home folder."""
        return self._context.home

    @property
    def workspace(self) -> str:
        """The name of the workspace."""
        return self._context.workspace

    # Questions

    def ask(
        self,
        prompt: str,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        without: Sequence[int] = (),
        **settings: Any,
    ) -> Prediction:
        """One prompt through model and memory.

        Args:
            prompt: a sentence with one [MASK] for a masked model, or the beginning of one for a causal model.
            method: see `lab.methods()`; by default the one that the model was made for, else the first that fits the prompt.
            model: the model that answers; by default the one that made the datastore.
            datastore: whose entries are searched; by default the bundled one of the model.
            as_of: the state after that many edits; None is now.
            preset: where settings that are not given come from: "calibrated" or "paper".
            without: entries to leave out, as if they had been forgotten: the answer is the one that
                `lab.forget(entries=...)` would give, and nothing is recorded.
            settings: see `lab.methods()[method].fields()`.

        Returns:
            The distributions of model, memory and mixture with the gate and the neighbors. Where a method mixes
            vectors, model and memory are its distributions with the gate forced to either end.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        given = {"method": method, "model": model, "datastore": datastore, "as_of": as_of, "preset": preset}
        return self._chapters.asking.ask(prompt, **given, without=without, **settings)

    def again(self, p: Prediction, **changed: Any) -> Prediction:
        """The same question with some arguments of `ask` changed, for example `without=[12]` or `lam=0.9`.

        Raises:
            MemlabError: as `ask`.
        """
        return self._chapters.asking.again(p, **changed)

    def ask_many(
        self, prompts: Sequence[str], expected: Sequence[str | None] | None = None, **how: Any
    ) -> list[BatchRow]:
        """Asks every prompt, with the same arguments as `ask`; a prompt that cannot be asked has the error in its row.

        Prompts are encoded together, in batches; blank ones are left out, and rows keep the number of their line.

        Args:
            expected: the right answer of each prompt, several separated by "|"; None where it is not known. Questions
                of the bundled world are judged without it.

        Raises:
            InputError: no prompt at all, too many, or a different number of expected answers than of prompts.
        """
        return self._chapters.batch.ask_many(prompts, expected, **how)

    def verdict(self, p: Prediction, expected: Sequence[str] = ()) -> Verdict | None:
        """Whether an answer is right, and what memory did: helped, misled, or neither.

        Without `expected`, the right answer is what the bundled world states, or what a correction of that fact states
        if it was active for the answer. None where neither applies, or where another edit mentions the subject.

        Args:
            expected: the right answers; any of them counts.

        Raises:
            RecordError: an edit about the subject was changed after it was recorded.
        """
        return judge(p, self._context.ledger, expected)

    def cause(self, p: Prediction, expected: Sequence[str] = ()) -> Cause | None:
        """Why an answer is wrong, in one sentence, and what would repair it; None where it is not known to be wrong.

        The causes are defined in `memlab.evaluate.causes`.

        Args:
            expected: the right answers, as for `verdict`.

        Raises:
            MemlabError: the model or memory of the answer is no longer there.
        """
        return self._chapters.diagnosing.of(p, self.verdict(p, expected)).cause

    def compare(self, a: Prediction, b: Prediction) -> Comparison:
        """What differs between two predictions: arguments, answer, gate, words, neighbors gained and lost. Raises nothing."""
        return compare(a, b)

    def settings(
        self, method_name: str, datastore: str | None = None, preset: str = "calibrated", key: str | None = None
    ) -> Any:
        """Default settings of a method: those calibrated on the datastore, or the paper's.

        Each kind of key has its own calibration; without `key`, the one that did best. A datastore
        without calibration gives the paper's settings with its own key.

        Raises:
            InputError: no such preset or key, or a datastore of another kind of model.
            NotFound: no such method or datastore.
        """
        return self._chapters.house.settings(method_name, datastore, preset, key)

    def ask_defaults(
        self, method: str, model: str | None = None, datastore: str | None = None, preset: str = "calibrated"
    ) -> Any:
        """The settings that `ask` uses where none are given, for a model and a datastore.

        Raises:
            MemlabError: no such method, or a model and datastore that do not belong together.
        """
        return self._chapters.resolver.defaults(method, model, datastore, preset)

    def read(
        self,
        text: OneText,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        *,
        as_of: int | None = None,
        cut: bool = False,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **settings: Any,
    ) -> Trace:
        """Reads a passage token by token with a causal model and its memory.

        Args:
            text: the passage, at most `memlab.lab.reading.LIMIT` tokens, or the file that holds it (a `Path`, or a string
                that names a file; see `memlab.corpus.given`); with `cut` the tokens beyond that are dropped.
            method: one of `lab.methods()` that can read; by default the first that fits the model.
            model, datastore: by default the bundled ones of the method.
            as_of: the state of the workspace after that many edits; None is now.
            progress, stop: called while it works; a stopped reading returns the trace of what was read.
            settings: of the method (`lab.methods()[method].fields("read")`), and
                short_term: M, tokens whose states are carried across segment borders; 0 is off.
                cache: size of the continuous cache (Grave et al. 2017), 0 is off; `theta` and `lam_cache` are its settings.
                gate: one of `lab.methods()[method].gates`.
                preset: where settings that are not given come from: "calibrated" or "paper".
                window, stride: how the text is cut for the local context; by default overlapping windows.
                leave_out: "self" (entries that are this text itself), "near" (near-duplicates as well) or "nothing".

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        given = {"method": method, "model": model, "datastore": datastore, "as_of": as_of}
        return self._chapters.reading.read(
            passage_of(text), reading_request("read", {**given, **settings}), cut, progress, stop
        )

    def generate(
        self,
        prompt: str,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        max_tokens: int = 40,
        *,
        as_of: int | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **settings: Any,
    ) -> Generation:
        """Continues a prompt token by token with a causal model and its memory.

        Args:
            method: one of `lab.methods()` that can generate; by default the first that fits the model.
            model, datastore: by default the bundled ones of the method.
            max_tokens: at least 1; prompt and continuation must fit into the model's context.
            as_of: the state of the workspace after that many edits; None is now.
            progress, stop: called at every token; a stopped generation has the tokens generated so far.
            settings: of the method, where the temperature of the *memory* is called `knn_temperature`, and
                temperature, top_p, seed: decoding of the mixture; temperature 0 (the default) is greedy.
                gate: one of `lab.methods()[method].gates`.
                preset: where settings that are not given come from: "calibrated" or "paper".
                copied_from: the fewest tokens in a row that count as copied where a remembered passage has the same.

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        given = {"method": method, "model": model, "datastore": datastore, "max_tokens": max_tokens, "as_of": as_of}
        return self._chapters.generation.generate(GenerationRequest.of(prompt, {**given, **settings}), progress, stop)

    # Lists and lookups

    def methods(self) -> dict[str, Method]:
        """The methods of all systems by name; raises nothing."""
        return self._chapters.inventory.methods()

    def systems(self) -> Registry:
        """The systems: `.systems` by name, and `.unavailable` with the reasons; raises nothing."""
        return self._chapters.inventory.systems()

    def models(self) -> list[ModelInfo]:
        """The bundled models, those trained here, and those that made a datastore here. Raises nothing."""
        return self._chapters.inventory.models()

    def datastores(self) -> list[StoreInfo]:
        """The datastores of the home folder, and those of the bundled models that are not built yet. Raises nothing."""
        return self._chapters.inventory.datastores()

    def articles(self, datastore: str | None = None, as_of: int | None = None) -> list[Article]:
        """The articles of the bundled world, or the texts of a datastore, as the workspace sees them now (or as of
        an edit): forgotten words are blacked out, taught texts are at the end.

        Raises:
            NotFound: no such datastore. InputError: `as_of` is outside 0 to the last edit.
        """
        return self._chapters.inventory.articles(datastore, as_of)

    def article(self, title: str, datastore: str | None = None, as_of: int | None = None) -> Article:
        """One article by its title or id.

        Raises:
            NotFound: no such article or datastore. InputError: `as_of` is outside 0 to the last edit.
        """
        return self._chapters.inventory.article(title, datastore, as_of)

    def facts(self, relation: str | None = None, exposure: str | None = None) -> list[Fact]:
        """Facts of the bundled world.

        Args:
            relation: a name or a Wikidata property; by default all.
            exposure: "frequent", "rare" or "unseen"; by default all.

        Raises:
            NotFound: no such relation. InputError: no such exposure.
        """
        return self._chapters.inventory.facts(relation, exposure)

    def question(self, fact: Fact, n: int = 0, kind: str = "masked") -> str:
        """The n-th held-out question about a fact: with [MASK], or a prefix for a causal model.

        Raises:
            InputError: no such question or kind. NotFound: no such relation.
        """
        return self._chapters.inventory.question(fact, n, kind)

    def sources(
        self,
        text: str | None = None,
        value: str | None = None,
        document: str | None = None,
        datastore: str | None = None,
        limit: int = 100,
    ) -> FoundSources:
        """Places that hold a text, a word (`value`) or are in a document, of the collection and of what was taught.

        All given arguments apply together: the word in sentences that hold the text, in that document.
        Forgotten places are listed with the edit that forgot them, blacked out. The sources found can be
        handed to `forget(sources=[...])`.

        Args:
            text: words that the sentence contains, ignoring case.
            value: a word that was remembered there.
            document: the document's id or title, or a part of its title.
            datastore: the one to search. None: the articles of the bundled world.
            limit: how many sources at most.

        Raises:
            InputError: nothing to search for.
            NotFound: no such document or datastore.
        """
        return self._chapters.inventory.sources(text, value, document, datastore, limit)

    # Edits

    def teach(
        self,
        text: str,
        value: str | None = None,
        author: str = ANONYMOUS,
        dry_run: bool = False,
        scores: bool | None = None,
    ) -> Edit:
        """Remembers a sentence or short text (at most 2,000 characters) from the next question on.

        Args:
            value: remember only the occurrences of this word; by default every word.
            author: the name in the history.
            dry_run: record nothing, only return what would be remembered.
            scores: measure the side effects, and record them; by default only in a dry run.

        Raises:
            InputError: empty, too long or unreadable text, or a value that does not occur in it.
        """
        return self._chapters.editing.teach(text, value, EditOptions(author, dry_run, scores))

    def forget(
        self,
        entries: Sequence[int] | None = None,
        document: str | None = None,
        fact: Fact | None = None,
        prompt: str | None = None,
        weight_above: float = 0.0,
        datastore: str | None = None,
        *,
        sources: Sequence[Source] | None = None,
        **options: Any,
    ) -> Edit:
        """Forgets entries, a document, all that states a fact, what a prompt retrieves above a weight, or sources.

        The choice is resolved to sources first, so that it is forgotten for every method, model
        and datastore of the collection.

        Args:
            entries: numbers of entries of `datastore`.
            document: a document by title or id.
            prompt, weight_above: the neighbors of a prompt whose weight is above a limit.
            sources: places as `lab.sources()` finds them.
            options: author, dry_run and scores, as in `teach`.

        Raises:
            InputError: not exactly one of the five was given, or nothing is left to forget.
            NotFound: nothing of that name exists.
        """
        target = Target(entries, document, fact, prompt, weight_above, datastore, sources)
        return self._chapters.editing.forget(target, EditOptions.of(options))

    def correct(
        self,
        fact: Fact,
        new_object: str,
        author: str = ANONYMOUS,
        dry_run: bool = False,
        scores: bool | None = None,
    ) -> Edit:
        """Forgets everything that states a fact and teaches it with another object, as one edit.

        Args:
            author, dry_run, scores: as in `teach`.

        Raises:
            InputError: the new object is empty, too long, or the old one.
            NotFound: no such relation, or nothing states the fact.
        """
        return self._chapters.editing.correct(fact, new_object, EditOptions(author, dry_run, scores))

    def record(
        self,
        kind: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        author: str = ANONYMOUS,
        dry_run: bool = False,
    ) -> Edit:
        """Records an edit of a kind that a system declares, from its parameters; undo, redo and `as_of` hold for it.

        Kinds whose edits are computed by a verb (teach, modify, ...) are refused, and the message names the verb.

        Args:
            kind: its name; `lab.systems()` and `memlab edit` list the kinds with their forms.
            parameters: plain JSON values, and facts; what they must be is checked by the kind.
            author: whom the history names.
            dry_run: record nothing; returns the edit that would be recorded, which `commit` can record.

        Raises:
            InputError: no such kind, parameters that it refuses, or one that is made in another way.
            RecordError: the workspace is read-only or cannot be written.
        """
        return self._chapters.recording.record(kind, parameters, author, dry_run)

    def commit(self, edit: Edit, author: str | None = None) -> Edit:
        """Makes a dry run real, with the figures that were measured for it.

        Raises:
            InputError: the edit is not a dry run.
            RecordError: the workspace was edited since; nothing is changed.
        """
        return self._chapters.editing.commit(edit, author)

    def undo(
        self,
        edit_id: str | int | None = None,
        author: str = ANONYMOUS,
        anyway: bool = False,
        with_dependents: bool = False,
    ) -> Edit:
        """Takes an edit back: the given one, or the last. The undo is recorded as an edit too; nothing is lost.

        Args:
            anyway: even where later edits depend on it; they stay.
            with_dependents: undo those as well, the last first, each in a separate step.

        Raises:
            InputError: later edits depend on it (the message names them); it is undone already; there is no edit.
            NotFound: no such edit.
        """
        return self._chapters.editing.undo(edit_id, author, anyway, with_dependents)

    def redo(self, edit_id: str | int | None = None, author: str = ANONYMOUS) -> Edit:
        """Puts an undone edit back: the given one, or the one undone last.

        Raises:
            InputError: nothing is undone, or not this edit. NotFound: no such edit.
        """
        return self._chapters.editing.redo(edit_id, author)

    def history(self) -> list[Edit]:
        """All edits of the workspace in order, with what holds now and which edits depend on which.

        Raises:
            RecordError: the history cannot be read.
        """
        return self._chapters.editing.history()

    def head(self) -> int:
        """Number of the last edit; 0 when there is none. Raises RecordError."""
        return self._context.ledger.head()

    def edits_active(self) -> int:
        """The number of edits that hold now: made and not undone. Raises RecordError."""
        return self._context.ledger.active_count()

    def verify(self) -> list[Problem]:
        """Changed, missing or reordered rows of the recorded history; empty when there are none. Raises RecordError."""
        return self._context.ledger.verify()

    # Long work

    def prepare(self, background: bool = True) -> None:
        """Builds and calibrates the bundled datastores that are missing; in the background by default.

        A background job that was stopped has to be resumed by hand. Returns nothing.

        Raises:
            HomeError: the home folder cannot be written.
        """
        self._chapters.building.prepare(self.work, background)

    def texts_of(self, given: Texts, **options: Any) -> Collection:
        """Paths, texts or articles as a collection that `build` and `evaluate_perplexity` take.

        Args:
            options: hidden, text_column, without_license; see `memlab.corpus.one_file.TextOptions`.

        Returns:
            The articles, and a report of how they were read.

        Raises:
            InputError: nothing can be read, or there is no such option.
        """
        return self._chapters.building.texts_of(given, TextOptions.of(options))

    def build(
        self,
        documents: Texts,
        name: str,
        model: str = "atlas-mlm",
        keys: tuple[str, ...] = (),
        *,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **layout: Any,
    ) -> list[StoreInfo]:
        """Builds a datastore from texts with any model; resumes an earlier build that was interrupted.

        Args:
            documents: paths, texts or articles, as in `lab.build("letters.txt", name="letters")`; a string is a path where
                it names a file or folder (see `memlab.corpus.given`). `report` of the result says what was left out.
            keys: kinds of keys, a datastore for each; by default the first that fits the model.
            layout: index, window and stride; the defaults depend on the number of entries and the model.

        Returns:
            The datastores.

        Raises:
            InputError: the name, a text or a kind of key cannot be used. NotFound: no such model.
            StoppedError: `stop` returned True.
        """
        return self._chapters.building.build(documents, BuildRequest(name, model, keys, **layout), progress, stop)

    def train(
        self,
        name: str,
        out: Path | None = None,
        steps: int | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> ModelInfo:
        """Trains a bundled model again from its recipe, scores it and writes its card.

        Args:
            out: where its folder is written; by default `models/<name>` in the home folder.
            steps: in place of the recipe's; the card says so.

        Raises:
            NotFound: no such recipe.
            StoppedError: `stop` returned True.
        """
        return self._chapters.training.train(name, out, steps, progress, stop)

    def evaluate_facts(
        self,
        method_name: str | None = None,
        preset: str = "calibrated",
        search: str | None = None,
        questions: tuple[int, ...] = (0, 1, 2),
        datastore: str | None = None,
        as_of: int | None = None,
    ) -> dict[str, Any]:
        """Scores of model, memory and mixture, by exposure, on questions about all facts that calibration has not seen.

        Asked with the memory and weights of the workspace after `as_of` edits (None: all of them).

        Args:
            method_name: of `lab.methods()`.
            preset: where settings come from: "calibrated" or "paper".
            search: "all" or "articles"; by default as the preset says.
            questions: which of the questions about each fact.
            datastore: by default the bundled one of the method.

        Returns:
            The settings, a table of scores ("results") and every answer ("rows").

        Raises:
            MemlabError: no such method, preset, search or datastore.
        """
        return self._chapters.measuring.facts(method_name, preset, search, questions, datastore, as_of)

    def evaluate_lama(
        self,
        data: str | Path,
        relations: Sequence[str] = (),
        limit: int | None = None,
        model: str | None = None,
        *,
        method: str | None = None,
        preset: str = "calibrated",
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> dict[str, Any]:
        """P@1 on LAMA T-REx: the model, the memory of the evidence sentences, and their mixture, by relation.

        Masked models are asked by cloze, causal ones left to right, for relations whose object ends the sentence. The memory
        of the asked facts' evidences is built as a datastore of its own (and found again by the next measurement). Edits of the
        workspace, of memory or weights, are not part of the measurement.

        Args:
            data: a folder in the format of LAMA; see `memlab.evaluate.lama`.
            relations: names such as "P19"; by default all that fit the model.
            limit: at most this many facts of each relation.
            model: by default the bundled masked one. method: of `lab.methods()`, with p_kNN.
            preset: "calibrated" (on held-out words of the evidences, where there are enough) or "paper".

        Returns:
            Settings, what was left out and why, scores with 95% intervals ("results"), every answer ("rows"), and "notes",
            which say so where the workspace has edits.

        Raises:
            MemlabError: data, relation, model or method that cannot be used.
        """
        folder = given_path(data)
        return self._chapters.lama.measure(folder, relations, limit, model, method, preset, progress, stop)

    def evaluate_perplexity(
        self,
        texts: Texts,
        validation: Texts = (),
        methods: Sequence[str] | None = None,
        *,
        data: str = "texts",
        losses: Path | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **options: Any,
    ) -> dict[str, Any]:
        """Perplexity of texts under several methods, all on the same tokens. Datastores are read as they were built.

        Args:
            texts, validation: what is measured, and what settings that are not given are tuned on.
            methods: columns that the methods declare (`lab.methods()[name].columns`); the model alone is always among them.
            data: what the texts are called in the result.
            losses: a file for the loss of every token.
            options: see `memlab.lab.perplexity.PerplexityOptions`.

        Returns:
            The settings, a table of scores ("results") and the scores of every text ("rows").

        Raises:
            MemlabError: an argument that cannot be used, with what is allowed.
        """
        material, how = Data(_articles(texts), _articles(validation), data), PerplexityOptions.of(options)
        return self._chapters.perplexity.measure(material, methods, how, losses, progress, stop)

    def bench(self, repeat: int = 60, only: str | None = None) -> dict[str, Any]:
        """Speeds of memlab against those of its bare parts, in one run.

        Args:
            repeat: questions of each kind, and edits in a row.
            only: one of `memlab.lab.benchmarks.PARTS`; by default all.

        Raises:
            InputError: no such part.
        """
        return self.benchmarks.run(repeat, only)

    def bench_rows(
        self, repeat: int = 60, only: str | None = None, progress: Progress = no_progress
    ) -> Iterator[dict[str, Any]]:
        """The rows of `bench`, each as soon as it is measured. Raises InputError for an unknown part."""
        return self.benchmarks.rows(repeat, only, progress)

    def run(
        self, system: str, study: str, progress: Progress = no_progress, stop: Stop = never_stop, **settings: Any
    ) -> Any:
        """Runs a study of a system here and now; `lab.systems()` lists them.

        Args:
            settings: of the study, see `lab.systems().study(system, study)[1].fields()`.

        Returns:
            The result of the study, which has `to_dict()`.

        Raises:
            NotFound: no such system or study. StoppedError: `stop` returned True. MemlabError: raised by the study.
        """
        return self._chapters.studies.run(system, study, settings, progress, stop)

    @staticmethod
    def crash_test(
        kills: int = 50, seed: int = 0, folder: str | Path | None = None, progress: Progress = no_progress
    ) -> CrashReport:
        """Repeatedly kills a process that teaches, forgets, undoes, exports and imports, and checks what is left.

        Args:
            kills: how often.
            folder: an empty one; by default a temporary one.

        Raises:
            InputError: the folder is not empty, or `kills` is less than 1.
        """
        from memlab.lab.crash_test import run_crash_test  # at first use, like the benchmarks: no page needs them

        return run_crash_test(kills, seed, folder, progress)

    # Groups

    @property
    def explain(self) -> Explaining:
        """Explanations of an answer: smallest set, occlusion, layers, map, sweep, health of the keys."""
        return self._chapters.explain

    @property
    def batches(self) -> KeptBatches:
        """Batches of prompts that are kept in the workspace, and notes on their prompts."""
        return self._chapters.batches

    @property
    def side_effects(self) -> SideEffects:
        """What an edit changes besides its own fact."""
        return self._chapters.side_effects

    @property
    def recording(self) -> Recording:
        """The kinds of edits, and the parameters that their forms make."""
        return self._chapters.recording

    @property
    def reading(self) -> Reading:
        """Readings in detail: one token, settings, code, texts of files."""
        return self._chapters.reading

    @property
    def generation(self) -> Generating:
        """Generations in detail: extend, choose another token, one token, the same without memory."""
        return self._chapters.generation

    @property
    def trees(self) -> Trees:
        """Trees of generations from their moves."""
        return self._chapters.trees

    @property
    def gates(self) -> Gates:
        """Trained gates."""
        return self._chapters.gates

    @property
    def building(self) -> Building:
        """Building and deleting datastores."""
        return self._chapters.building

    @property
    def training(self) -> Training:
        """Training models on the user's own texts."""
        return self._chapters.training

    @property
    def perplexity(self) -> Perplexity:
        """Perplexity in detail: the texts that it is measured on, and what papers report."""
        return self._chapters.perplexity

    @property
    def ways(self) -> Ways:
        """Ways to correct a fact, compared."""
        return Ways(self)

    @property
    def work(self) -> Work:
        """Jobs: submit, run, stop, resume."""
        return Work(self._context, self)

    @property
    def lessons(self) -> Lessons:
        """Lessons; `lab.lessons()` lists them."""
        return self._chapters.lessons

    @property
    def workspaces(self) -> WorkspaceAdmin:
        """Workspaces; `lab.workspaces()` lists them."""
        return self._chapters.workspaces

    @property
    def reports(self) -> Reports:
        """An answer as code, as a command, as HTML."""
        return self._chapters.reports

    @property
    def library(self) -> ModelLibrary:
        """The models of the home folder: adding and removing them."""
        return self._chapters.library

    @property
    def inventory(self) -> Inventory:
        """Further lists: relations, first prompts, datastores of causal models."""
        return self._chapters.inventory

    @property
    def benchmarks(self) -> Benchmarks:
        """Benchmarks of memlab itself."""
        from memlab.lab.benchmarks import Benchmarks

        return Benchmarks(self)


def _open_workspace(home: Path, workspace: str) -> None:
    """Checks that there is a workspace, and cleans the home folder. Raises NotFound."""
    names = [w.name for w in Workspaces(open_database(home)).list()]
    if workspace not in names:
        raise NotFound.named("workspace", workspace, names)
    _clean(home)


@cache
def _clean(home: Path) -> None:
    """Removes what a killed process left half-written; once for each home folder that a process opens."""
    sweep(home)
