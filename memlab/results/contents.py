"""What a datastore holds: counts, its most frequent values, what it holds more than once, and a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FrequentValue:
    """A remembered word or piece as the texts spell it, how many entries have it as their value, and their share."""

    value: str
    entries: int
    share: float


@dataclass(frozen=True)
class SampleEntry:
    """One entry: the text before its value, the value, the text after it, and the document that it comes from."""

    entry: int
    before: str
    value: str
    after: str
    document: str


@dataclass(frozen=True)
class Contents:
    """What a datastore holds.

    entries, texts, characters: counts. values: how many different values. once: how many values have a single entry.
    frequent: the most frequent values. same_texts: texts that are identical to an earlier one.
    same_contexts: entries whose value follows the same `context` remembered tokens (or the same whole beginning of a text)
    as that of an earlier entry. sample: entries at equal intervals.
    """

    entries: int
    texts: int
    characters: int
    values: int
    once: int
    frequent: tuple[FrequentValue, ...]
    same_texts: int
    same_contexts: int
    context: int
    sample: tuple[SampleEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Contents:
        """The inverse of `to_dict`."""
        frequent = tuple(FrequentValue(**value) for value in given["frequent"])
        sample = tuple(SampleEntry(**entry) for entry in given["sample"])
        made: dict[str, Any] = {**given, "frequent": frequent, "sample": sample}
        return cls(**made)

    def lines(self) -> list[str]:
        """The same as lines of plain text."""
        first = ", ".join(f"{v.value!r} {v.entries:,} ({v.share:.1%})" for v in self.frequent[:10])
        return [
            f"{self.entries:,} entries of {self.texts:,} texts ({self.characters:,} characters)",
            f"{self.values:,} different values, {self.once:,} of them with a single entry; most frequent: {first}",
            self.repeated(),
            *(f"entry {s.entry:,}, {s.document}: …{s.before}[{s.value}]{s.after}…" for s in self.sample),
        ]

    def repeated(self) -> str:
        """What is there more than once, in a sentence."""
        share, one = self.same_contexts / max(1, self.entries), self.same_texts == 1
        return (
            f"{self.same_contexts:,} entries ({share:.1%}) repeat an earlier one: the same value after the same {self.context} "
            f"remembered tokens; {self.same_texts:,} {'text is' if one else 'texts are'} identical to an earlier one"
        )
