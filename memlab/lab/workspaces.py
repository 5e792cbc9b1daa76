"""Workspaces of the home folder: each has its own edits over the same models and datastores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memlab.lab.context import Context
from memlab.record.database import open_database
from memlab.record.workspaces import WorkspaceInfo, Workspaces


class WorkspaceAdmin:
    """Makes, copies, deletes, exports and imports workspaces. Called, it lists them: `lab.workspaces()`."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> Sequence[WorkspaceInfo]:
        """All workspaces by name, "default" first; raises nothing."""
        return self._workspaces.list()

    def create(self, name: str) -> WorkspaceInfo:
        """Makes an empty workspace. Raises InputError: a bad name, or one that is taken."""
        return self._workspaces.create(name)

    def rename(self, name: str, new: str) -> WorkspaceInfo:
        """Gives a workspace another name; a Lab that was opened under the old one no longer finds it.

        Raises:
            NotFound: no such workspace.
            InputError: as `create`, or it is "default".
        """
        return self._workspaces.rename(name, new)

    def copy(self, name: str, new: str | None = None, as_of: int | None = None) -> WorkspaceInfo:
        """Makes a workspace with the same edits, or those up to edit `as_of`, and the same batches, notes and stars.

        Args:
            new: by default "<name> copy", or the first free name after it.

        Raises:
            NotFound: no such workspace.
            InputError: as `create`, or `as_of` is outside 0 to the last edit.
        """
        return self._workspaces.copy(name, new, as_of)

    def delete(self, name: str, repeated: str) -> None:
        """Removes a workspace and its edits for good; `repeated` is the name once more, as the person typed it.

        Raises:
            NotFound: no such workspace.
            InputError: the names differ, or it is "default".
        """
        self._workspaces.delete(name, repeated)

    def export(self, name: str, path: str | Path) -> Path:
        """Writes a workspace, with its batches and notes, to one file, whole or not at all.

        Raises:
            NotFound: no such workspace. InputError: something else is at `path`. HomeError: the file cannot be written.
            RecordError: weights that it needs are missing or were changed.
        """
        return self._workspaces.export(name, Path(path))

    def import_(self, path: str | Path, name: str | None = None) -> WorkspaceInfo:
        """Makes a workspace from an exported file: all of it or nothing.

        Args:
            name: by default the one that it was exported under; where that is taken (the result says so in
                `instead_of`), the first free one after it.

        Raises:
            InputError: the file is refused (foreign, damaged, oversized, another version, edits that cannot be
                applied), or the name is bad or taken.
        """
        return self._workspaces.import_(Path(path), name)

    @property
    def _workspaces(self) -> Workspaces:
        return Workspaces(open_database(self.context.home))
