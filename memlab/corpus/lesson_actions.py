"""The actions and claims of a lesson's steps, as its file states them.

An action is an edit in the lesson's own workspace; a claim is checked against what the view shows. Both are carried out
by `memlab.lab.lesson_run`. Systems declare more of both (`memlab.declare.LessonAction`, `LessonClaim`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.declare.provided import declared
from memlab.errors import InputError

# verb of memlab itself -> its arguments; those with "?" may be left out
VERBS: dict[str, tuple[str, ...]] = {
    "teach": ("text",),
    "correct": ("subject", "relation", "object", "new"),
    "forget": ("subject", "relation", "object"),
    "undo all": (),
}
# claim of memlab itself -> what it states about the view
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
    "active": "how many edits are active",
}
CHOICES = {"perplexity": ("lower", "higher")}


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


def verbs() -> dict[str, tuple[str, ...]]:
    """What a step can do, with its arguments: memlab's own verbs, and those that systems declare."""
    return {**VERBS, **{a.name: a.arguments for a in declared().lesson_actions.values()}}


def choices() -> dict[str, tuple[str, ...]]:
    """What a step can claim, with what it can say; () for any text: memlab's own claims, and those that systems declare."""
    own = {name: CHOICES.get(name, ()) for name in CLAIMS}
    return {**own, **{c.name: c.choices for c in declared().lesson_claims.values()}}


def read_action(raw: Any, where: str) -> Action | None:
    """The action of a step; None if it has none. Raises InputError."""
    if raw is None:
        return None
    arguments = texts_of(raw, f"'do' of {where}")
    verb = arguments.pop("verb", None)
    known = verbs()
    if verb not in known:
        raise InputError(f"In the lesson, {where} does {verb!r}. Allowed: {', '.join(known)}.")
    needed = {name for name in known[verb] if not name.endswith("?")}
    allowed = {name.removesuffix("?") for name in known[verb]}
    if not needed <= set(arguments) <= allowed:
        listed = ", ".join(sorted(allowed)) or "none"
        raise InputError(
            f"In the lesson, {where} does {verb!r} with {', '.join(arguments) or 'no arguments'}. It takes: {listed}."
        )
    return Action(verb, arguments)


def read_claims(raw: Any, where: str) -> Mapping[str, str]:
    """The claims of a step. Raises InputError."""
    claims = texts_of({} if raw is None else raw, f"'claims' of {where}")
    known = choices() if claims else {}
    for name, value in claims.items():
        if name not in known:
            raise InputError(f"In the lesson, {where} claims {name!r}. Allowed: {', '.join(known)}.")
        if known[name] and value not in known[name]:
            raise InputError(f"In the lesson, {where} claims {name} {value!r}. Allowed: {' or '.join(known[name])}.")
        if name == "active" and not value.isdecimal():
            raise InputError(f"In the lesson, {where} claims {value!r} edits; it must be a whole number.")
    return claims


def texts_of(raw: Any, what: str) -> dict[str, str]:
    """A JSON object whose values are all strings. Raises InputError."""
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise InputError(f"In the lesson, {what} must be an object of texts; it is {raw!r}.")
    return dict(raw)
