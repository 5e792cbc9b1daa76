"""Facts and articles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.serialize import as_json


@dataclass(frozen=True)
class Fact:
    """A statement (subject, relation, object), e.g. ("France", "capital", "Paris").

    `relation` is the relation's name; `property` its Wikidata id ("P36"). `exposure` says how often
    the bundled models saw it in training: "frequent", "rare" or "unseen".
    """

    subject: str
    relation: str
    object: str
    exposure: str | None = None
    property: str | None = None
    kind: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class Article:
    """One text of the collection that a datastore remembers."""

    id: str
    title: str
    text: str
    kind: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "id", "title", "kind", "text")
