"""Kinds of edits: what a row of the ledger may say, and what it does to its part of the workspace's state.

The state of a workspace has parts: "memory" (texts forgotten and taught), and those that systems add ("weights",
"beliefs", ...). Each part is one fold over the active edits of its kinds, in the order of the ledger; an edit that
is undone is left out of the fold. This package knows the kinds of "memory" (`memory_kinds`); others register theirs:

    register_kind(EditKind("note", "notes", check=check_note, fold=list_of_notes, summary=first_words))
    ledger.append("note", kind("note").summary(parameters), parameters)
    ledger.state("notes", as_of=3)

A row of a kind that is not registered here (a newer memlab made it, or a system that is not installed) can be read,
verified and exported; nothing can be added to its workspace until the kind is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from memlab.errors import InputError, MemlabError, RecordError
from memlab.record.hash_chain import EditRow
from memlab.record.scores import check_scores
from memlab.serialize import as_json

MARKS = ("undo", "redo")  # edits about another edit; they belong to no part
NAME_LENGTH = 20  # of a kind, as the table holds it
FIELD_TYPES = ("text", "number", "choice", "flag", "fact", "facts")

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class FormField:
    """One input of a kind's form. Its value becomes the parameter `name` of the edit (`record.forms`).

    Args:
        name: a key of the parameters.
        label, help: as a page writes them.
        type: text, number, choice (one of `choices`), flag (true or false), fact (an object with subject, relation and
            object) or facts (a list of those).
        required: whether it must be filled in; an empty optional field is left out of the parameters.
        choices: the allowed texts of a choice.
    """

    name: str
    label: str
    help: str
    type: str = "text"
    required: bool = True
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or "=" in self.name:
            raise ValueError(f"{self.name!r} cannot name a field of a form; allowed is a text without '='")
        if self.type not in FIELD_TYPES:
            raise ValueError(
                f"{self.name}: there is no type of field {self.type!r}; allowed is one of {', '.join(FIELD_TYPES)}"
            )
        if (self.type == "choice") != bool(self.choices):
            raise ValueError(f"{self.name}: choices belong to the type 'choice', which needs at least one")
        object.__setattr__(self, "choices", tuple(self.choices))

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.type == "choice":
            return "one of " + ", ".join(self.choices)
        return _ALLOWED[self.type]

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name", "label", "help", "type", "required", "choices")


_ALLOWED = {
    "text": "a text",
    "number": "a number",
    "flag": "true or false",
    "fact": "subject, relation and object (as a text: subject|relation|object)",
    "facts": "facts of subject, relation and object (as a text: subject|relation|object, several divided by ;)",
}


@dataclass(frozen=True)
class MadeBy:
    """The verb that makes edits of a kind whose parameters are computed instead of typed in.

    Args:
        verb: of the lab: "teach", "beliefs.pin".
        command: what is typed after `memlab`: "teach"; "" where there is none.
        page: the address of the page that makes them: "edit", "system-my-system"; "" where there is none.
    """

    verb: str
    command: str = ""
    page: str = ""

    def __str__(self) -> str:
        return f"lab.{self.verb}" + (f" or `memlab {self.command}`" if self.command else "")

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class EditKind:
    """One kind of edit. Functions may be given as "module:name"; they are imported when they are first needed.

    Args:
        name: what the ledger calls it, at most 20 characters, not "undo" or "redo".
        part: the part of the workspace's state that it changes.
        check: called with an edit's parameters (plain JSON) and its number before it is appended, imported or
            folded; raises InputError with what is wrong.
        fold: called with the results of `read` for the part's active edits, in order, and the number of the last
            edit of the ledger; returns the state. All kinds of a part name the same fold.
        summary: one line about an edit with these parameters.
        read: what the fold needs of a row, computed once for each row; by default the row itself.
        check_scores: called with the `before` and `after` of an edit; raises as `check` does. By default they
            must have the form that `results.EditEffects` gives them.
        form: the inputs that give an edit's parameters, each under the name of its field. A kind with a form can be
            recorded on its system's page and with `memlab edit`.
        title: what a page calls it; by default the name.
        example: for kinds with a file of weights: called with the sha256 of a file, gives parameters that are allowed
            for it. The crash test of the record makes edits with it.
        made_by: for kinds whose parameters are computed by a verb of the lab: `lab.record`, `memlab edit` and the
            general form refuse them, and name the verb.
    """

    name: str
    part: str
    check: Callable[[Parameters, int], None] | str
    fold: Callable[[Sequence[Any], int], Any] | str
    summary: Callable[[Parameters], str] | str
    read: Callable[[EditRow], Any] | str | None = None
    check_scores: Callable[[Mapping[str, Any]], None] | str | None = None
    form: tuple[FormField, ...] = ()
    title: str = ""
    example: Callable[[str], dict[str, Any]] | str | None = None
    made_by: MadeBy | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", tuple(self.form))
        names = [field.name for field in self.form]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the form of the kind of edit {self.name!r} has two fields named {twice!r}")

    @property
    def elsewhere(self) -> str | None:
        """Where edits of this kind are made, for one that needs more than parameters; None where `lab.record` makes them."""
        if self.made_by is not None:
            return f"Edits of the kind {self.name!r} are made with {self.made_by}."
        if self.example is not None:
            return f"Edits of the kind {self.name!r} need a file of weights: only the verbs of their system make them."
        return None

    def to_dict(self) -> dict[str, Any]:
        return {
            **as_json(self, "name", "part"),
            "title": self.title or self.name,
            **as_json(self, "form", "made_by"),
        }

    def example_for(self, sha256: str) -> dict[str, Any]:
        """Parameters that are allowed with this file of weights."""
        assert self.example is not None, f"the kind {self.name!r} declares no example"
        return dict(_function(self.example)(sha256))

    def wrong_with(self, parameters: Parameters, sequence: int) -> str | None:
        """Why an edit with these parameters cannot be applied as number `sequence`: "has ...", "cannot ..."; or None."""
        return _refusal(self.check, parameters, sequence)

    def wrong_with_scores(self, scores: Mapping[str, Any]) -> str | None:
        """Why an edit cannot carry these scores, in the form of `wrong_with`."""
        return _refusal(self.check_scores or check_scores, scores)

    def summarized(self, parameters: Parameters) -> str:
        """One line about an edit with these parameters."""
        return str(_function(self.summary)(parameters))

    def effect(self, row: EditRow) -> Any:
        """What the fold needs of a row that was checked."""
        return row if self.read is None else _function(self.read)(row)

    def folded(self, effects: Sequence[Any], head: int) -> Any:
        """The state of this kind's part after these edits."""
        return _function(self.fold)(effects, head)


