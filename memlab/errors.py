"""Everything that memlab raises on purpose.

    MemlabError
    |-- InputError      a prompt, text, setting or file that cannot be used
    |   `-- TooLongError    a text over the limit of tokens; says where it would be cut
    |-- ChapterError    a system's addition to the lab cannot be loaded
    |-- NotFound        a method, model, datastore or article that does not exist
    |-- StoreError      a datastore that is damaged, unfinished or belongs to something else
    |-- HomeError       the home folder cannot be used (not writable, disk full)
    |-- RecordError     the record of edits cannot be read or written, or changed in the meantime
    `-- StoppedError    long work was asked to stop, and did

Each message says what was wrong, what is allowed and what to do. Pages and the command line catch
`MemlabError` at the outermost level and show the message as it is; anything else is a bug and stays visible.
"""

from __future__ import annotations

from collections.abc import Iterable


class MemlabError(Exception):
    """Root of all expected errors; its text is written for the user.

    Surrogates (from a name or path that is not UTF-8) are replaced, so that the text can be printed and stored.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__("".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in message))


class InputError(MemlabError):
    """The prompt, text, file or setting cannot be used."""


class TooLongError(InputError):
    """A text with more tokens than the limit. `end`: the character after which it would be cut; `limit`: in tokens."""

    def __init__(self, message: str, end: int, limit: int) -> None:
        super().__init__(message)
        self.end, self.limit = end, limit


class NotFound(MemlabError):
    """The named thing does not exist."""

    @classmethod
    def named(cls, what: str, name: object, available: Iterable[str], hint: str = "") -> NotFound:
        """The error for an unknown `name` of a `what` ("model", "method"): lists the names available, then the hint."""
        there = ", ".join(sorted(available)) or "none"
        return cls(f"There is no {what} {name!r}. Available: {there}.{' ' + hint if hint else ''}")


class ChapterError(MemlabError, AttributeError):
    """A system's addition to the lab cannot be loaded. Also an AttributeError, so that `hasattr` returns False."""


class StoreError(MemlabError):
    """A datastore cannot be used: damaged, unfinished, or made for something else."""


class HomeError(MemlabError):
    """The home folder cannot be read or written."""


class RecordError(MemlabError):
    """The record (database, ledger, jobs) cannot be read or written, or changed in the meantime."""


class StoppedError(MemlabError):
    """Long work was asked to stop; what is finished is kept."""
