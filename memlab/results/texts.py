"""What was read from files and data sets, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NAMED = 5  # examples in a sentence; the JSON has those that are kept

_WORDING: Mapping[str, tuple[str, str, str]] = {  # kind -> singular, plural, what happened to them
    "hidden": ("hidden file", "hidden files", "left out (--hidden includes them)"),
    "side": ("side file of another system", "side files of other systems", "left out"),
    "format": ("file of another format", "files of other formats", "left out"),
    "link": ("symbolic link out of the folder", "symbolic links out of the folder", "not followed"),
    "unreadable": ("file that cannot be read", "files that cannot be read", "left out"),
    "empty": ("file without text", "files without text", "left out"),
    "row": ("row without text", "rows without text", "skipped"),
}


@dataclass(frozen=True)
class LeftOut:
    """Things of one kind that were not read: hidden, side, format, link, unreadable, empty (files), row.

    `examples` are the first of them: names of files, rows as "letters.csv row 3"; of unreadable files also why.
    """

    kind: str
    count: int
    examples: tuple[str, ...] = ()

    def sentence(self) -> str:
        """For example "3 hidden files left out (--hidden includes them): .trash/Wrong.md"."""
        one, more, what = _WORDING[self.kind]
        shown = ", ".join(self.examples[:NAMED]) + (" and more" if self.count > min(NAMED, len(self.examples)) else "")
        return f"{self.count:,} {one if self.count == 1 else more} {what}: {shown}"


@dataclass(frozen=True)
class TextSource:
    """A data set of the hub: its name as it was asked for, revision, license as its card states it, rows of the split."""

    name: str
    revision: str
    license: str
    rows: int

    def sentence(self) -> str:
        """For example "hf:owner/letters/train: 200 rows, license cc-by-4.0, revision 0123456789ab"."""
        return f"{self.name}: {self.rows:,} rows, license {self.license}, revision {self.revision[:12] or 'unknown'}"


@dataclass(frozen=True)
class TextReport:
    """How many files were read, how many texts they gave, what was left out, what else a person should know, and the data
    sets of the hub that were read."""

    files: int
    texts: int
    left_out: tuple[LeftOut, ...] = ()
    notices: tuple[str, ...] = ()
    sources: tuple[TextSource, ...] = ()

    def lines(self) -> list[str]:
        """A sentence for each data set, each kind of thing left out, and each notice."""
        sources = (source.sentence() for source in self.sources)
        return [*sources, *(part.sentence() for part in self.left_out), *self.notices]

    def count(self, kind: str) -> int:
        """How many of a kind were left out."""
        return sum(part.count for part in self.left_out if part.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TextReport:
        """The inverse of `to_dict`."""
        left_out = tuple(LeftOut(part["kind"], part["count"], tuple(part["examples"])) for part in given["left_out"])
        sources = tuple(TextSource(**source) for source in given.get("sources", ()))
        return cls(given["files"], given["texts"], left_out, tuple(given["notices"]), sources)
