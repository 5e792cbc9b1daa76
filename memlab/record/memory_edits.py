"""What edits mean for memory: the fold of the ledger as `Changes`, and the parameters of edits from a user's input.

Parameters of an edit: `forgets`, a list of sources; `teaches`, a title, a text and the spans to remember.
They also record the request, so that the edit's own questions are known later: `fact` (with
`new_object` for a correction) or `prompt`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from memlab.corpus.code_points import occurrences
from memlab.corpus.door import checked_text
from memlab.corpus.generator import corpus_hash
from memlab.corpus.sentences import sentence_spans
from memlab.corpus.world import MASK
from memlab.errors import InputError, NotFound
from memlab.memory.changes import Changes
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.overlay import EditedStore
from memlab.record.hash_chain import EditRow
from memlab.record.memory_kinds import MEMORY_KINDS, changes_of, sources_of, taught_by
from memlab.record.parameters import TEXT_LIMIT
from memlab.results import Edit, Fact, Source
from memlab.serialize import filled

__all__ = [
    "changes_of", "changes_with", "corpus_of", "document_named", "edit_of", "entries_named", "forgetting", "places_named",
    "shortened", "sources_of", "stating", "still_there", "taught_by", "teaching",
]  # fmt: skip


def changes_with(changes: Changes, seq: int, parameters: Mapping[str, Any]) -> Changes:
    """The state that one more edit would make."""
    own = taught_by(seq, parameters)
    taught = changes.taught if own is None else (*changes.taught, own)
    return Changes(seq, changes.removed | set(sources_of(parameters)), taught)


def forgetting(sources: Iterable[Source]) -> dict[str, Any]:
    """Parameters that forget sources; a source that an edit taught is marked, since this edit depends on that one."""
    records = [{**s.to_dict(), "source": s.document if s.corpus == "edit" else "base"} for s in sources]
    return {"forgets": records}


def teaching(text: str, value: str | None = None) -> dict[str, Any]:
    """Parameters that teach a text: every word of it, or only the occurrences of `value`.

    Raises:
        InputError: empty or too long text, one that cannot be stored, or a value that does not occur in it.
    """
    if not isinstance(text, str) or not isinstance(value, str | None):
        raise InputError(f"What is taught is text, not {type(text if value is None else value).__name__}.")
    text = " ".join(checked_text(text).split())
    if not re.search(r"\w", text):
        raise InputError("There is nothing to teach. Give a sentence, for example: The capital of Wakanda is Birnin.")
    if len(text) > TEXT_LIMIT:
        raise InputError(
            f"The text has {len(text)} characters; at most {TEXT_LIMIT} can be taught at once. "
            "Teach it in parts, or build a datastore from it."
        )
    if MASK in text:
        raise InputError(f"The text holds {MASK}, which marks a word that is asked for. Write the word itself.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise InputError("The text holds control characters or broken ones. Leave them out.")
    spans = None
    if value is not None:
        value = " ".join(checked_text(value, "The value").split())
        if not re.search(r"\w", value):
            raise InputError(
                f"There is no word in {value!r}. Name a word of the text, or leave it out for all of them."
            )
        spans = occurrences(text, value)
        if not spans:
            raise InputError(f"The word {shortened(value)!r} does not occur in the text: {shortened(text)}")
    title = text if len(text) <= 60 else text[:57] + "..."
    return {"teaches": {"title": title, "text": text, "spans": spans}}


def in_other_code_points(parameters: Mapping[str, Any], value: str | None) -> str | None:
    """A sentence for the person where the text that is taught writes the value with other code points."""
    taught = parameters["teaches"]
    if value is None or taught["spans"] is None or " ".join(value.split()) in taught["text"]:
        return None
    start, end = taught["spans"][0]
    return (
        f"The text writes {taught['text'][start:end]!r} with other code points than the value (accents composed another "
        "way). It was found nevertheless, and is remembered as the text writes it."
    )


def entries_named(store: Searchable, corpus: str, entries: Iterable[int]) -> list[Source]:
    """The sources of some entries. Raises NotFound for a number without an entry, InputError for anything else."""
    out = []
    for entry in entries:
        if not isinstance(entry, int | np.integer):
            raise InputError(f"{entry!r} is not the number of an entry; {store.name!r} has 0 to {len(store) - 1}.")
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
        titles = (n for n in range(len(store.documents)) if store.documents.article(n).title == document)
        row = next(titles, None)
    if row is None:
        raise NotFound(
            f"There is no document {shortened(str(document))!r} in {store.name!r}. `lab.articles()` lists them."
        )
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
            states = name[fact.object].search(article.text, start, end)
            about = name[fact.subject].search(article.text, start, end)
            if not states or not (about or article.title == fact.subject):
                continue
            for word in name.values():
                out += [
                    Source(where, article.id, m.start(), m.end(), m.group())
                    for m in word.finditer(article.text, start, end)
                ]
    if not out:
        raise NotFound(
            f"Nothing in {store.name!r} states that the {fact.relation} of {fact.subject} is {fact.object}: "
            "it was forgotten or corrected before, or never stated."
        )
    return sorted(set(out))


def places_named(store: Searchable, corpus: str, sources: Iterable[Source]) -> list[Source]:
    """The same places with their text as it is now. Raises NotFound for a place that is not there."""
    out = []
    for s in sources:
        row = store.documents.row_of(s.document)
        where = "edit" if s.document.startswith("edit:") else corpus
        article = store.documents.article(row) if row is not None else None
        if article is None or not 0 <= s.start < s.end <= len(article.text):
            raise NotFound(
                f"There is no place {s.start} to {s.end} in a document {shortened(s.document)!r} of {store.name!r}."
            )
        out.append(Source(where, article.id, s.start, s.end, article.text[s.start : s.end]))
    return out


def still_there(sources: Iterable[Source], removed: Iterable[Source]) -> list[Source]:
    """Those sources of which at least one character is not forgotten yet, sorted."""
    gone: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for r in removed:
        gone[r.corpus, r.document].append((r.start, r.end))
    out = []
    for s in sorted(set(sources)):
        at = s.start
        for start, end in sorted(gone.get((s.corpus, s.document), ())):
            if start <= at:
                at = max(at, end)
        if at < s.end:
            out.append(s)
    return out


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
) -> Edit:
    """An active edit as a result; without a row it is a dry run."""
    remembers: list[str] = []
    memory = kind in MEMORY_KINDS
    if memory and (taught := parameters.get("teaches")) is not None:
        text, spans = taught["text"], taught["spans"]
        remembers = [text] if spans is None else [text[a:b] for a, b in spans]
    return filled(
        Edit,
        id=row.id if row else None,
        seq=seq,
        kind=kind,
        summary=summary,
        author=author,
        workspace=workspace,
        time=row.time if row else None,
        dry_run=row is None,
        sources=sources_of(parameters) if memory else (),
        remembers=tuple(remembers),
        scores=(row.after or {}) if row else {},
        active=True,
        target=row.target if row else None,
        parameters=parameters,
    )
