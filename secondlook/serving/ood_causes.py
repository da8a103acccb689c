"""How unlike those of training an image is, in numbers, and why, in words with what is usual."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from secondlook.artifacts.dataset_card import ReferenceRange
from secondlook.artifacts.schema import FloatArray
from secondlook.data.image_features import ImageFeatures
from secondlook.data.profile import OUTER_PERCENTILE
from secondlook.evaluation.formatting import format_coarse_percent

DISTANCE_NAME = "distance"


@dataclass(frozen=True)
class OodScore:
    """A picture's features (features,), and how far off each is: 1 is at a limit, less is usual.

    `distance` is that from the training pictures in the network, where above 1 is too far; `share`
    is that of validation pictures that are as far or further, 0..1.
    """

    features: FloatArray
    off: FloatArray
    distance: float
    share: float

    @property
    def is_far(self) -> bool:
        """Tell whether it is too far from the training pictures in the network."""
        return self.distance > 1

    @property
    def is_unlike(self) -> bool:
        """Tell whether there is anything to warn of."""
        return self.is_far or bool((abs(self.off) > 1).any())

    def by_name(self) -> dict[str, float]:
        """Return the features and the distance by name."""
        values = dict(zip(ImageFeatures._fields, self.features.tolist(), strict=True))
        return values | {DISTANCE_NAME: self.distance}


class OodWarning(NamedTuple):
    """Why an answer may not be trusted: one stable word, and a plain sentence with its numbers."""

    kind: str
    text: str


BLANK_RANGE = 2  # levels: a picture of a smaller range shows nothing
UNSCALED_MAXIMUM = 1  # level: the brightest of values from 0 to 1, and of a 16-bit file of 0 to 255
POLARITY_FEATURES = (
    "border",
    "brightness",
    "darkest",
    "brightest",
    "likeness",
)  # what inversion changes


@dataclass(frozen=True)
class FeatureDeviations:
    """The features of a picture, and how far each is off: 1 is at a limit, negative is below.

    `usual` is what training is like; `inverted`: with light and dark changed it is more like it.
    """

    values: dict[str, float]
    off: dict[str, float]
    usual: dict[str, ReferenceRange]
    inverted: bool


class OodCause(NamedTuple):
    """A warning and how far off the picture is, 1 or more."""

    strength: float
    warning: OodWarning


class _CauseRule(NamedTuple):
    """What is said where a feature is off on one side (-1 is below), and what may help."""

    kind: str
    feature: str
    side: int
    sentence: str
    advice: str = ""


SCALING_ADVICE = (
    "Bring values of 0 to 1, or of 0 to 255 in a file of 16 bits, to the whole range first."
)
CUT_ADVICE, MARGIN_ADVICE, SIZE_ADVICE = (
    "cut the empty margins off",
    "leave a margin around it",
    "give a larger one",
)
CAUSE_RULES = (
    *(
        _CauseRule("levels", feature, side, f"{said} {{}} (0 is black, 255 is white)")
        for feature, said in (
            ("border", "its edge is at level"),
            ("brightness", "its mean level is"),
            ("darkest", "its darkest level is"),
            ("brightest", "its brightest level is"),
        )
        for side in (-1, 1)
    ),
    _CauseRule("levels", "contrast", -1, "it is faint: its levels spread by {}"),
    _CauseRule("levels", "contrast", 1, "it is full of contrast: its levels spread by {}"),
    _CauseRule("margins", "box", -1, "what it shows takes {} of its side", CUT_ADVICE),
    _CauseRule("margins", "box", 1, "what it shows takes {} of its side", MARGIN_ADVICE),
    _CauseRule("margins", "cover", -1, "what it shows covers {} of it", CUT_ADVICE),
    _CauseRule("margins", "cover", 1, "what it shows covers {} of it"),
    _CauseRule(
        "off_centre", "off_centre", 1, "what it shows lies {} of half a side off the middle"
    ),
    _CauseRule("blur", "sharpness", -1, "it is blurred: a sharpness of {}"),
    _CauseRule(
        "blur", "grey", 1, "its edges are fuzzy: {} of its pixels are neither dark nor light"
    ),
    _CauseRule("detail", "sharpness", 1, "it is noisy, or full of fine detail: a sharpness of {}"),
    _CauseRule(
        "detail", "grey", -1, "its edges are hard: {} of its pixels are neither dark nor light"
    ),
    _CauseRule("aspect", "aspect", -1, "it is {} times as wide as it is high"),
    _CauseRule("aspect", "aspect", 1, "it is {} times as wide as it is high"),
    _CauseRule("size", "size", -1, "its shorter side is {} times the network's", SIZE_ADVICE),
    _CauseRule("likeness", "likeness", -1, "it correlates by {} with the mean training picture"),
)


def find_causes(look: FeatureDeviations) -> list[OodCause]:
    """Return why a picture is unlike training, the strongest first, one cause of a kind."""
    found = list(_find_range_causes(look)) or [*_find_inversion(look), *_find_feature_causes(look)]
    strongest: dict[str, OodCause] = {}
    for cause in sorted(found, key=lambda cause: -cause.strength):
        strongest.setdefault(cause.warning.kind, cause)
    return list(strongest.values())


def _find_range_causes(look: FeatureDeviations) -> Iterator[OodCause]:
    """Yield what makes a picture nothing to look at: other causes would only follow from it."""
    darkest, brightest = look.values["darkest"], look.values["brightest"]
    strength = max(map(abs, look.off.values()))
    usual = f"that of 99 % of the training pictures {_format_usual_range(look, 'brightest')}"
    if strength <= 1:
        return
    if brightest <= UNSCALED_MAXIMUM < look.usual["brightest"].values[-1]:
        told = (
            f"It is black: its brightest level is {brightest:.0f} of 255, {usual}. {SCALING_ADVICE}"
        )
        yield OodCause(strength, OodWarning("range", told))
    elif brightest > UNSCALED_MAXIMUM >= look.usual["brightest"].values[-1]:
        told = f"Its brightest level is {brightest:.0f}, {usual}: they hold 0 to 1. Divide by 255."
        yield OodCause(strength, OodWarning("range", told))
    elif brightest - darkest < BLANK_RANGE:
        told = f"It shows nothing: all of it is at level {darkest:.0f} to {brightest:.0f} of 255."
        yield OodCause(strength, OodWarning("blank", told))


def _find_inversion(look: FeatureDeviations) -> Iterator[OodCause]:
    """Yield that light and dark have changed places; the strongest cause, as it can be mended."""
    if look.inverted:
        told = (
            f"Light and dark are the other way round: its edge is at level "
            f"{_format_feature('border', look.values['border'])} (0 is black, 255 is white), "
            "that of 99 % of "
            f"the training pictures at {_format_usual_range(look, 'border')}. Inverted "
            "(--invert auto) it is more "
            "like them."
        )
        yield OodCause(max(map(abs, look.off.values())), OodWarning("inverted", told))


def _find_feature_causes(look: FeatureDeviations) -> Iterator[OodCause]:
    """Yield what is off, but for what inversion explains."""
    for case in CAUSE_RULES:
        off = look.off[case.feature] * case.side
        if off > 1 and not (look.inverted and case.feature in POLARITY_FEATURES):
            said = case.sentence.format(_format_feature(case.feature, look.values[case.feature]))
            usual = f"99 % of the training pictures: {_format_usual_range(look, case.feature)}"
            advice = f"; {case.advice}" if case.advice else ""
            told = f"{said[0].upper()}{said[1:]}; {usual}{advice}."
            yield OodCause(off, OodWarning(case.kind, told))


def _format_usual_range(look: FeatureDeviations, feature: str) -> str:
    """Return between which values 99 % of the training pictures are, as text."""
    usual = look.usual[feature]
    shares = [1 - OUTER_PERCENTILE / 100, OUTER_PERCENTILE / 100]
    low, high = (
        _format_feature(feature, end) for end in np.interp(shares, usual.shares, usual.values)
    )
    return low if low == high else f"{low} to {high}"


def _format_feature(feature: str, value: float) -> str:
    """Return a value as people read it."""
    if feature in {"border", "brightness", "contrast", "darkest", "brightest"}:
        return f"{value:.0f}"
    if feature in {"grey", "cover", "box", "off_centre"}:
        return format_coarse_percent(value)
    return f"{2**value:.2f}" if feature in {"aspect", "size"} else f"{value:.2f}"
