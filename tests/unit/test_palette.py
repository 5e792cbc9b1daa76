"""The palette: readable in both themes, and told apart by people who are color-blind."""

from __future__ import annotations

import tomllib
from itertools import combinations

import numpy as np
import pytest

from memlab.bundle import bundle
from memlab.figures.strip import SURPRISE
from memlab.figures.theme import INK, MEMORY, MIXTURE, MODEL, RIGHT, WRONG

SIDES = (MODEL, MEMORY, MIXTURE)
THEMES = tomllib.loads((bundle() / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
TEXT, LARGE = 4.5, 3.0  # WCAG 2: contrast of text, and of graphics

# Machado, Oliveira & Fernandes (2009), severity 1.0: linear RGB as it is seen.
SEEN = {
    "by most": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def linear(channels: np.ndarray) -> np.ndarray:
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    dark, light = sorted(float(TO_XYZ[1] @ linear(c)) for c in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(color: str, matrix: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(matrix @ linear(rgb(color)), 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("color", [*SIDES, RIGHT, WRONG])
def test_text_in_a_color_is_readable(color: str, theme: str) -> None:
    text = rgb(THEMES[theme]["textColor"])
    ink = INK * rgb(color) + (1 - INK) * text
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        page = rgb(THEMES[theme][ground])
        assert contrast(ink, page) >= TEXT
        assert contrast(text, 0.2 * rgb(color) + 0.8 * page) >= TEXT  # text on a tint of it
        assert contrast(text, 0.35 * rgb(color) + 0.65 * page) >= TEXT  # a remembered word


@pytest.mark.parametrize("color", [*SIDES, SURPRISE])
def test_bars_stand_out_and_carry_white_text(color: str) -> None:
    white = rgb("#FFFFFF")
    assert contrast(rgb(color), white) >= TEXT
    assert contrast(rgb(color), rgb(THEMES["dark"]["backgroundColor"])) >= LARGE


@pytest.mark.parametrize("seen", SEEN)
def test_the_sides_are_told_apart(seen: str) -> None:
    for a, b in combinations(SIDES, 2):
        assert np.linalg.norm(lab(a, SEEN[seen]) - lab(b, SEEN[seen])) >= 20


def test_the_mixture_is_neither_green_nor_red() -> None:
    _, a, b = lab(MIXTURE, SEEN["by most"])
    assert np.hypot(a, b) < 20
