"""Article search: which articles a question is about.

Kassner & Schuetze search only the entries of a few articles (Kassner & Schuetze 2020, section 2): an article
whose title appears in the question is used alone; otherwise the three articles nearest by TF-IDF over
hashed words and word pairs (as DrQA does, Chen et al. 2017).
"""

from __future__ import annotations

import copy
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memlab.errors import StoreError

if TYPE_CHECKING:
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

LEAST = 1e-4  # weight of a term that half of the texts have: with 0, a few similar texts could not be found


class Terms(NamedTuple):
    """A text as article search counts it: (n,) columns of the matrix and their weights, of unit length."""

    columns: np.ndarray
    weights: np.ndarray


class ArticleSearch:
    """TF-IDF over (D, F) term counts; rows are documents.

    Weights are log(1 + tf) * log((D - df + 0.5) / (df + 0.5)), not below LEAST; rows have unit length.
    """

    def __init__(self, matrix: sparse.csr_matrix, idf: np.ndarray, titles: Sequence[str]) -> None:
        self.matrix, self.idf, self.titles = matrix, idf, titles
        self._named: Sequence[Sequence[int]] = ()  # rows of the titled articles that each added text names
        self._changed = np.empty(0, np.int64), matrix[:0]
        self._added = matrix[:0]
        self._by_words: dict[tuple[str, ...], int] = {}
        for row, title in enumerate(titles):
            self._by_words.setdefault(tuple(_words(title)), row)
        for row, title in enumerate(titles):  # "Gold is ..." is about gold
            self._by_words.setdefault(tuple(_words(title[:1].upper() + title[1:])), row)

    @staticmethod
    def over(texts: Iterable[str], titles: Sequence[str]) -> ArticleSearch:
        """A search over `texts`, one row each: counts their terms and weights them."""
        counts = _hash().transform(texts).tocsr()
        df = np.asarray((counts > 0).sum(axis=0)).ravel()
        idf = np.maximum(LEAST, np.log((counts.shape[0] - df + 0.5) / (df + 0.5))).astype(np.float32)
        return ArticleSearch(_weighted(counts, idf), idf, titles)

    def write(self, path: Path) -> None:
        m = self.matrix
        with path.open("wb") as file:
            np.savez(file, data=m.data, indices=m.indices, indptr=m.indptr, shape=m.shape, idf=self.idf)

    @staticmethod
    def read(path: Path, titles: Sequence[str]) -> ArticleSearch:
        """Raises StoreError for a missing, damaged or foreign file."""
        from scipy import sparse  # at first use: a server's first page would wait for it

        try:
            with np.load(path, allow_pickle=False) as z:
                matrix = sparse.csr_matrix((z["data"], z["indices"], z["indptr"]), shape=tuple(z["shape"]))
                idf = z["idf"]
        except FileNotFoundError:
            raise StoreError(f"{path} is missing. Build the datastore again.") from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StoreError(f"{path} is damaged ({str(error)[:120]}). Build the datastore again.") from error
        if matrix.shape[0] != len(titles):
            raise StoreError(
                f"{path} is about {matrix.shape[0]} articles, the datastore has {len(titles)}. Build it again."
            )
        return ArticleSearch(matrix, idf, titles)

    def terms(self, text: str) -> Terms:
        """A text's row of the matrix, by the weights of this collection."""
        return self.terms_of([text])[0]

    def terms_of(self, texts: Sequence[str]) -> list[Terms]:
        """`terms` of some texts, counted together, which takes a fraction of the time."""
        rows = _weighted(_hash().transform(texts).tocsr(), self.idf)
        cuts = list(zip(rows.indptr[:-1], rows.indptr[1:], strict=True))
        return [Terms(rows.indices[a:b], rows.data[a:b]) for a, b in cuts]

    def edited(self, changed: Mapping[int, Terms], added: Sequence[tuple[Terms, Sequence[int]]] = ()) -> ArticleSearch:
        """The same search after some texts changed and others were added at the end; idf stays that of the base.

        Args:
            changed: the new terms of some rows.
            added: terms of each further text, and the rows of the articles whose title it names (`titled`): such
                a title then leads to the text as well as to the article itself.
        """
        if not changed and not added:
            return self
        out = copy.copy(self)
        out._changed = np.fromiter(changed, np.int64), self._rows_of(list(changed.values()))
        out._added = self._rows_of([terms for terms, _ in added])
        out._named = [titles for _, titles in added]
        return out

    def _rows_of(self, texts: Sequence[Terms]) -> sparse.csr_matrix:
        from scipy import sparse

        ends = np.cumsum([0] + [len(terms.columns) for terms in texts])
        columns = np.concatenate([np.empty(0, np.int32), *(terms.columns for terms in texts)])
        weights = np.concatenate([np.empty(0, np.float32), *(terms.weights for terms in texts)])
        return sparse.csr_matrix((weights, columns, ends), shape=(len(texts), self.matrix.shape[1]))

    @cached_property
    def _lengths(self) -> Mapping[str, set[int]]:
        """First word -> the lengths, in words, of the titles that begin with it."""
        found: dict[str, set[int]] = defaultdict(set)
        for words in self._by_words:
            if words:
                found[words[0]].add(len(words))
        return dict(found)

    def titled(self, question: str) -> list[int]:
        """Rows of the articles whose title appears in the question, in the question's order, longest first.

        A title inside a longer one ("York" in "New York") does not count. Capitals count ("mercury" is
        not "Mercury"), but a title in lower case may begin a sentence.
        """
        words = _words(question)
        taken = [False] * len(words)
        hits: list[tuple[int, int]] = []
        lengths = self._lengths
        possible = [(-n, at) for at, word in enumerate(words) for n in lengths.get(word, ()) if at + n <= len(words)]
        for n, at in ((-minus, at) for minus, at in sorted(possible)):
            row = self._by_words.get(tuple(words[at : at + n]))
            if row is not None and not any(taken[at : at + n]):
                taken[at : at + n] = [True] * n
                hits.append((at, row))
        return list(dict.fromkeys(row for _, row in sorted(hits)))

    def nearest(self, question: str, n: int) -> list[int]:
        """Rows of the n articles nearest by TF-IDF; fewer when no more share a term with the question."""
        query = _weighted(_hash().transform([question]).tocsr(), self.idf)
        changed, fresh = self._changed
        score, new, added = ((part @ query.T).toarray().ravel() for part in (self.matrix, fresh, self._added))
        score[changed] = new
        score = np.concatenate([score, added])
        order = np.argsort(-score, kind="stable")[:n]
        return [int(row) for row in order if score[row] > 0]

    def find(self, question: str, n: int) -> list[int]:
        """At most n rows: the titled articles if there are any (alone), else the nearest ones.

        Texts that were added about a titled article come with it.
        """
        titled = self.titled(question)[:n]
        if not titled:
            return self.nearest(question, n)
        return list(dict.fromkeys(r for row in titled for r in (row, *self._about(row))))

    def _about(self, row: int) -> list[int]:
        """Rows of the added texts that name the title of an article."""
        return [len(self.titles) + number for number, rows in enumerate(self._named) if row in rows]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@cache
def _hash() -> HashingVectorizer:
    """Counts words and word pairs. Imported at first use: scikit-learn takes a second, and searches of all entries do without it."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(ngram_range=(1, 2), n_features=2**20, alternate_sign=False, norm=None, lowercase=True)


def _weighted(counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    from sklearn.preprocessing import normalize

    tf = counts.astype(np.float32)
    tf.data = np.log1p(tf.data)
    return normalize(tf.multiply(idf[None, :]).tocsr())
