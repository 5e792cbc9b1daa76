"""Lab: the one door. Whatever a page, the command line or a notebook can do is a method here.

from memlab import Lab
lab = Lab.open()
lab.ask("The capital of France is [MASK].")
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from memlab.errors import NotFound
from memlab.lab.asking import PRESETS
from memlab.lab.asking_spalm import AskingSpalm
from memlab.lab.batch import Batch
from memlab.lab.benching import Benching
from memlab.lab.crashing import Crashing
from memlab.lab.growing import Growing
from memlab.lab.lessons import Lessons
from memlab.lab.passages import Passages
from memlab.lab.reporting import Reporting
from memlab.lab.sourcing import Sourcing
from memlab.lab.workspaces import Overlays
from memlab.record.database import open_database
from memlab.record.files import sweep
from memlab.record.home import home_folder
from memlab.record.workspaces import Workspaces

__all__ = ["PRESETS", "Lab"]


class Lab(AskingSpalm, Overlays, Batch, Lessons, Reporting, Benching, Sourcing, Passages, Crashing, Growing):
    """Models, datastores and methods of one home folder, seen from one workspace.

    Its parts stand in files of their own: inventory (what there is), asking, editing, making (build and
    train), measuring and so on. They hold no algorithm: each method calls into the rooms below.
    """

    @classmethod
    def open(cls, home: str | Path | None = None, workspace: str = "default") -> Lab:
        """Opens a home folder (default: $MEMLAB_HOME, else the user's data folder); loads nothing heavy.

        Raises:
            HomeError: the folder cannot be written.
            NotFound: no such workspace.
        """
        folder = home_folder(home)
        names = [w.name for w in Workspaces(open_database(folder)).list()]
        if workspace not in names:
            raise NotFound.named("workspace", workspace, names)
        _clean(folder)
        return cls(folder, workspace)


@cache
def _clean(home: Path) -> None:
    """Removes what a killed process left half-written; once for each home folder that a process opens."""
    sweep(home)
