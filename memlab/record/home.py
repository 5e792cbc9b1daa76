"""The home folder, which holds everything that memlab writes. Deleting it loses only what the user made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

from memlab.errors import HomeError
from memlab.outside import given_path


def home_folder(home: str | Path | None = None) -> Path:
    """`home`, else $MEMLAB_HOME, else the platform's user data folder; made if it is not there.

    Raises:
        HomeError: it is not a folder or cannot be written.
    """
    chosen = home or os.environ.get("MEMLAB_HOME") or platformdirs.user_data_dir("memlab", appauthor=False)
    if str(given_path(chosen)).startswith("~"):
        raise HomeError(
            f"The home folder {chosen} is that of a user who is not known here. Set MEMLAB_HOME, or give --home, a path."
        )
    path = given_path(chosen).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise HomeError(
            f"The home folder {path} cannot be written ({error.strerror}). "
            "Set MEMLAB_HOME, or give --home, a folder that can be written."
        ) from error
    return path
