"""Reading the JSON files of a model's folder. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memlab.errors import InputError


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is no file.

    Raises:
        InputError: the file is damaged, or contains something other than an object.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise InputError(f"{file} is damaged: it is nested too deeply to be read.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is damaged: {error}.") from error
    if not isinstance(found, dict):
        raise InputError(
            f"{file} is damaged: it contains a {type(found).__name__}; expected a JSON object with the model's settings."
        )
    return found
