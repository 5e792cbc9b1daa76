"""Converting weights to a folder with fp16 safetensors, configuration and tokenizer. Runs in the child process."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Regex, pre_tokenizers
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from memlab.errors import InputError
from memlab.lm.adding.gguf_header import GgufHead, read_head
from memlab.lm.adding.model_files import INDEX, TEXT_FILES
from memlab.lm.catalogue import described
from memlab.lm.checking import check_weights
from memlab.lm.folder_checks import adapter_note, check_folder, first_line
from memlab.lm.formats import FORMAT, checked_format, formats
from memlab.lm.json_file import read_json
from memlab.lm.loading import check_kind, read_anew
from memlab.lm.weight_files import check_size, check_weight_files

Say = Callable[[float, str], None]

# How a byte-level BPE splits a text before it merges, by the name in a GGUF file.
_LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN2 = _LLAMA3.replace("{1,3}", "")


def convert(say: Say, source: str, out: str, name: str, record: dict[str, Any], format: str = "") -> dict[str, Any]:
    """Writes the folder of a model and checks it.

    Args:
        source: a GGUF file, or a folder. out: a folder that does not exist yet. name: of the model, for messages.
        record: the content of memlab.json, to which the kind of the model, its unmet tokens and the part of its format are added.
        format: the format of the folder, as the calling process knows it; "" for an ordinary one.

    Returns:
        The result of the model's check; "notes": what else the user should know.

    Raises:
        InputError: the model cannot be used.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))  # questions are answered meanwhile
    if format and all(f.name != format for f in formats()):
        raise InputError(
            f"The format {format!r} is declared only in the process that adds the model, and the model is read in another one. "
            "Install the system that declares it as a package."
        )
    target = Path(out)
    target.mkdir()
    given = Path(source)
    notes = _from_gguf(say, given, target, name) if given.is_file() else _from_folder(say, given, target, name)
    (target / "memlab.json").write_text(json.dumps({**_known_tokens(given), **record}, indent=1), "utf-8")
    say(0.85, "trying the model")
    found = read_anew(described(target, name)).check.to_dict()
    added = {**record["added"], "notes": [*record["added"]["notes"], *found["notes"], *notes]}
    written = {**_known_tokens(given), **record, "added": added, "kind": found["kind"]}
    (target / "memlab.json").write_text(json.dumps(written, indent=1), "utf-8")
    say(1.0, "done")
    return {**found, "notes": added["notes"]}


def _known_tokens(source: Path) -> dict[str, Any]:
    """{"unmet": token ids} if the source is a model that memlab trained, and the part of its format if it has one."""
    unmet = read_json(source / "memlab.json").get("unmet") if source.is_dir() else None
    whole = isinstance(unmet, list) and all(isinstance(i, int) for i in unmet)
    return {**({"unmet": unmet} if whole else {}), **_own_part(source)}


def _own_part(source: Path) -> dict[str, Any]:
    """The part of a format that a system declares, and the name of the format. Raises InputError for one that is not declared."""
    made = read_json(source / "memlab.json") if source.is_dir() else {}
    own = checked_format(made, "this model")
    return {} if own is None else {FORMAT: own.name, own.name: made[own.name]}


# GGUF


def _from_gguf(say: Say, file: Path, out: Path, name: str) -> list[str]:
    head = read_head(file)
    where = {"gguf_file": file.name, "local_files_only": True}
    try:
        say(0.05, "reading the tokenizer")
        with _read_once():
            config = AutoConfig.from_pretrained(file.parent, trust_remote_code=False, **where)
            check_size(config, AutoModelForCausalLM, head.numbers, name)
            tokenizer = AutoTokenizer.from_pretrained(file.parent, trust_remote_code=False, **where)
            say(0.3, "reading the weights")
            module, info = AutoModelForCausalLM.from_pretrained(
                file.parent,
                config=config,
                dtype=torch.float16,
                output_loading_info=True,
                trust_remote_code=False,
                **where,
                **_unpacked(),
            )
    except InputError:
        raise
    except Exception as error:  # whatever goes wrong while reading, nothing is written
        raise InputError(
            f"The GGUF file {file.name} ({head.architecture or 'no architecture named'}) cannot be read: {first_line(error)}"
        ) from error
    check_weights(name, info, module.base_model_prefix)
    beyond = [key for key, value in module.state_dict().items() if not bool(value.isfinite().all())]
    if beyond:
        raise InputError(f"The GGUF file {file.name} is refused: {beyond[0]} has numbers that are infinite or NaN.")
    notes = _set_splitting(tokenizer, head)
    say(0.6, "writing the weights")
    _forget_blocks(module, name)
    module.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return notes


