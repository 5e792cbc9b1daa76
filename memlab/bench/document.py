"""The document of a benchmark: the machine and the measurements."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch


def document(rows: Iterable[dict[str, Any]], complete: bool = True) -> dict[str, Any]:
    """The document that `memlab bench --json` prints.

    Args:
        rows: the measurements, in order.
        complete: False if it was stopped before its end.
    """
    machine = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    return {"task": "bench", "machine": machine, "complete": complete, "results": list(rows)}
