"""The architectures that memlab's tests compare with the plain module (tests/matrix), by model_type."""

from __future__ import annotations

TESTED: dict[str, tuple[str, ...]] = {
    "causal": (),
    "masked": (),
}


def is_tested(model_type: str) -> bool:
    """Whether models of this type are compared with the plain module by memlab's tests."""
    return any(model_type in types for types in TESTED.values())
