"""Colours that can be read and told apart."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from secondlook.report import theme
from secondlook.report.theme import Style

Color = NDArray[np.float64]
# Machado, Oliveira & Fernandes (2009), severity 1: linear RGB as colour-blind eyes see it.
EYES = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color: str) -> Color:
    """Return linear RGB (3,) of #rrggbb (IEC 61966-2-1)."""
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, from 1 to 21."""
    low, high = sorted(float(linear(color) @ TO_XYZ[1]) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Color) -> Color:
    """Return CIELAB (3,) of linear RGB, in which distances are as they look."""
    xyz = TO_XYZ @ rgb.clip(0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    ("colors", "paper"),
    [(theme.LIGHT, theme.PAPER), (theme.DARK, theme.DARK_PAPER)],
)
def test_every_colour_stands_out_from_the_paper(colors: tuple[str, ...], paper: str) -> None:
    """Lines have the 3:1 that WCAG 2.2 asks of graphics, on white and on black."""
    assert min(contrast(color, paper) for color in colors) >= 3


@pytest.mark.parametrize("side", [0, 1])
def test_text_can_be_read(side: int) -> None:
    """Ink and muted text have the 4.5:1 that WCAG 2.2 (AA) asks of text."""
    colors = theme.list_css_variables()
    for name in ("--ink", "--muted"):
        assert contrast(colors[name][side], colors["--paper"][side]) >= 4.5


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK])
def test_no_two_colours_look_alike(colors: tuple[str, ...], eyes: str) -> None:
    """Five times the distance that is just seen, whatever cones an eye has."""
    seen = [lab(EYES[eyes] @ linear(color)) for color in colors]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 5 * 2.3


def test_forty_runs_have_forty_looks() -> None:
    """Beyond eight runs the colour comes again with another line and another mark."""
    looks = [Style(i) for i in range(40)]
    assert len({(look.variable, look.dash) for look in looks}) == 40
    assert len({(look.color, look.marker) for look in looks}) == 40
