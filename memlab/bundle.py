"""Where the files that ship with memlab are: the app, its pages and its assets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from memlab.errors import MemlabError


@cache
def bundle() -> Path:
    """The folder that holds app.py, pages/, assets/ and .streamlit/.

    In a clone that is the project's root; in an installed package `memlab/_bundle`, where the build
    puts the same tree.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_bundle", package.parent):
        if (root / "app.py").is_file() and (root / "assets").is_dir():
            return root
    raise MemlabError(f"memlab's own files (app.py, assets) are missing beside {package}. Install memlab again.")


def assets() -> Path:
    """The folder with facts, texts and small models."""
    return bundle() / "assets"
