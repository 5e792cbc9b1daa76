"""Results as JSON-compatible values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np

from memlab.serialize import as_json, json_value


@dataclass(frozen=True)
class Inner:
    p: float


@dataclass(frozen=True)
class Named:
    name: str

    def to_dict(self) -> dict[str, str]:
        return {"called": self.name}


@dataclass(frozen=True)
class Outer:
    words: tuple[str, ...]
    inner: Inner
    named: tuple[Named, ...]
    by_side: dict[str, tuple[Inner, ...]]
    rows: np.ndarray = field(compare=False)
    none: int | None = None

    @property
    def count(self) -> int:
        return len(self.words)

    def to_dict(self) -> dict[str, object]:
        return as_json(self)


OUTER = Outer(("a", "b"), Inner(0.5), (Named("x"),), {"lm": (Inner(1.0),)}, np.array([[1, 2], [3, 4]]))


def test_all_fields_in_order_with_nested_values() -> None:
    expected = {
        "words": ["a", "b"],
        "inner": {"p": 0.5},
        "named": [{"called": "x"}],
        "by_side": {"lm": [{"p": 1.0}]},
        "rows": [[1, 2], [3, 4]],
        "none": None,
    }
    assert OUTER.to_dict() == expected
    assert list(OUTER.to_dict()) == list(expected)
    assert json.loads(json.dumps(OUTER.to_dict())) == expected


def test_chosen_fields_and_properties() -> None:
    assert list(as_json(OUTER, "count", "words").items()) == [("count", 2), ("words", ["a", "b"])]


def test_numbers_of_numpy_become_plain() -> None:
    assert type(json_value(np.float64(0.25))) is float
    assert type(json_value(np.int64(3))) is int
    assert type(json_value(np.bool_(True))) is bool
