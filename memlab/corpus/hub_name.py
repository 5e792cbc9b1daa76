"""Names of data sets on the Hugging Face hub, where texts are given: hf:OWNER/DATASET[:CONFIG][/SPLIT]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from memlab.errors import InputError

PREFIX = "hf:"
USUAL_SPLIT = "train"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"hf:({_PART}/{_PART})(?::([^/:\s]+))?(?:/([A-Za-z0-9_.]+(?:\[[\d%:-]*\])?))?")


@dataclass(frozen=True)
class HubName:
    """A data set of the hub. config: one of its configurations; None: its only one. split: may be a part,
    "train[:1000]"."""

    dataset: str
    config: str | None = None
    split: str = USUAL_SPLIT

    @property
    def short(self) -> str:
        """The name without its owner, for a datastore or the title of a text."""
        return self.dataset.rsplit("/", 1)[1]

    def __str__(self) -> str:
        config = "" if self.config is None else f":{self.config}"
        return f"{PREFIX}{self.dataset}{config}/{self.split}"


def hub_name(given: str | Path) -> HubName | None:
    """The data set of this name; None for a path or a text.

    Raises:
        InputError: it begins with "hf:" and does not have the form above.
    """
    text = str(given).strip()
    if not text.startswith(PREFIX) or "\n" in text:
        return None
    found = _NAME.fullmatch(text)
    if found is None:
        raise InputError(
            f"{text[:100]!r} is not the name of a data set of the hub. Write hf:OWNER/DATASET, then :CONFIG and /SPLIT where needed, for "
            "example hf:Salesforce/wikitext:wikitext-2-raw-v1/train or hf:OWNER/DATASET/train[:1000]."
        )
    return HubName(found[1], found[2], found[3] or USUAL_SPLIT)
