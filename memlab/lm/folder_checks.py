"""Checks of a model's folder before anything is loaded from it. Nothing here runs or unpickles a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from memlab.errors import InputError
from memlab.lm.json_file import read_json

_QUANTIZED = ("quantization_config", "compression_config", "quantization", "load_in_8bit", "load_in_4bit")

Stamp = tuple[tuple[str, int, int], ...]


def check_folder(folder: Path, name: str) -> None:
    """Refuses a folder that needs its own code, kernels from the hub, or quantized weights.

    Raises:
        InputError: says which file needs what.
    """
    config, tokenizer = read_json(folder / "config.json"), read_json(folder / "tokenizer_config.json")
    for file, alone in (("config.json", _model_alone(config)), ("tokenizer_config.json", _tokenizer_alone(tokenizer))):
        if not alone:
            raise InputError(
                f'The model {name!r} needs its own code ({file} has an "auto_map"), and memlab never runs code from a '
                "model folder. Use a model whose architecture and tokenizer are part of transformers."
            )
    if how := next((config[field] for field in _QUANTIZED if config.get(field)), None):
        method = how.get("quant_method", "quantized") if isinstance(how, dict) else "quantized"
        raise InputError(
            f"The model {name!r} has quantized weights ({method}); memlab reads 16-bit and 32-bit floats. "
            "Use the model that was quantized."
        )
    for field in ("attn_implementation", "_attn_implementation", "experts_implementation"):
        if "/" in str(config.get(field, "")):
            raise InputError(
                f"The model {name!r} asks for a kernel from the hub ({field} {config[field]!r} in config.json), which is "
                "foreign code; memlab does not run it. Remove that line."
            )


def _model_alone(config: dict[str, Any]) -> bool:
    """Whether transformers itself has the architecture; True without an "auto_map"."""
    declared = config.get("architectures") or [None]
    named = str(declared[0] if isinstance(declared, list) else declared)
    if not config.get("auto_map"):
        return True
    import transformers

    return config.get("model_type") in transformers.CONFIG_MAPPING and hasattr(transformers, named)


def _tokenizer_alone(settings: dict[str, Any]) -> bool:
    """Whether transformers itself has the tokenizer's class; True without an "auto_map"."""
    if not settings.get("auto_map"):
        return True
    import transformers

    return hasattr(transformers, str(settings.get("tokenizer_class")))


def read_adapter(folder: Path) -> str | None:
    """The name of the model that the adapter in a folder changes, "" where it names none; None without an adapter."""
    if not any(folder.glob("adapter_*")):
        return None
    try:
        named = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    except InputError:  # it is still known to be an adapter
        return ""
    return " ".join(named.split())[:200] if isinstance(named, str) else ""


def adapter_note(folder: Path, name: str) -> tuple[str, ...]:
    """A note if an adapter lies beside the weights."""
    if not any(folder.glob("adapter_*")):
        return ()
    return (
        f"There is an adapter (adapter_config.json) beside the weights of {name}. It is not used: merge it into the weights "
        "(peft: merge_and_unload) to ask the adapted model.",
    )


def stamp(folder: Path) -> Stamp:
    """Name, size and time of every file in the folder, except its card and hidden files; identifies the model."""
    found = []
    with os.scandir(folder) as files:  # called often: with a Path for each file it takes three times as long
        for file in files:
            if file.is_file() and not file.name.endswith(".md") and not file.name.startswith("."):
                facts = file.stat()
                found.append((file.name, facts.st_size, facts.st_mtime_ns))
    return tuple(sorted(found))


def same_weights(a: Stamp, b: Stamp) -> bool:
    """Whether two stamps differ at most in memlab's own record (to which scores are added)."""
    return [f for f in a if f[0] != "memlab.json"] == [f for f in b if f[0] != "memlab.json"]


def first_line(error: BaseException) -> str:
    """An error's message on one line that ends with a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    if said.endswith(":") and len(lines) > 1:  # the message continues on the next line
        said = f"{said} {lines[1]}"
    said = said[:200]
    return said if said.endswith(".") else f"{said}."
