"""The bundled world against LAMA: facts that somebody else collected, from Wikidata and Google RE.

Names are compared without regard to case and accents. Each disagreement needs a line in `lama_verdicts.csv`
that says in words why the world keeps its object. LAMA writes objects of one word only, and is a sample:
few of the world's facts occur in it.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from memlab.corpus.world import atlas
from memlab.results import Fact

HERE = Path(__file__).parent
DATA = Path(os.environ.get("MEMLAB_SHARED_DATA") or HERE.parents[2] / "shared/data") / "lama"
VERDICTS = HERE / "lama_verdicts.csv"
FLOOR = 25  # compared facts; there were 30 when the verdicts were written

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no LAMA data at {DATA}")

Disagreement = tuple[str, str, str, str]  # subject, property, our object, LAMA's objects


def plain(name: str) -> str:
    """A name without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()


def lama_facts() -> Iterator[tuple[str, str, str]]:
    """LAMA's facts as (subject, property, object). Google RE names no Wikidata property: it is place of birth."""
    for file in [*sorted(DATA.glob("TREx/P*.jsonl.gz")), DATA / "Google_RE/place_of_birth_test.jsonl.gz"]:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                yield row["sub_label"], row.get("predicate_id", "P19"), row["obj_label"]


@pytest.fixture(scope="module")
def compared() -> list[tuple[Fact, set[str]]]:
    """The world's facts whose subject and property occur in LAMA, each with LAMA's objects."""
    objects: dict[tuple[str, str], set[str]] = defaultdict(set)
    for subject, prop, obj in lama_facts():
        objects[plain(subject), prop].add(obj)
    pairs = [(fact, objects.get((plain(fact.subject), fact.property or ""))) for fact in atlas().facts]
    return [(fact, found) for fact, found in pairs if found]


@pytest.fixture(scope="module")
def disagreements(compared: list[tuple[Fact, set[str]]]) -> set[Disagreement]:
    return {
        (fact.subject, fact.property or "", fact.object, "; ".join(sorted(found)))
        for fact, found in compared
        if plain(fact.object) not in map(plain, found)
    }


@pytest.fixture(scope="module")
def verdicts() -> dict[Disagreement, str]:
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    read = {(r["subject"], r["property"], r["ours"], r["lama"]): r["verdict"].strip() for r in rows}
    assert len(read) == len(rows), f"{VERDICTS.name} has a line twice"
    return read


def test_enough_facts_are_compared(compared: list[tuple[Fact, set[str]]]) -> None:
    assert len(compared) >= FLOOR


def test_each_disagreement_has_a_verdict(disagreements: set[Disagreement], verdicts: dict[Disagreement, str]) -> None:
    unexplained = sorted(d for d in disagreements if not verdicts.get(d))
    assert not unexplained, f"without a verdict in {VERDICTS.name}: {unexplained}"


def test_each_verdict_is_needed(disagreements: set[Disagreement], verdicts: dict[Disagreement, str]) -> None:
    idle = sorted(verdicts.keys() - disagreements)
    assert not idle, f"no longer needed in {VERDICTS.name}: {idle}"
