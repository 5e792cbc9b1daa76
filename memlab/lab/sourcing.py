"""Searching what memory was read from."""

from __future__ import annotations

from memlab.corpus.generator import articles_hash, atlas_articles
from memlab.lab.base import Base
from memlab.lm.catalogue import BUNDLED
from memlab.record.finding import find_sources
from memlab.results import FoundSources


class Sourcing(Base):
    """The search of sources."""

    def sources(
        self,
        text: str | None = None,
        value: str | None = None,
        document: str | None = None,
        datastore: str | None = None,
        limit: int = 100,
    ) -> FoundSources:
        """Places that hold a text, a word (`value`) or stand in a document, of the collection and of what was taught.

        Whatever is given must fit together: the word in sentences that hold the text, in that document.
        Forgotten places are listed with the edit that forgot them, blacked out. The sources found can be
        handed to `forget(sources=[...])`.

        Raises:
            InputError: nothing to search for.
            NotFound: no such document or datastore.
        """
        if datastore is None or (datastore in BUNDLED and datastore not in self._shelf.names()):
            articles, corpus = list(atlas_articles()), articles_hash()
        else:
            store = self._shelf.open(datastore)
            articles, corpus = store.documents.articles, store.fingerprint.corpus_hash
        return find_sources(articles, corpus, self._ledger.active(), text, value, document, limit)
