"""Running a lesson: its edits in a workspace of its own, its claims checked, and the workspace deleted at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memlab.corpus.lesson_actions import CLAIMS, VERBS, Action, verbs
from memlab.corpus.lessons import Lesson, Step
from memlab.declare import LessonAction
from memlab.errors import InputError, MemlabError
from memlab.lab.view_address import arguments_of, tokens_of
from memlab.record.workspaces import LENGTH
from memlab.results import Article, Fact, GenerationPair, Trace
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab.door import Lab


@dataclass(frozen=True)
class Check:
    """One claim of a step: what the lesson says, what was found, whether the claim holds."""

    claim: str
    says: str
    found: str
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        return {"claim": self.claim, "says": self.says, "found": self.found, "holds": self.holds}


class LessonRun:
    """The workspace of one lesson: empty at first, changed by the steps that do something, deleted at the end.

    Going back needs no undo: each step is asked as of the edits that were made up to it. Safe between threads.

    Args:
        lab: of the home folder; its workspace is not touched.

    Raises:
        MemlabError: the workspace cannot be made.
    """

    def __init__(self, lab: Lab, lesson: Lesson) -> None:
        from memlab.lab.door import Lab

        self.lesson = lesson
        taken = {info.name for info in lab.workspaces()}
        title = f"lesson {lesson.title}"[: LENGTH - 4].rstrip()
        self._name = next(name for n in range(1, len(taken) + 2) if (name := f"{title} {n}") not in taken)
        lab.workspaces.create(self._name)
        self._owner = lab
        self.lab = Lab.open(lab.home, self._name)
        self._heads: list[int] = []  # after step n (from 0): the number of the last edit
        self._lock = threading.Lock()

    @property
    def workspace(self) -> str:
        """The name of the lesson's workspace."""
        return self._name

    def reach(self, step: int) -> int:
        """Makes those edits of all steps up to this one (from 1) that are not made yet.

        Returns:
            The number of the last edit as of this step.

        Raises:
            MemlabError: an edit cannot be made; those before it stay made.
        """
        with self._lock:
            while len(self._heads) < step:
                action = self.lesson.steps[len(self._heads)].do
                if action is not None:
                    do(self.lab, action)
                self._heads.append(self.lab.head())
            return self._heads[step - 1] if step else 0

    def check(self, step: int) -> list[Check]:
        """The claims of a step (from 1), after everything that is done up to it. Raises MemlabError."""
        return checked(self.lab, self.lesson.steps[step - 1], self.reach(step))

    def end(self) -> None:
        """Deletes the workspace with all its edits; raises nothing where it is gone already."""
        with self._lock, suppress(MemlabError):
            self._owner.workspaces.delete(self._name, self._name)


def do(lab: Lab, action: Action) -> None:
    """Carries out the action of a step, as edits. Raises MemlabError."""
    a = action.arguments
    if action.verb == "teach":
        lab.teach(a["text"])
    elif action.verb == "correct":
        lab.correct(_fact(a), a["new"])
    elif action.verb == "forget":
        lab.forget(fact=_fact(a))
    elif action.verb == "undo all":
        for row in reversed(lab.context.ledger.active()):
            lab.undo(row.sequence, anyway=True)
    else:
        found = _action(action)
        registry().code(found.run, found, "code")(lab, a)


def check_action(action: Action) -> None:
    """Raises InputError for an edit that no workspace could make."""
    found = None if action.verb in VERBS else _action(action)
    if found is not None and found.check is not None:
        registry().code(found.check, found, "check")(action.arguments)


def _action(action: Action) -> LessonAction:
    """The declared action. Raises InputError where its system went since the lesson was read."""
    found = registry().lesson_actions.get(action.verb)
    if found is None:
        raise InputError(f"No system here declares the lesson action {action.verb!r}. Allowed: {', '.join(verbs())}.")
    return found


def checked(lab: Lab, step: Step, as_of: int | None) -> list[Check]:
    """The claims of a step compared with what the workspace shows as of an edit. Raises MemlabError."""
    found: dict[str, str] = {}
    if view := _VIEWS.get(step.page) if set(step.claims) & CLAIMS.keys() - {"active"} else None:
        found = view(lab, step, as_of)
    for name, claim in registry().lesson_claims.items():
        if name in step.claims and claim.page == step.page:
            found[name] = str(registry().code(claim.find, claim, "code")(lab, step.parameters, as_of))
    found["active"] = str(len(lab.context.ledger.active(as_of)))
    checks = []
    for name, says in step.claims.items():
        if name not in found:
            raise InputError(f"The step {step.title!r} claims {name!r}, which the page {step.page} does not show.")
        checks.append(Check(name, says, found[name], holds(name, says, found[name])))
    return checks


def holds(claim: str, says: str, found: str) -> bool:
    """Whether a claim is true of what was found."""
    if claim in ("says", "alone says"):
        return says in found
    if claim == "gains":  # a number with its sign
        return found.startswith("+") and found != "+0.00"
    return (says.casefold() == found.casefold()) != claim.startswith("not ")


def _of_question(lab: Lab, step: Step, as_of: int | None) -> dict[str, str]:
    p = lab.ask(step.parameters["prompt"], **arguments_of("ask", step.parameters, as_of))
    firsts = {"answer": p.answer, "model": p.lm[0].token, "memory": p.knn[0].token}
    return firsts | {f"not {name}": word for name, word in firsts.items()}


def _of_passage(lab: Lab, step: Step, as_of: int | None) -> dict[str, str]:
    trace = passage_read(lab, step, as_of)
    wanted = step.claims.get("gains")
    gain = next(
        (f"{token.gain:+.2f}" for token in trace if token.text == wanted and token.gain is not None), "no such token"
    )
    better = float(trace.summary["perplexity"]) < float(trace.summary["perplexity_without_memory"])
    return {"perplexity": "lower" if better else "higher", "gains": gain}


def _of_text(lab: Lab, step: Step, as_of: int | None) -> dict[str, str]:
    pair = generated(lab, step, as_of)
    alone = pair.without_memory or pair.with_memory  # a method that does not remember is the model alone
    return {"says": pair.with_memory.continuation, "alone says": alone.continuation}


def generated(lab: Lab, step: Step, as_of: int | None) -> GenerationPair:
    """The texts of a step on Generate, with memory and without, as its page grows them. Raises MemlabError."""
    moves = step.parameters.get("moves") or f"g{tokens_of(step.parameters)}"
    return lab.trees.replay(step.parameters["prompt"], moves, **arguments_of("generate", step.parameters, as_of))


_VIEWS: dict[str, Callable[[Lab, Step, int | None], dict[str, str]]] = {
    "ask": _of_question, "read": _of_passage, "generate": _of_text,
}  # fmt: skip


def _fact(arguments: Any) -> Fact:
    return Fact(arguments["subject"], arguments["relation"], arguments["object"])


def passage_read(lab: Lab, step: Step, as_of: int | None) -> Trace:
    """The passage of a step on Read, as its page reads it. Raises MemlabError."""
    article = step.parameters.get("article")
    text = lab.article(article).text if article else step.parameters["text"]
    passage = Article("passage", "passage", text)  # a text in a lesson is never taken for a path
    return lab.read(passage, **arguments_of("read", step.parameters, as_of))
