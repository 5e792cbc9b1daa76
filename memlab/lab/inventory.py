"""Lists and lookups: methods, models, datastores, articles, facts, and the sources of memory entries."""

from __future__ import annotations

from dataclasses import replace

from memlab.corpus.generator import articles_hash, atlas_articles
from memlab.corpus.stories import Story, stories
from memlab.corpus.world import Relation, atlas
from memlab.declare import Method
from memlab.errors import InputError, NotFound, StoreError
from memlab.lab.context import Context
from memlab.lab.preparing import preparation
from memlab.lm.catalogue import BUNDLED, ModelInfo, bundled_models, check, info, shipped_models
from memlab.lm.checking import ModelCheck
from memlab.lm.precision import FLOAT32
from memlab.memory.changes import edited_texts
from memlab.memory.datastore import Meta
from memlab.memory.shelf import StoreInfo
from memlab.reading.own_memory import own_memory
from memlab.record.finding import find_sources
from memlab.results import Article, Fact, FoundSources
from memlab.systems.registry import Registry, registry


class Inventory:
    """Lists, and looks up by name."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def methods(self) -> dict[str, Method]:
        """The methods of all systems by name."""
        return registry().methods

    def systems(self) -> Registry:
        """The systems, and those that cannot be used, with the reason."""
        return registry()

    def models(self) -> list[ModelInfo]:
        """The bundled models, those trained here, and those that made a datastore here."""
        out = shipped_models() + [
            info(str(f.parent)) for f in sorted((self.context.home / "models").glob("*/config.json"))
        ]
        for name in self.context.shelf.names():
            try:
                made_by = info(Meta.read(self.context.home / "datastores" / name).fingerprint.model)
            except (StoreError, NotFound, InputError):
                continue
            if all(m.name != made_by.name for m in out):
                out.append(made_by)
        return out

    def check_model(self, model: str) -> ModelCheck:
        """What the check of a model finds when it is loaded, and what its type changes in perplexity.

        Raises:
            NotFound: no such model. InputError: it cannot be used.
        """
        found = check(self.context.whole_name(model))
        if found.kind != "causal" or found.dtype == FLOAT32:
            return found
        from memlab.evaluate.text_models import perplexities_by_type  # at first use: slow to import

        return replace(found, perplexities=perplexities_by_type(self.context.load(model)))

    def datastores(self) -> list[StoreInfo]:
        """The datastores of the home folder, and those of the bundled models that are not built yet."""
        out = [self.context.shelf.info(name) for name in self.context.shelf.names()]
        job = preparation(self.context)
        going = job is not None and not job.over
        for model in bundled_models():
            if model.name not in self.context.shelf.names():
                why = (job.error or job.message or job.state) if job else "not built yet"
                out.append(StoreInfo(model.name, model.name, "", 0, 0, "", "building" if going else "missing", why))
        return sorted(out, key=lambda s: s.name)

    def articles(self, datastore: str | None = None, as_of: int | None = None) -> list[Article]:
        """The articles of the bundled world, or the texts of a datastore, as the workspace sees them now (or
        as of an edit): forgotten words are blacked out, taught texts are at the end."""
        if (own := own_memory(registry().methods.values(), datastore, self.context)) is not None:
            return list(own.articles(str(datastore), self.context, as_of))
        articles, corpus = self._collection(datastore)
        return edited_texts(articles, corpus, self.context.changes(as_of))

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

    def causal_datastores(self) -> list[str]:
        """The names of the datastores whose keys come from a causal model."""
        kinds = {info.name: info.kind for info in self.models()}
        return [store.name for store in self.datastores() if kinds.get(store.model) == "causal"]

    def sources(
        self,
        text: str | None = None,
        value: str | None = None,
        document: str | None = None,
        datastore: str | None = None,
        limit: int = 100,
    ) -> FoundSources:
        """Places that hold a text, a word (`value`) or are in a document; see `Lab.sources`."""
        articles, corpus = self._collection(datastore)
        return find_sources(articles, corpus, self.context.ledger.active(), text, value, document, limit)

    def _collection(self, datastore: str | None) -> tuple[list[Article], str]:
        """The texts of a datastore as they were read, and their hash; without a name those of the bundled world."""
        if datastore is None or (datastore in BUNDLED and datastore not in self.context.shelf.names()):
            return list(atlas_articles()), articles_hash()
        store = self.context.shelf.open(datastore)
        return list(store.documents.articles), store.fingerprint.corpus_hash

    def store_of(self, model: str | None, kind: str) -> str:
        """The datastore for a question that gives none: the first that was made with the model. Raises NotFound."""
        if model is None:
            return self.context.bundled_for(kind)
        name = info(self.context.whole_name(model)).name
        if name in BUNDLED:
            return name
        for store in self.datastores():
            if store.model == name:
                return store.name
        raise NotFound(
            f"{name!r} has made no datastore here. Build one: memlab build TEXTS --name NAME --model {model}"
        )
