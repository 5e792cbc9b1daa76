"""Writing a trained model's folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from memlab.lm.plain_path import plain_path
from memlab.lm.spalm import write_gate
from memlab.outside import new_model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def write_model(
    out: Path,
    module: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    record: dict[str, Any],
    w_g: Tensor | None = None,
    more: Callable[[Path], None] | None = None,
) -> Path:
    """Writes configuration, fp16 weights, tokenizer, memlab.json, a SPALM's gate, and what `more` adds to the folder,
    which appears only when complete.

    Raises:
        InputError: something else is at `out`, or it cannot be written.
    """
    with new_model_folder(out) as work:
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.split_special_tokens = False  # memlab's own setting for reading; other tools expect the default
        with plain_path(work) as folder:
            module.eval().half().save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        if w_g is not None:
            write_gate(work, w_g)
        if more is not None:
            more(work)
        (work / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    return out
