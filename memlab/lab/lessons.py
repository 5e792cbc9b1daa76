"""Lessons: the bundled ones, and the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from memlab.corpus.lessons import Lesson, Step, bundled_lessons, named_after, read_lesson
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.context import Context
from memlab.lab.lesson_run import check_action
from memlab.lab.view_address import PAGES, arguments_of, tokens_of
from memlab.record.lessons import drop_lesson, keep_lesson, own_lessons


class Lessons:
    """Ordered views with notes. Called, it lists them: `lab.lessons()`."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> list[Lesson]:
        """All lessons, the bundled ones first; raises nothing."""
        return [*bundled_lessons(), *own_lessons(self.context.home)[0]]

    def problems(self) -> Sequence[str]:
        """What is wrong with files in the home's lesson folder that cannot be read; raises nothing."""
        return own_lessons(self.context.home)[1]

    def get(self, name: str) -> Lesson:
        """One lesson. Raises NotFound."""
        found = {lesson.name: lesson for lesson in reversed(self())}
        if name not in found:
            raise NotFound.named("lesson", name, found)
        return found[name]

    def save(self, lesson: Lesson) -> Lesson:
        """Stores a lesson in the home folder, replacing one there of the same name.

        Raises:
            InputError: the name of a bundled lesson, or a step with an unknown method, a setting out of range or a wrong edit.
        """
        if any(lesson.name == other.name for other in bundled_lessons()):
            raise InputError(f"The name {lesson.name!r} belongs to a bundled lesson. Give yours another title.")
        for n, step in enumerate(lesson.steps, 1):
            _check(step, n)
        keep_lesson(self.context.home, lesson)
        return lesson

    def new(self, title: str, about: str, step: Step) -> Lesson:
        """Makes a lesson of one step, named after its title. Raises InputError."""
        return self.save(Lesson(self._free(named_after(title)), title, about, 1, (step,)))

    def add_step(self, name: str, step: Step) -> Lesson:
        """Adds a step at the end of one of the user's own lessons. Raises NotFound, or InputError."""
        lesson = self.get(name)
        steps = (*lesson.steps, step)
        return self.save(replace(lesson, steps=steps, minutes=max(lesson.minutes, len(steps))))

    def import_(self, text: str) -> Lesson:
        """Stores a lesson from the text of an exported file, under its own name or a free one. Raises InputError."""
        lesson = read_lesson(text)
        return self.save(replace(lesson, name=self._free(lesson.name)))

    def delete(self, name: str) -> None:
        """Deletes one of the user's own lessons. Raises NotFound."""
        drop_lesson(self.context.home, name)

    def _free(self, name: str) -> str:
        """The name, or the first free one after it."""
        taken = {other.name for other in self()}
        numbered = (f"{name[:56]}-{n}" for n in count(2))
        return name if name not in taken else next(free for free in numbered if free not in taken)


def _check(step: Step, n: int) -> None:
    """Raises InputError for a step with an unknown method or setting, a value that its setting cannot have, or a wrong edit."""
    try:
        if step.do is not None:
            check_action(step.do)
        if step.page in PAGES or "method" in step.parameters:  # Batch names what it asks with as Ask does
            arguments_of(step.page if step.page in PAGES else "ask", step.parameters)
        if step.page == "generate":
            tokens_of(step.parameters)
    except MemlabError as error:
        raise InputError(f"Step {n} of the lesson ({step.title}): {error}") from None
