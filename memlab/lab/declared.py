"""What systems add to the lab: `lab.<chapter>` and `lab.<verb>`, imported when they are first used.

`Lab.<verb>` is the function with its signature and docstring, and `dir` lists the names, so that `help(Lab)`, `help(lab.<verb>)`
and completion work as for what the lab defines itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from memlab.declare import Chapter
from memlab.declare.late import why
from memlab.errors import ChapterError
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab


class DeclaredNames(type):
    """The type of `Lab`: looks up on the class what systems declare."""

    def __getattr__(cls, name: str) -> Any:
        found = registry().chapters.get(name)
        if found is None:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        chapter, verb = found
        return _property(chapter) if verb is None else _function(chapter, verb)

    def __dir__(cls) -> Iterable[str]:
        return [*super().__dir__(), *registry().chapters]


def declared(lab: Lab, name: str) -> Any:
    """The chapter or verb of a lab that a system declares under this name; None where there is none.

    Raises:
        ChapterError: its code cannot be loaded; says which system is broken, and why.
    """
    found = registry().chapters.get(name)
    if found is None:
        return None
    chapter, verb = found
    made = _class(chapter, name)(lab)
    return made if verb is None else _verb(made, verb, chapter)


@cache
def _property(chapter: Chapter) -> property:
    """The chapter as an attribute of the class."""
    return property(lambda lab: declared(lab, chapter.name), doc=chapter.help)


@cache
def _function(chapter: Chapter, verb: str) -> Callable[..., Any]:
    """The verb as a function of a lab."""

    @wraps(_verb(_class(chapter, verb), verb, chapter))
    def function(lab: Lab, /, *arguments: Any, **options: Any) -> Any:
        return declared(lab, verb)(*arguments, **options)

    return function


def _class(chapter: Chapter, name: str) -> Any:
    try:
        return chapter.load_class()
    except (Exception, SystemExit) as error:  # whatever the code of a system raises when it is imported
        raise _broken(chapter, name, why(error)) from error


def _verb(made: Any, verb: str, chapter: Chapter) -> Any:
    try:
        return getattr(made, verb)
    except AttributeError:
        raise _broken(chapter, verb, f"{chapter.code} has no {verb!r}") from None


def _broken(chapter: Chapter, name: str, reason: str) -> ChapterError:
    system = next(s for s in registry().systems.values() if chapter in s.chapters)
    return ChapterError(f"lab.{name} of the system {system.name!r} ({system.title}) cannot be loaded: {reason}.")
