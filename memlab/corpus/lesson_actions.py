"""The actions and claims of a lesson's steps, as its file states them.

An action is an edit in the lesson's own workspace; a claim is checked against what the view shows. Both are carried out
by `memlab.lab.lesson_run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.errors import InputError

# verb -> its arguments; those with "?" may be left out
VERBS: dict[str, tuple[str, ...]] = {
    "teach": ("text",),
    "correct": ("subject", "relation", "object", "new"),
    "forget": ("subject", "relation", "object"),
    "modify": ("subject", "relation", "new", "method?", "norm?", "delta?"),
    "replace fact": ("subject", "relation", "object", "new"),
    "ask everything": ("thing",),
    "solve": ("thing",),
    "undo all": (),
}
# claim -> what it states about the view
CLAIMS: dict[str, str] = {
    "answer": "the answer",
    "not answer": "what is not the answer",
    "model": "the first word of the model alone",
    "not model": "what is not the first word of the model alone",
    "memory": "the first word of the memory",
    "not memory": "what is not the first word of the memory",
    "perplexity": "a passage with memory: lower or higher than without",
    "gains": "a token of the passage whose probability is higher with memory",
    "says": "what the text with memory contains",
    "alone says": "what the text of the model alone contains",
    "conflicts": "whether beliefs about the thing contradict each other: some or none",
    "active": "how many edits are active",
}
CHOICES = {"perplexity": ("lower", "higher"), "conflicts": ("some", "none")}


@dataclass(frozen=True)
class Action:
    """An edit: verb and arguments, all text."""

    verb: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line: "correct: France, capital, Paris, Lyon"."""
        return f"{self.verb}: {', '.join(self.arguments.values())}" if self.arguments else self.verb

    def to_dict(self) -> dict[str, str]:
        return {"verb": self.verb, **self.arguments}


def read_action(raw: Any, where: str) -> Action | None:
    """The action of a step; None if it has none. Raises InputError."""
    if raw is None:
        return None
    arguments = texts_of(raw, f"'do' of {where}")
    verb = arguments.pop("verb", None)
    if verb not in VERBS:
        raise InputError(f"In the lesson, {where} does {verb!r}. Allowed: {', '.join(VERBS)}.")
    needed = {name for name in VERBS[verb] if not name.endswith("?")}
    allowed = {name.removesuffix("?") for name in VERBS[verb]}
    if not needed <= set(arguments) <= allowed:
        listed = ", ".join(sorted(allowed)) or "none"
        raise InputError(
            f"In the lesson, {where} does {verb!r} with {', '.join(arguments) or 'no arguments'}. It takes: {listed}."
        )
    return Action(verb, arguments)


def read_claims(raw: Any, where: str) -> Mapping[str, str]:
    """The claims of a step. Raises InputError."""
    claims = texts_of({} if raw is None else raw, f"'claims' of {where}")
    for name, value in claims.items():
        if name not in CLAIMS:
            raise InputError(f"In the lesson, {where} claims {name!r}. Allowed: {', '.join(CLAIMS)}.")
        if name in CHOICES and value not in CHOICES[name]:
            raise InputError(f"In the lesson, {where} claims {name} {value!r}. Allowed: {' or '.join(CHOICES[name])}.")
        if name == "active" and not value.isdecimal():
            raise InputError(f"In the lesson, {where} claims {value!r} edits; it must be a whole number.")
    return claims


def texts_of(raw: Any, what: str) -> dict[str, str]:
    """A JSON object whose values are all strings. Raises InputError."""
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise InputError(f"In the lesson, {what} must be an object of texts; it is {raw!r}.")
    return dict(raw)
