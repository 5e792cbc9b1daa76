"""The child process: `python -m memlab.lm.adding.child VERB ARGUMENTS`. Writes JSON to stdout, one object per line."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from memlab.errors import MemlabError

VERBS = {  # verb -> "module:function", taking `say` and the arguments
    "hub-list": "memlab.lm.adding.hub_child:list_files",
    "hub-fetch": "memlab.lm.adding.hub_child:fetch",
    "hub-texts": "memlab.memory.hub_texts_child:fetch",
    "convert": "memlab.lm.adding.converting:convert",
}

Say = Callable[[float, str], None]


def main(verb: str, arguments: dict[str, Any]) -> int:
    """Does the work; prints its result, or the MemlabError that ended it."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answer

    def say(fraction: float, message: str) -> None:
        print(json.dumps({"fraction": fraction, "message": message}), file=out, flush=True)

    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, name = VERBS[verb].split(":")
    try:
        result = getattr(import_module(module), name)(say, **arguments)
    except MemlabError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}), file=out, flush=True)
        return 1
    print(json.dumps({"result": result}), file=out, flush=True)
    return 0


def _end_with_parent() -> None:
    """Ends this process when its parent ends, for any reason: standard input closes then."""
    while os.read(0, 1024):
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
