"""Which pictures are unlike training: what is usual of each feature, and how far another is off.

Off in a feature is a picture's distance from the median of training, as a multiple of that of the
outermost 0.5 % of the training pictures on that side. All features share one bound of it, such
that few validation pictures go beyond it in any of them: one warning in forty pictures that are
like those of training, and not one a feature. (Pictures that were not trained on decide, as in
split conformal prediction: Papadopoulos et al. 2002, "Inductive confidence machines".)
"""

import math

import numpy as np

from stages.core.outputs.facts import Pictures, Usual
from stages.core.typical.features import DECIMALS, Column, Features

FALSE_ALARMS = 0.025  # share of validation pictures beyond the limits, at most
MIDDLE, OUTER = 50, 99.5  # percentiles
# Percentiles that are kept of training: the middle evenly, the tails closely.
TAIL = (0, 0.1, 0.25, 0.5, 1, 2.5)
POINTS = (*TAIL, *range(5, 100, 5), *(100 - point for point in reversed(TAIL)))
# What counts as far from the median at least, below it and above: nobody sees less, and where all
# of training is the same, any other value would be infinitely far. Some sides are out of reach:
# to lie in the middle, to be like the mean, or a large file is no reason to warn.
HALF = math.log2(1.5)  # a half more, or a third less
FAR = {
    **dict.fromkeys(("border", "brightness", "darkest", "brightest"), (8, 8)),
    "contrast": (4, 4),
    "grey": (0.05, 0.05),
    "sharpness": (0.05, 0.05),
    "cover": (0.02, 0.02),
    "box": (0.05, 0.05),
    "off_centre": (2, 0.05),
    "likeness": (0.05, 2),
    "aspect": (HALF, HALF),
    "size": (1, 20),
}


def described(training: Features, validation: Features, mean: Column) -> Pictures:
    """Return what the training pictures are like, and the limits that validation chooses."""
    kept = {name: quantiles(column) for name, column in training._asdict().items()}
    low, middle, high = ends = np.array([span(*kept[name], *FAR[name]) for name in kept]).T
    furthest = np.abs(off(validation.table(), ends)).max(axis=1)
    bound = max(1.0, exceeded(furthest, FALSE_ALARMS))
    lows = outward(middle - bound * (middle - low), np.floor)
    highs = outward(middle + bound * (high - middle), np.ceil)
    usual = {
        name: Usual(values.tolist(), shares.tolist(), float(first), float(last))
        for (name, (values, shares)), first, last in zip(kept.items(), lows, highs, strict=True)
    }
    return Pictures(usual, mean.tolist(), float((furthest > bound).mean()))


def outward(limits: Column, rounded: np.ufunc) -> Column:
    """Return limits (features,) of few digits, that let pass what is exactly at them."""
    few: Column = rounded(limits * 10**DECIMALS) / 10**DECIMALS
    return few


def quantiles(column: Column) -> tuple[Column, Column]:
    """Return values of a column (n,) at POINTS, ascending, and the shares of it up to each."""
    ordered = np.sort(column)
    values = np.unique(np.percentile(ordered, POINTS, method="inverted_cdf"))
    return values, np.searchsorted(ordered, values, side="right") / len(ordered)


def span(values: Column, shares: Column, below: float, above: float) -> tuple[float, float, float]:
    """Return the outermost value below, the median, and the outermost above, none of them near."""
    low, middle, high = np.interp(np.array([100 - OUTER, MIDDLE, OUTER]) / 100, shares, values)
    return min(low, middle - below), middle, max(high, middle + above)


def ends(pictures: Pictures) -> Column:
    """Return low limit, median and high limit of each feature, (3, features)."""
    usual = [pictures.features[name] for name in Features._fields]
    middle = [np.interp(MIDDLE / 100, one.shares, one.values) for one in usual]
    return np.array([[one.low for one in usual], middle, [one.high for one in usual]])


def off(table: Column, ends: Column) -> Column:
    """Return how far values (n, features) are off; at an end it is 1, or -1 below the median.

    ends: low value, median and high value of each feature, (3, features).
    """
    low, middle, high = ends
    apart = table - middle
    values: Column = np.where(apart < 0, apart / (middle - low), apart / (high - middle))
    return values


def exceeded(values: Column, share: float) -> float:
    """Return the smallest of the values (n,) that at most a share of them is larger than."""
    ordered = np.sort(values)
    return float(ordered[max(0, math.ceil(len(values) * (1 - share)) - 1)])
