"""The document of a benchmark: the machine, and what was measured on it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch


def document(rows: Iterable[dict[str, Any]], complete: bool = True) -> dict[str, Any]:
    """The document that `memlab bench --json` prints.

    Args:
        rows: what was measured, in order.
        complete: false when measuring was stopped before its end.
    """
    machine = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    return {"task": "bench", "machine": machine, "complete": complete, "results": list(rows)}
