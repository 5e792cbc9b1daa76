"""The five introductory stories: prompts that show what memory does, and what to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from memlab.bundle import assets
from memlab.corpus.world import atlas
from memlab.results import Fact


@dataclass(frozen=True)
class Story:
    """A prompt with its settings, the fact it asks for, and what to look at."""

    name: str
    title: str
    text: str
    prompt: str
    method: str
    settings: Mapping[str, Any]
    fact: Fact


@cache
def stories() -> list[Story]:
    """The stories in the order of the guide."""
    out = []
    for raw in json.loads((assets() / "stories.json").read_text("utf-8")):
        about = raw.pop("about")
        fact = next(f for f in atlas().by_subject[about[0]] if f.relation == about[1])
        out.append(Story(**raw, fact=fact))
    return out
