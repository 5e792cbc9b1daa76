"""Threads of torch while single tokens are read: one for a small model, and as before afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from memlab.lm import threads
from memlab.lm.model import LanguageModel
from memlab.lm.threads import for_single_tokens


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(usual)


def test_a_small_model_reads_single_tokens_with_one_thread(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("llama")
    with for_single_tokens(lm):
        assert torch.get_num_threads() == 1
        with for_single_tokens(lm):
            assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError), for_single_tokens(lm):
        raise RuntimeError
    assert torch.get_num_threads() == 2


def test_a_larger_model_keeps_its_threads(
    tiny_lm: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "SMALL", 1)
    with for_single_tokens(tiny_lm("llama")):
        assert torch.get_num_threads() == 2


def test_two_generations_at_once_leave_the_usual_number(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm, counts = tiny_lm("llama"), []
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with for_single_tokens(lm):
            inside.set()
            leave.wait(10)
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with for_single_tokens(lm):
        thread.start()
        inside.wait(10)
    assert torch.get_num_threads() == 2  # the other one is still at it
    leave.set()
    thread.join()
    assert counts == [2]
    assert torch.get_num_threads() == 2
