"""What edits mean for memory: the fold of the ledger as `Changes`, and what a wish to forget comes down to.

Parameters of an edit: `forgets`, a list of sources; `teaches`, a title, a text and the spans to remember.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from memlab.corpus.generator import corpus_hash
from memlab.corpus.sentences import sentence_spans
from memlab.errors import InputError, NotFound
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.overlay import Changes, EditedStore, Taught
from memlab.record.chain import EditRow
from memlab.results import Edit, Fact, Source

TEXT_LIMIT = 2_000  # characters of one taught text


def changes_of(rows: Sequence[EditRow], head: int) -> Changes:
    """The state of memory after the active rows of a ledger."""
    removed, taught = set(), []
    for row in rows:
        removed |= set(sources_of(row.parameters))
        if (lesson := row.parameters.get("teaches")) is not None:
            spans = lesson["spans"]
            chosen = None if spans is None else tuple((int(a), int(b)) for a, b in spans)
            taught.append(Taught(row.sequence, lesson["title"], lesson["text"], chosen))
    return Changes(head, frozenset(removed), tuple(taught))


def wish(sources: Iterable[Source]) -> dict[str, Any]:
    """Parameters that forget sources; what came from an edit says so, since this edit then rests on that one."""
    records = [{**s.to_dict(), "source": s.document if s.corpus == "edit" else "base"} for s in sources]
    return {"forgets": records}


def sources_of(parameters: dict[str, Any]) -> tuple[Source, ...]:
    """What an edit with these parameters forgets."""
    names = ("corpus", "document", "start", "end", "text")
    return tuple(Source(**{name: s[name] for name in names}) for s in parameters.get("forgets", ()))


def lesson(text: str, value: str | None = None) -> dict[str, Any]:
    """Parameters that teach a text: every word of it, or only the occurrences of `value`.

    Raises:
        InputError: empty or too long text, or a value that does not stand in it.
    """
    text = " ".join(text.split())
    if not re.search(r"\w", text):
        raise InputError("There is nothing to teach. Give a sentence, for example: The capital of Wakanda is Birnin.")
    if len(text) > TEXT_LIMIT:
        raise InputError(
            f"The text has {len(text)} characters; at most {TEXT_LIMIT} can be taught at once. "
            "Teach it in parts, or build a datastore from it."
        )
    spans = None
    if value is not None:
        spans = [(m.start(), m.end()) for m in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text)]
        if not spans:
            raise InputError(f"The word {value!r} does not stand in the text: {text}")
    title = text if len(text) <= 60 else text[:57] + "..."
    return {"teaches": {"title": title, "text": text, "spans": spans}}


def entries_named(store: Searchable, corpus: str, entries: Iterable[int]) -> list[Source]:
    """The sources of some entries. Raises NotFound for a number that is no entry."""
    out = []
    for entry in entries:
        if not 0 <= entry < len(store):
            raise NotFound(f"There is no entry {entry} in {store.name!r}; it has 0 to {len(store) - 1}.")
        row, start, end = (int(x) for x in store.spans[[entry]][0])
        article = store.documents.article(row)
        where = "edit" if article.id.startswith("edit:") else corpus
        out.append(Source(where, article.id, start, end, article.text[start:end]))
    return out


def document_named(store: Searchable, corpus: str, document: str) -> list[Source]:
    """The whole of a document, by id or title. Raises NotFound."""
    row = store.documents.row_of(document)
    if row is None:
        raise NotFound(f"There is no document {document!r} in {store.name!r}.")
    article = store.documents.article(row)
    where = "edit" if article.id.startswith("edit:") else corpus
    return [Source(where, article.id, 0, len(article.text), article.title)]


def stating(store: Searchable, corpus: str, fact: Fact) -> list[Source]:
    """Every source that states a fact: subject and object where one sentence names both, and the object
    anywhere in the subject's own article. Raises NotFound when nothing states it."""
    name = {n: re.compile(rf"(?<!\w){re.escape(n)}(?!\w)") for n in (fact.subject, fact.object)}
    out = []
    for row in range(len(store.documents)):
        article = store.documents.article(row)
        if fact.object not in article.text:
            continue
        where = "edit" if article.id.startswith("edit:") else corpus
        for start, end in sentence_spans(article.text):
            told = name[fact.object].search(article.text, start, end)
            about = name[fact.subject].search(article.text, start, end)
            if not told or not (about or article.title == fact.subject):
                continue
            for word in name.values():
                out += [
                    Source(where, article.id, m.start(), m.end(), m.group())
                    for m in word.finditer(article.text, start, end)
                ]
    if not out:
        raise NotFound(f"Nothing in {store.name!r} states that the {fact.relation} of {fact.subject} is {fact.object}.")
    return sorted(set(out))


def corpus_of(store: Searchable) -> str:
    """Identity of a store's collection, as sources name it: the same for every model that reads it."""
    if isinstance(store, EditedStore):
        return store.corpus
    if isinstance(store, Datastore):
        return store.fingerprint.corpus_hash
    return corpus_hash(part for a in store.documents.articles for part in (a.id, a.title, a.text))


def shortened(text: str) -> str:
    """One line that fits a summary."""
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."


def edit_of(
    row: EditRow | None,
    kind: str,
    summary: str,
    parameters: dict[str, Any],
    author: str,
    workspace: str,
    seq: int,
    active: bool = True,
    rests_on_it: tuple[int, ...] = (),
) -> Edit:
    """What a page or a notebook sees of an edit; without a row it is a dry run."""
    remembers: list[str] = []
    if (taught := parameters.get("teaches")) is not None:
        text, spans = taught["text"], taught["spans"]
        remembers = [text] if spans is None else [text[a:b] for a, b in spans]
    return Edit(
        id=row.id if row else None,
        seq=seq,
        kind=kind,
        summary=summary,
        author=author,
        workspace=workspace,
        time=row.time if row else None,
        dry_run=row is None,
        sources=sources_of(parameters),
        remembers=tuple(remembers),
        scores=(row.after or {}) if row else {},
        active=active,
        target=row.target if row else None,
        rests_on_it=rests_on_it,
    )
