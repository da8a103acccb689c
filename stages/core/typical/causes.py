"""How a picture differs from those of training, in words: what is seen, and what is usual."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stages.core.outputs.facts import Usual
from stages.core.typical.limits import OUTER
from stages.core.typical.warning import Warning as Unlike

BLANK = 2  # levels: a picture of a smaller range shows nothing
UNSCALED = 1  # level: the brightest of values from 0 to 1, and of a 16-bit file of 0 to 255
POLARITY = ("border", "brightness", "darkest", "brightest", "likeness")  # what inversion changes


@dataclass(frozen=True)
class Look:
    """The features of a picture, and how far each is off: 1 is at a limit, negative is below.

    `usual` is what training is like; `inverted`: with light and dark changed it is more like it.
    """

    values: dict[str, float]
    off: dict[str, float]
    usual: dict[str, Usual]
    inverted: bool


class Cause(NamedTuple):
    """A warning and how far off the picture is, 1 or more."""

    strength: float
    warning: Unlike


class Case(NamedTuple):
    """What is said where a feature is off on one side (-1 is below), and what may help."""

    kind: str
    feature: str
    side: int
    said: str
    advice: str = ""


SCALING = "Bring values of 0 to 1, or of 0 to 255 in a file of 16 bits, to the whole range first."
CUT, LEAVE, DETAIL = "cut the empty margins off", "leave a margin around it", "give a larger one"
CASES = (
    *(
        Case("levels", feature, side, f"{said} {{}} (0 is black, 255 is white)")
        for feature, said in (
            ("border", "its edge is at level"),
            ("brightness", "its mean level is"),
            ("darkest", "its darkest level is"),
            ("brightest", "its brightest level is"),
        )
        for side in (-1, 1)
    ),
    Case("levels", "contrast", -1, "it is faint: its levels spread by {}"),
    Case("levels", "contrast", 1, "it is full of contrast: its levels spread by {}"),
    Case("margins", "box", -1, "what it shows takes {} of its side", CUT),
    Case("margins", "box", 1, "what it shows takes {} of its side", LEAVE),
    Case("margins", "cover", -1, "what it shows covers {} of it", CUT),
    Case("margins", "cover", 1, "what it shows covers {} of it"),
    Case("off_centre", "off_centre", 1, "what it shows lies {} of half a side off the middle"),
    Case("blur", "sharpness", -1, "it is blurred: a sharpness of {}"),
    Case("blur", "grey", 1, "its edges are fuzzy: {} of its pixels are neither dark nor light"),
    Case("detail", "sharpness", 1, "it is noisy, or full of fine detail: a sharpness of {}"),
    Case("detail", "grey", -1, "its edges are hard: {} of its pixels are neither dark nor light"),
    Case("aspect", "aspect", -1, "it is {} times as wide as it is high"),
    Case("aspect", "aspect", 1, "it is {} times as wide as it is high"),
    Case("size", "size", -1, "its shorter side is {} times the network's", DETAIL),
    Case("likeness", "likeness", -1, "it correlates by {} with the mean training picture"),
)


def causes(look: Look) -> list[Cause]:
    """Return why a picture is unlike training, the strongest first, one cause of a kind."""
    found = list(scale(look)) or [*inversion(look), *cases(look)]
    strongest: dict[str, Cause] = {}
    for cause in sorted(found, key=lambda cause: -cause.strength):
        strongest.setdefault(cause.warning.kind, cause)
    return list(strongest.values())


def scale(look: Look) -> Iterator[Cause]:
    """Yield what makes a picture nothing to look at: other causes would only follow from it."""
    darkest, brightest = look.values["darkest"], look.values["brightest"]
    strength = max(map(abs, look.off.values()))
    usual = f"that of 99 % of the training pictures {ends(look, 'brightest')}"
    if strength <= 1:
        return
    if brightest <= UNSCALED < look.usual["brightest"].values[-1]:
        told = f"It is black: its brightest level is {brightest:.0f} of 255, {usual}. {SCALING}"
        yield Cause(strength, Unlike("range", told))
    elif brightest > UNSCALED >= look.usual["brightest"].values[-1]:
        told = f"Its brightest level is {brightest:.0f}, {usual}: they hold 0 to 1. Divide by 255."
        yield Cause(strength, Unlike("range", told))
    elif brightest - darkest < BLANK:
        told = f"It shows nothing: all of it is at level {darkest:.0f} to {brightest:.0f} of 255."
        yield Cause(strength, Unlike("blank", told))


def inversion(look: Look) -> Iterator[Cause]:
    """Yield that light and dark have changed places; the strongest cause, as it can be mended."""
    if look.inverted:
        told = (
            f"Light and dark are the other way round: its edge is at level "
            f"{form('border', look.values['border'])} (0 is black, 255 is white), that of 99 % of "
            f"the training pictures at {ends(look, 'border')}. Inverted (--invert auto) it is more "
            "like them."
        )
        yield Cause(max(map(abs, look.off.values())), Unlike("inverted", told))


def cases(look: Look) -> Iterator[Cause]:
    """Yield what is off, but for what inversion explains."""
    for case in CASES:
        off = look.off[case.feature] * case.side
        if off > 1 and not (look.inverted and case.feature in POLARITY):
            said = case.said.format(form(case.feature, look.values[case.feature]))
            usual = f"99 % of the training pictures: {ends(look, case.feature)}"
            advice = f"; {case.advice}" if case.advice else ""
            told = f"{said[0].upper()}{said[1:]}; {usual}{advice}."
            yield Cause(off, Unlike(case.kind, told))


def ends(look: Look, feature: str) -> str:
    """Return between which values 99 % of the training pictures are, as text."""
    usual = look.usual[feature]
    shares = [1 - OUTER / 100, OUTER / 100]
    low, high = (form(feature, end) for end in np.interp(shares, usual.shares, usual.values))
    return low if low == high else f"{low} to {high}"


def form(feature: str, value: float) -> str:
    """Return a value as people read it."""
    if feature in {"border", "brightness", "contrast", "darkest", "brightest"}:
        return f"{value:.0f}"
    if feature in {"grey", "cover", "box", "off_centre"}:
        return f"{100 * value:.0f} %"
    return f"{2**value:.2f}" if feature in {"aspect", "size"} else f"{value:.2f}"