@contextmanager
def _read_once() -> Iterator[None]:
    """While active, the head of a GGUF file is read once, and the table of its tensors' names is built once.

    transformers reads the head again for configuration, tokenizer and weights, and builds the table again for each
    part of the model, hundreds of times: that takes longer than reading the weights.
    """
    import gguf

    with _reading:
        made = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
        for name, make in made.items():
            setattr(gguf, name, cache(make))
        try:
            yield
        finally:
            for name, make in made.items():
                setattr(gguf, name, make)


_reading = threading.Lock()  # two threads that patch one module would not restore its functions


def _unpacked() -> dict[str, Any]:
    """Options that dequantize the weights: newer transformers would keep them quantized, with a kernel from the hub."""
    config = getattr(transformers, "GgufConfig", None)
    return {} if config is None else {"quantization_config": config(dequantize=True)}


def _forget_blocks(module: PreTrainedModel, name: str) -> None:
    """Removes the model's record of its quantization, since the weights are dequantized."""
    module.config.name_or_path = name
    for owner, attribute in ((module, "hf_quantizer"), (module.config, "quantization_config")):
        if hasattr(owner, attribute):
            delattr(owner, attribute)


def _set_splitting(tokenizer: PreTrainedTokenizerBase, head: GgufHead) -> list[str]:
    """Sets how a byte-level tokenizer splits texts to what the file asks for; returns a note if that is unknown."""
    asked = str(head.settings.get("tokenizer.ggml.pre", "default"))
    if head.settings.get("tokenizer.ggml.model") != "gpt2" or asked in ("default", "gpt-2"):
        return []
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    joined = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cuts: dict[str, list[Any]] = {
        "smollm": [pre_tokenizers.Digits(individual_digits=True), plain],
        "llama-bpe": [pre_tokenizers.Split(Regex(_LLAMA3), "isolated"), joined],
        "qwen2": [pre_tokenizers.Split(Regex(_QWEN2), "isolated"), joined],
    }
    if asked not in cuts:
        return [
            f"The file asks for texts to be split into words as {asked!r}, which memlab does not know; they are split as in "
            "GPT-2, so some tokens may differ from those that the model was trained on."
        ]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts[asked])
    return []


# Folders


def _from_folder(say: Say, folder: Path, out: Path, name: str) -> list[str]:
    check_folder(folder, name)
    config = read_json(folder / "config.json")
    kind = described(folder, name).kind
    check_kind(kind, name)
    files = check_weight_files(folder, name, kind)
    kept: set[str] = set()
    for n, file in enumerate(files):
        say(0.1 + 0.7 * n / len(files), f"writing {file.name}")
        kept |= _halve(file, out / file.name)
    for file in sorted(folder.iterdir()):
        if file.name in TEXT_FILES - {"memlab.json", INDEX, "config.json", "adapter_config.json"}:
            shutil.copyfile(file, out / file.name)
    own = checked_format(read_json(folder / "memlab.json"), name)
    for beside in own.files if own is not None else ():
        shutil.copyfile(folder / beside, out / beside)
    if (folder / INDEX).is_file():
        _write_index(read_json(folder / INDEX), out)
    rest = {key: value for key, value in config.items() if key != "torch_dtype"}
    (out / "config.json").write_text(json.dumps({**rest, "dtype": "float32" if kept else "float16"}, indent=2), "utf-8")
    notes = list(adapter_note(folder, name))
    if not kept:
        return notes
    return [
        *notes,
        f"{len(kept)} of its tensors have numbers that 16 bits cannot hold; their type is unchanged ({min(kept)} ...).",
    ]


def _halve(file: Path, out: Path) -> set[str]:
    """Writes the float32 and float64 tensors of a file with 16 bits per number, and all others unchanged.

    Returns:
        Names of the tensors that do not fit into 16 bits; they are written unchanged.
    """
    tensors: dict[str, Tensor] = {}
    kept: set[str] = set()
    with safe_open(file, "pt") as opened:
        for key in opened.keys():  # noqa: SIM118
            value = opened.get_tensor(key)
            half = value.half() if value.dtype in (torch.float32, torch.float64) else value
            if half is not value and not torch.equal(half.isfinite(), value.isfinite()):
                kept.add(key)
                half = value
            tensors[key] = half.contiguous()
    save_file(tensors, out, {"format": "pt"})
    return kept


def _write_index(index: Mapping[str, Any], out: Path) -> None:
    total = sum(file.stat().st_size for file in out.glob("*.safetensors"))
    written = {"metadata": {"total_size": total}, "weight_map": index["weight_map"]}
    (out / INDEX).write_text(json.dumps(written, indent=1), "utf-8")
