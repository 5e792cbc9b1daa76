"""Why a folder is not a model, and whether its weight files are as large as its configuration says.

Nothing is loaded here: only names of files and the headers of safetensors files are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from memlab.errors import InputError
from memlab.lm.adding.model_files import INDEX, PICKLES, WEIGHTS, merge_first
from memlab.lm.engine_kinds import engine_kind
from memlab.lm.folder_checks import first_line, read_adapter
from memlab.lm.hub import missing_files
from memlab.lm.json_file import read_json
from memlab.lm.plain_path import plain_path

_SLACK = 2.0  # a configuration may need this many times the numbers in the files (tied weights, buffers)
_FREE = 1_000_000  # plus this many numbers
_MOST_SHOWN = 3


def no_model(folder: Path, name: str) -> str:
    """Why a folder without config.json is not a model: what it contains instead, and what to do."""
    if (base := read_adapter(folder)) is not None:
        return merge_first(f"The folder {name}", base)
    inner = sorted(f.parent.name for kind in ("config.json", "adapter_config.json") for f in folder.glob(f"*/{kind}"))
    if inner:
        more = f" and {len(inner) - _MOST_SHOWN} more" if len(inner) > _MOST_SHOWN else ""
        return (
            f"The folder {name} itself contains no model: config.json is missing. There is one in "
            f"{', '.join(inner[:_MOST_SHOWN])}{more}; give that folder."
        )
    if any(f.suffix.lower() == ".gguf" for f in folder.iterdir()):
        return (
            f"The folder {name} contains a GGUF file, which must be converted first: memlab models add {name}. Then give its "
            "name to --model."
        )
    if found := _pickles(folder):
        return f"The folder {name} contains no model: config.json is missing. {_never_pickles(found)}"
    return f"The folder {name} contains no model: config.json is missing."


def check_weight_files(folder: Path, name: str, kind: str) -> list[Path]:
    """The weight files of a folder with a config.json and a tokenizer.

    Args:
        kind: of `memlab.lm.engine_kinds`.

    Raises:
        InputError: an unknown kind, weights or tokenizer are missing, a file is damaged, or the configuration needs far more numbers.
    """
    files = weight_files(folder)
    if not files:
        raise InputError(_no_weights(folder, name))
    if lacking := missing_files(folder):
        raise InputError(f"The model {name!r} cannot be loaded: it lacks {', '.join(lacking)}.")
    config = read_json(folder / "config.json")
    with plain_path(folder) as readable:
        numbers, tensors = _numbers([readable / file.name for file in files], name)
        layers = config.get("num_hidden_layers") or config.get("n_layer") or 0
        if not isinstance(layers, int) or layers > tensors:
            raise InputError(f"The model {name!r} is refused: it claims {layers} layers and has {tensors} tensors.")
        _check_numbers(readable, name, kind, numbers)
    return files


def _check_numbers(folder: Path, name: str, kind: str, numbers: int) -> None:
    """`check_size` of a folder's configuration. Raises InputError."""
    from transformers import AutoConfig

    try:
        settings = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        check_size(settings, engine_kind(kind).auto_class(), numbers, name)
    except InputError:
        raise
    except Exception as error:  # whatever an invalid configuration leads to
        raise InputError(f"The model {name!r} cannot be loaded: {first_line(error)}") from error


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order. Raises InputError for an index that names other files."""
    index = read_json(folder / INDEX)
    if not index:
        return sorted(file for file in folder.iterdir() if WEIGHTS.fullmatch(file.name))
    named = index.get("weight_map")
    names = {str(name) for name in named.values()} if isinstance(named, dict) else set()
    if bad := sorted(name for name in names if not WEIGHTS.fullmatch(name)):
        raise InputError(f"{INDEX} names the file {bad[0]!r}, which is not a weight file of a model.")
    if lacking := sorted(name for name in names if not (folder / name).is_file()):
        raise InputError(f"The model in {folder} is incomplete: it lacks {', '.join(lacking[:_MOST_SHOWN])}.")
    return sorted(folder / name for name in names)


def check_size(config: Any, auto: Any, numbers: int, name: str) -> None:
    """Refuses a configuration that needs far more numbers than the files have, before memory is allocated.

    Raises:
        InputError: states both counts.
    """
    with torch.device("meta"):
        module = auto.from_config(config, trust_remote_code=False)
    asked = sum(p.numel() for p in module.parameters())
    if asked > _SLACK * numbers + _FREE:
        raise InputError(
            f"The model {name!r} is refused: its configuration needs {asked:,} numbers, but its files have {numbers:,}. "
            "The configuration belongs to another model."
        )


def _numbers(files: list[Path], name: str) -> tuple[int, int]:
    """The counts of numbers and tensors in the files, by their headers. Raises InputError for a damaged file."""
    from safetensors import safe_open

    numbers, tensors = 0, 0
    for file in files:
        try:
            with safe_open(file, "pt") as opened:
                for key in opened.keys():  # noqa: SIM118 - it is not a dictionary
                    size = 1
                    for side in opened.get_slice(key).get_shape():
                        size *= side
                    numbers, tensors = numbers + size, tensors + 1
        except Exception as error:  # whatever a damaged file leads to
            raise InputError(
                f"The model {name!r} cannot be loaded: {file.name} is damaged: {first_line(error)}"
            ) from error
    return numbers, tensors


def _no_weights(folder: Path, name: str) -> str:
    if (base := read_adapter(folder)) is not None:
        return merge_first(f"The folder {name}", base)
    start = f"The model {name!r} cannot be loaded: it has a config.json but no weights (model.safetensors)."
    return f"{start} {_never_pickles(found)}" if (found := _pickles(folder)) else start


def _pickles(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir() if f.suffix.lower() in PICKLES)


def _never_pickles(names: list[str]) -> str:
    return (
        f"Files like {names[0]} can run code when they are read, so memlab reads only safetensors and GGUF. Save the model "
        "again with safe_serialization=True."
    )
