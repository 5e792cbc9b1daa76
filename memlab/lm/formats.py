"""Folders of models with parts of their own, as systems declare them (`memlab.declare.ModelFormat`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.declare import ModelFormat, load
from memlab.declare.provided import declared
from memlab.errors import InputError, MemlabError
from memlab.lm.folder_checks import first_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from memlab.lm.model import LanguageModel

FORMAT = "format"  # of memlab.json: the name of the format


@dataclass(frozen=True)
class ReadFolder:
    """What was read of a folder before its format's own parts.

    name, kind, unmet: as `memlab.lm.model.LanguageModel` takes them. module, tokenizer: loaded, without gradients, float32.
    path: the folder. part: what memlab.json says under the name of the format; not checked.
    """

    name: str
    kind: str
    module: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    path: Path
    unmet: frozenset[int] | None
    part: dict[str, Any]


def formats() -> tuple[ModelFormat, ...]:
    """The formats that systems declare, in the order of registration."""
    return tuple(declared().model_formats.values())


def format_of(record: Mapping[str, Any], among: Iterable[ModelFormat] | None = None) -> ModelFormat | None:
    """The format that a memlab.json names; None for an ordinary model, and for a format that no system declares."""
    known = formats() if among is None else among
    if FORMAT in record:
        return next((f for f in known if f.name == record[FORMAT]), None)
    return next((f for f in known if f.name in record), None)  # written before formats were named


def checked_format(record: Mapping[str, Any], name: str) -> ModelFormat | None:
    """As `format_of`. Raises InputError for a format that no system declares."""
    found = format_of(record)
    if found is None and FORMAT in record:
        known = ", ".join(f.name for f in formats()) or "none"
        raise InputError(
            f"memlab.json of {name} names the format {record[FORMAT]!r}, which no system here declares (declared: {known}). "
            "Install the system that made the model; `memlab systems` lists those that cannot be used, with the reason."
        )
    return found


def shown(kind: str, record: Mapping[str, Any], among: Iterable[ModelFormat]) -> str:
    """The kind of a model as lists show it: with the title of its format, or the name of one that is not declared."""
    found = format_of(record, among)
    if found is not None:
        return f"{kind}, {found.title}"
    return f"{kind}, {record[FORMAT]}: no system here declares this format" if FORMAT in record else kind


def check_parts(folder: Path, record: Mapping[str, Any], found: ModelFormat, name: str) -> None:
    """Raises InputError where a file of the format, or its part of memlab.json, is missing."""
    if not isinstance(record.get(found.name), dict):
        raise InputError(f"memlab.json of {name} has no part {found.name!r}, which a model of this format needs.")
    missing = [file for file in found.files if not (folder / file).is_file()]
    if missing:
        raise InputError(
            f"{name} is damaged: {' and '.join(missing)} is missing, which a model of the format {found.name!r} "
            f"({found.title}) needs. Train the model again, or copy its whole folder here."
        )


def read_parts(found: ModelFormat, read: ReadFolder) -> LanguageModel:
    """The model of a folder, made by its format's code.

    Raises:
        InputError: the code cannot be loaded, or refuses the folder.
    """
    from memlab.lm.model import LanguageModel

    try:
        code = load(found.load)
    except (Exception, SystemExit) as error:  # whatever code of a system from outside raises while it is imported
        raise InputError(
            f"The code that reads models of the format {found.name!r} ({found.load}) cannot be loaded: "
            f"{type(error).__name__}: {first_line(error)} Install the system again."
        ) from error
    try:
        made = code(read)
    except MemlabError:
        raise
    except Exception as error:  # likewise
        raise InputError(
            f"{read.name} cannot be read as a model of the format {found.name!r} ({found.load}): "
            f"{type(error).__name__}: {first_line(error)}"
        ) from error
    if not isinstance(made, LanguageModel):
        raise InputError(
            f"The code that reads models of the format {found.name!r} ({found.load}) returned a {type(made).__name__}; expected is "
            "a memlab.lm.model.LanguageModel."
        )
    return made
