"""What is done once while a GGUF file is converted."""

from __future__ import annotations

import pytest

from memlab.lm.adding.converting import _read_once

gguf = pytest.importorskip("gguf")


def test_the_table_of_names_is_made_once_and_the_library_is_left_as_it_was() -> None:
    before = (gguf.GGUFReader, gguf.get_tensor_name_map)
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2).mapping
    with _read_once():
        again = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
        assert again is gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
        assert again is not gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 3)
        assert again.mapping == table
    assert (gguf.GGUFReader, gguf.get_tensor_name_map) == before
