"""Lessons: those that ship, and those of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from memlab.corpus.lessons import Lesson, Step, bundled_lessons, named_after, read_lesson
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.inventory import Inventory
from memlab.methods import method
from memlab.methods.declare import checked
from memlab.record.lessons import drop_lesson, keep_lesson, own_lessons


class Lessons(Inventory):
    """Ordered views with notes."""

    def lessons(self) -> list[Lesson]:
        """All lessons, the bundled ones first."""
        return [*bundled_lessons(), *own_lessons(self.home)[0]]

    def lesson_problems(self) -> Sequence[str]:
        """What is wrong with files in the home's lesson folder that cannot be read."""
        return own_lessons(self.home)[1]

    def lesson(self, name: str) -> Lesson:
        """One lesson. Raises NotFound."""
        found = {lesson.name: lesson for lesson in reversed(self.lessons())}
        if name not in found:
            raise NotFound.named("lesson", name, found)
        return found[name]

    def save_lesson(self, lesson: Lesson) -> Lesson:
        """Keeps a lesson in the home folder, in place of one's own of the same name.

        Raises:
            InputError: the name of a bundled lesson, or a step with an unknown method or a setting out of range.
        """
        if any(lesson.name == other.name for other in bundled_lessons()):
            raise InputError(f"The name {lesson.name!r} belongs to a bundled lesson. Give yours another title.")
        for n, step in enumerate(lesson.steps, 1):
            _check(step, n)
        keep_lesson(self.home, lesson)
        return lesson

    def new_lesson(self, title: str, about: str, step: Step) -> Lesson:
        """Makes a lesson of one step, named after its title. Raises InputError."""
        return self.save_lesson(Lesson(self._free(named_after(title)), title, about, 1, (step,)))

    def add_to_lesson(self, name: str, step: Step) -> Lesson:
        """Puts a step at the end of a lesson of one's own. Raises NotFound, or InputError."""
        lesson = self.lesson(name)
        steps = (*lesson.steps, step)
        return self.save_lesson(replace(lesson, steps=steps, minutes=max(lesson.minutes, len(steps))))

    def import_lesson(self, text: str) -> Lesson:
        """Keeps a lesson from an exported file's text, under its own name or a free one. Raises InputError."""
        lesson = read_lesson(text)
        return self.save_lesson(replace(lesson, name=self._free(lesson.name)))

    def delete_lesson(self, name: str) -> None:
        """Deletes a lesson of one's own. Raises NotFound."""
        drop_lesson(self.home, name)

    def _free(self, name: str) -> str:
        """The name, or the first free one after it."""
        taken = {other.name for other in self.lessons()}
        numbered = (f"{name[:56]}-{n}" for n in count(2))
        return name if name not in taken else next(free for free in numbered if free not in taken)


def _check(step: Step, n: int) -> None:
    """Raises InputError for a step that names a method, or a value of a setting, that there is not."""
    if "method" not in step.parameters:
        return  # the page chooses one, and says what does not fit
    try:
        how = method(step.parameters["method"])
        known = {f.name for f in how.fields()}
        checked(how.settings, {k: v for k, v in step.parameters.items() if k in known})
    except MemlabError as error:
        raise InputError(f"Step {n} of the lesson ({step.title}): {error}") from None
