"""How many threads torch takes while a model reads single tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from memlab.lm.model import LanguageModel

SMALL = 30_000_000  # parameters; a token is too little work to share below that

_lock = threading.Lock()
_inside, _usual = 0, 1


@contextmanager
def for_single_tokens(model: LanguageModel) -> Iterator[None]:
    """One thread for a small model, whose others would only wait and keep a core from searching the memory; as many
    as ever for a larger one.

    Torch keeps this number for the whole process: a thread that uses torch for the first time meanwhile
    keeps one as well. Sums are taken in another order with another number of threads, so what is asked while
    something is generated can differ in the last digits of a 32-bit float (by up to 1e-6 in a probability).
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
