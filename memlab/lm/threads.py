"""The number of torch threads while a model reads single tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from memlab.lm.model import LanguageModel

SMALL = 30_000_000  # parameters; below that, a token is too little work for several threads

_lock = threading.Lock()
_inside, _usual = 0, 1


@contextmanager
def for_single_tokens(model: LanguageModel) -> Iterator[None]:
    """One thread for a small model, whose other threads would only wait and occupy a core that could search the
    memory; the usual number for a larger one.

    Torch has one such number for the whole process: a thread that uses torch for the first time meanwhile
    also keeps one. The number of threads changes the order of sums, so answers that are computed during a
    generation can differ in the last digits of a 32-bit float (by up to 1e-6 in a probability).
    """
    global _inside, _usual
    if model.module.num_parameters() > SMALL:
        yield
        return
    with _lock:
        if _inside == 0:
            _usual = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_usual)
