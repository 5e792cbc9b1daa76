"""Code that is named in a declaration and imported when it is first needed."""

from __future__ import annotations

import importlib
from typing import Any

from memlab.errors import LoadError


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


def loaded(reference: str, what: str) -> Any:
    """The same for code of a system, whatever it raises when it is imported.

    Args:
        what: how the message calls it, for example "the reader of the method 'x' of the system 'y'".

    Raises:
        LoadError: it cannot be loaded; says what it is and why.
    """
    try:
        return load(reference)
    except (Exception, SystemExit) as error:  # whatever the code of a system raises when it is imported
        raise LoadError(f"{what} cannot be loaded: {why(error)}. Install that system again.") from error


def why(error: BaseException) -> str:
    """An error that code of a system raised, as messages name it."""
    return f"{type(error).__name__}: {error}".rstrip(". :")
