"""Code that is named in a declaration and imported when it is first needed."""

from __future__ import annotations

import importlib
from typing import Any


def load(reference: str) -> Any:
    """The object that "module:name" refers to.

    Raises:
        ImportError: no such module, or it cannot be imported.
        AttributeError: the module has no such name.
    """
    module, _, name = reference.partition(":")
    if not module or not name:
        raise ImportError(f"{reference!r} does not name code; expected is 'module:name'.")
    return getattr(importlib.import_module(module), name)
