"""Settings: what is allowed, from Python, an address or a command line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.declare import Field, checked, setting
from memlab.errors import InputError
from memlab.systems.bert_knn import Settings
from memlab.systems.registry import registry

METHODS = registry().methods
NUMBERS = [(m, f) for m in METHODS.values() for f in m.fields() if not f.choices]
CHOICES = [(m, f) for m in METHODS.values() for f in m.fields() if f.choices]


def name(value: object) -> str:
    return getattr(value, "name", str(value))


@pytest.mark.parametrize(("method", "field"), NUMBERS, ids=name)
def test_bounds_are_allowed_and_beyond_them_is_not(method: Any, field: Field) -> None:
    assert field.low is not None
    assert field.high is not None
    for inside in (field.low, field.high):
        assert getattr(checked(method.settings, {field.name: inside}), field.name) == inside
    for outside in (field.low - 0.001, field.low - 1, field.high + 1, -field.high, 10**400, -(10**400)):
        with pytest.raises(InputError, match=rf"^{field.name} is .*from {field.low:g} to {field.high:g}"):
            checked(method.settings, {field.name: outside})


@pytest.mark.parametrize(("method", "field"), NUMBERS, ids=name)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, "nan", "inf", "", "two", None, True, False, [1], {}])
def test_what_is_no_number_is_refused(method: Any, field: Field, wrong: Any) -> None:
    with pytest.raises(InputError, match=rf"^{field.name} is "):
        checked(method.settings, {field.name: wrong})


@pytest.mark.parametrize(("method", "field"), NUMBERS, ids=name)
def test_numbers_may_come_as_text(method: Any, field: Field) -> None:
    value = getattr(checked(method.settings, {field.name: f" {field.high:g} "}), field.name)
    assert value == field.high
    assert type(value) is field.type


@pytest.mark.parametrize(("method", "field"), CHOICES, ids=name)
def test_choices_are_allowed_and_nothing_else(method: Any, field: Field) -> None:
    for choice in field.choices:
        assert getattr(checked(method.settings, {field.name: choice}), field.name) == choice
    for wrong in ("", "penultimate ", 0, None, ["all"]):
        with pytest.raises(InputError, match=re.escape(field.choices[0])):
            checked(method.settings, {field.name: wrong})


def test_a_whole_number_takes_no_fraction() -> None:
    assert checked(Settings, {"k": "128.0"}).k == 128
    with pytest.raises(InputError, match=r"k is 3\.5; allowed is a whole number from 1 to 4096"):
        checked(Settings, {"k": 3.5})


def test_unknown_setting_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"'temperature'.*k, scale, lam, key, search, articles"):
        checked(Settings, {"temperature": 1.0})


def test_values_lie_over_the_base_which_stays() -> None:
    base = Settings(k=5, scale=2.0)
    assert checked(Settings, {"scale": 3}, base) == Settings(k=5, scale=3.0)
    assert base == Settings(k=5, scale=2.0)
    assert checked(Settings, {}) == Settings()


@given(st.integers(1, 4096), st.floats(0.01, 100.0), st.floats(0.0, 1.0))
def test_settings_survive_the_way_through_an_address(k: int, scale: float, lam: float) -> None:
    given_ = Settings(k=k, scale=scale, lam=lam)
    assert checked(Settings, {n: str(v) for n, v in vars(given_).items()}) == given_


@pytest.mark.parametrize("method", METHODS.values(), ids=name)
def test_methods_say_what_they_are(method: Any) -> None:
    said = method.to_dict()
    assert said["kind"] in ("masked", "causal")
    assert {s["name"] for s in said["settings"]} == {f.name for f in method.fields()}
    for field in method.fields():
        assert field.label
        assert field.help.endswith(".")
        assert field.name not in ("prompt", "method", "model", "datastore", "as_of", "preset"), (
            "hides an argument of ask"
        )


@dataclass(frozen=True)
class WithSwitch:
    on: bool = setting(False, "on", "Whether.")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("true", True), ("False", False), (" false ", False)])
def test_a_setting_may_be_true_or_false(value: Any, expected: bool) -> None:
    assert checked(WithSwitch, {"on": value}) == WithSwitch(expected)


@pytest.mark.parametrize("wrong", [1, 0, "yes", "", None])
def test_what_is_neither_true_nor_false_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"on is .*; allowed is true or false"):
        checked(WithSwitch, {"on": wrong})
