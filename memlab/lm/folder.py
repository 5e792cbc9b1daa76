"""Writing a trained model's folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.lm.plain_path import plain_path
from memlab.outside import new_model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def write_model(
    out: Path,
    module: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    record: dict[str, Any],
    more: Callable[[Path], None] | None = None,
) -> Path:
    """Writes configuration, fp16 weights, tokenizer, memlab.json, and what `more` adds to the folder: the files of the
    model's format (`memlab.declare.ModelFormat`). The folder appears only when complete.

    Raises:
        InputError: something else is at `out`, or it cannot be written.
    """
    with new_model_folder(out) as work:
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.split_special_tokens = False  # memlab's own setting for reading; other tools expect the default
        with plain_path(work) as folder:
            module.eval().half().save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        if more is not None:
            more(work)
        (work / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    return out
