"""The user's own lessons: one JSON file each, in the home folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from memlab.corpus.door import checked_json
from memlab.corpus.lessons import Lesson, checked_name, read_lesson
from memlab.errors import HomeError, InputError, MemlabError, NotFound


def own_lessons(home: Path) -> tuple[Sequence[Lesson], Sequence[str]]:
    """The lessons of a home folder by name, and what is wrong with files that cannot be read as one."""
    found, problems = [], []
    for file in sorted((home / "lessons").glob("*.json")):
        try:
            found.append(read_lesson(file.read_text("utf-8")))
        except (MemlabError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{file.name}: {error}")
    return found, problems


def keep_lesson(home: Path, lesson: Lesson) -> None:
    """Writes a lesson, whole or not at all, replacing one of the same name. Raises HomeError."""
    folder = home / "lessons"
    checked_json(lesson.to_dict(), "The lesson")
    try:
        folder.mkdir(exist_ok=True)
        with NamedTemporaryFile("w", dir=folder, suffix=".tmp", encoding="utf-8", delete=False) as written:
            written.write(lesson.to_json())
        os.replace(written.name, folder / f"{checked_name(lesson.name)}.json")
    except OSError as error:
        raise HomeError(
            f"The lesson cannot be written to {folder}: {error.strerror}. Choose another home folder."
        ) from None


def drop_lesson(home: Path, name: str) -> None:
    """Deletes one of the user's own lessons. Raises NotFound, or InputError where its file cannot be deleted."""
    file = home / "lessons" / f"{checked_name(name)}.json"
    if not file.is_file():
        raise NotFound(f"There is no lesson {name!r} of your own. Bundled lessons cannot be deleted.")
    try:
        file.unlink()
    except OSError as error:
        raise InputError(f"{file} cannot be deleted: {error.strerror}.") from None
