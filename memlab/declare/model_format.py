"""What the folder of a system's model holds beyond a Hugging Face model, declared without importing what reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_REFERENCE = re.compile(r"[\w.]+:\w+")
_OTHER_PARTS = {
    "added", "calibrated", "calibration", "corpus", "edited", "encoder", "format", "kind", "losses", "name", "recipe",
    "runs", "scores", "text", "unmet",
}  # fmt: skip
_SUFFIXES = (".safetensors", ".json", ".csv", ".txt", ".parquet", ".npy")


@dataclass(frozen=True)
class ModelFormat:
    """A kind of model folder: an ordinary one with more files beside it, and a part of memlab.json that tells of them.

    A folder says that it is of this format by `"format": name` in its memlab.json, and holds under `name` a part of its own, an
    object that only the format's code reads. (In older folders the part alone says so.) Where the part has an "encoder", that is the
    name of another model that it needs: it cannot be removed before.

    Args:
        name: as memlab.json writes it.
        title: what the lists of models show behind the kind, as in "mine (causal, TITLE)".
        load: "module:function" of `load(read) -> LanguageModel`. It is given a `memlab.lm.formats.ReadFolder`: transformer and
            tokenizer, loaded, and the format's part of memlab.json. Raises InputError for what is missing or damaged.
        files: names of the files beside those of an ordinary model, all of them needed; .safetensors, .json, .csv, .txt,
            .parquet or .npy (without pickles).
        method: the method of the same system that the model was made for, "" for none.
        note: a sentence that the list of models shows with each such model.
        not_added: why `memlab models add` cannot copy such a folder, and what to do. "": it is copied with its files and its
            part, and added where `load` reads the copy.
    """

    name: str
    title: str
    load: str
    files: tuple[str, ...] = ()
    method: str = ""
    note: str = ""
    not_added: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _OTHER_PARTS:
            raise ValueError(
                f"{self.name!r} cannot name a format of models; allowed are lower case letters, digits, _ and -, and none "
                f"of {', '.join(sorted(_OTHER_PARTS))}"
            )
        if not _REFERENCE.fullmatch(self.load):
            raise ValueError(f"the format {self.name!r}: {self.load!r} does not name code; expected is 'module:name'")
        for file in self.files:
            if PurePath(file).name != file or "\\" in file or not file.endswith(_SUFFIXES) or file in _ORDINARY:
                raise ValueError(
                    f"the format {self.name!r}: {file!r} cannot be one of its files; allowed is a name in the model's own "
                    f"folder that ends with one of {', '.join(_SUFFIXES)} and is no file of an ordinary model"
                )


_ORDINARY = ("config.json", "memlab.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