_kinds: dict[str, EditKind] = {}


def register_kind(kind: EditKind) -> EditKind:
    """Registers a kind of edit. Registering an equal one again does nothing.

    Raises:
        InputError: a name that is taken, reserved or too long, or another fold than the part's.
    """
    known = _kinds.get(kind.name)
    if known == kind:
        return kind
    if known is not None:
        raise InputError(
            f"There is a kind of edit {kind.name!r} already, for the part {known.part!r}. Choose another name."
        )
    if kind.name in MARKS or not kind.name.isprintable() or not 1 <= len(kind.name) <= NAME_LENGTH:
        raise InputError(
            f"{kind.name[:40]!r} cannot name a kind of edit. Use 1 to {NAME_LENGTH} characters other than 'undo' "
            "and 'redo'."
        )
    if any(other.part == kind.part and other.fold != kind.fold for other in _kinds.values()):
        raise InputError(
            f"The kind {kind.name!r} has another fold than the other kinds of the part {kind.part!r}. Use the same."
        )
    _kinds[kind.name] = kind
    return kind


def unregister_kind(name: str) -> None:
    """Removes a kind, as when a system is removed."""
    _kinds.pop(name, None)


def kind(name: str) -> EditKind:
    """The registered kind of that name. Raises InputError with the names that exist."""
    found = _kinds.get(name)
    if found is None:
        raise InputError(f"{name[:40]!r} is not a kind of edit. Allowed: {', '.join(_kinds)}.")
    return found


def known_kind(name: str) -> EditKind | None:
    """The kind of that name, or None where it is not registered here."""
    return _kinds.get(name)


def kinds(part: str | None = None) -> tuple[EditKind, ...]:
    """All registered kinds (of a part)."""
    return tuple(kind for kind in _kinds.values() if part in (None, kind.part))


def parts() -> tuple[str, ...]:
    """The parts of a workspace's state."""
    return tuple(dict.fromkeys(kind.part for kind in _kinds.values()))


def is_known(name: str) -> bool:
    """Whether rows of this kind can be applied here."""
    return name in MARKS or name in _kinds


def unknown_reason(workspace: str, found: Mapping[str, Sequence[int]]) -> str:
    """Why nothing can be added to a workspace that holds edits of unknown kinds (name -> numbers)."""
    named = "; ".join(f"{_named(name)}: {_listed(numbers)}" for name, numbers in found.items())
    return (
        f"The workspace {workspace!r} is read-only: it holds edits of kinds that are not known here ({named}). Install "
        "the system that made them, or update memlab. It can be verified, exported and copied."
    )


def _named(name: str) -> str:
    return repr(name[:NAME_LENGTH])


def _listed(numbers: Sequence[int]) -> str:
    some = ", ".join(str(n) for n in numbers[:5])
    return f"edit{'s' if len(numbers) > 1 else ''} {some}" + (
        f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    )


def _refusal(check: Callable[..., None] | str, *given: Any) -> str | None:
    """The problem that a check finds in untrusted values; unexpected errors count as one."""
    try:
        _function(check)(*given)
    except ValueError as error:
        return str(error)
    except MemlabError as error:
        return f"cannot be applied: {error}"
    except (TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        return f"cannot be applied ({type(error).__name__}: {error})"
    return None


def _function(named: Callable[..., Any] | str) -> Callable[..., Any]:
    return _imported(named) if isinstance(named, str) else named


@cache
def _imported(named: str) -> Callable[..., Any]:
    """The function "module:name". Raises RecordError where it cannot be imported."""
    module, _, name = named.partition(":")
    try:
        return getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # whatever the code of a system raises when it is imported
        raise RecordError(
            f"The code of a kind of edit, {named}, cannot be loaded ({error}). Install it again."
        ) from error


def unknown_among(marks: Iterator[tuple[int, str]]) -> dict[str, list[int]]:
    """Kinds that are not known here, with the numbers of their edits."""
    found: dict[str, list[int]] = {}
    for sequence, name in marks:
        if not is_known(name):
            found.setdefault(name, []).append(sequence)
    return found
