"""A small system whose models are more than a Hugging Face model: a vector beside the weights, and a part of memlab.json."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from memlab.declare import ModelFormat, System
from memlab.errors import InputError
from memlab.lm.formats import ReadFolder
from memlab.lm.model import LanguageModel
from memlab.systems.plain import METHOD as PLAIN

TILT_FILE = "tilt.safetensors"


class TiltedModel(LanguageModel):
    """A causal model with a vector (d,) that says how strongly each dimension counts."""

    tilt: Tensor
    strength: float


def tilted_model(read: ReadFolder) -> TiltedModel:
    """The loader that the format declares."""
    made = TiltedModel(read.name, read.module, read.tokenizer, read.kind, read.path, read.unmet)
    try:
        made.tilt = load_file(read.path / TILT_FILE)["tilt"]
        made.strength = float(read.part["strength"])
    except (KeyError, SafetensorError) as error:
        raise InputError(f"The tilt of {read.name} cannot be read ({error}). Train it again.") from error
    if made.tilt.shape != (made.d,):
        raise InputError(f"The tilt of {read.name} has shape {tuple(made.tilt.shape)}; ({made.d},) is expected.")
    return made


def fails(read: ReadFolder) -> TiltedModel:
    """A loader with a fault."""
    raise ZeroDivisionError("of its own")


def returns_none(read: ReadFolder) -> None:
    """A loader that forgets to return the model."""


METHOD = replace(PLAIN, name="tilted", title="Tilted", columns={}, remembers=True)
FORMAT = ModelFormat(
    name="tilt",
    title="tilted",
    load=f"{__name__}:tilted_model",
    files=(TILT_FILE,),
    method="tilted",
    note="Its states are tilted before the output projection.",
)
SYSTEM = System(
    name="tilted",
    title="Tilted models",
    paper="a toy system of the tests",
    group="Toys",
    summary="Models with a vector beside their weights. It shows how a system ships models of its own.",
    methods=(METHOD,),
    model_formats=(FORMAT,),
)


def write(plain: Path, folder: Path, tilt: Tensor) -> Path:
    """A tilted model with the weights of a plain one."""
    shutil.copytree(plain, folder)
    save_file({"tilt": tilt}, folder / TILT_FILE)
    record = {"name": folder.name, "kind": "causal", "format": "tilt", "tilt": {"strength": 0.5}}
    (folder / "memlab.json").write_text(json.dumps(record), "utf-8")
    return folder
