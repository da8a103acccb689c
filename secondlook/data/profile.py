"""What training images are like, from some of them, and from where on another is unlike them.

A deviation is an image's distance from the median of training in a feature, as a multiple of that
of the outermost 0.5 % of the training images on that side. All features share one bound of it,
such that few validation images go beyond it in any of them: one warning in forty images that are
like those of training, and not one a feature. (Images that were not trained on decide, as in
split conformal prediction: Papadopoulos et al. 2002, "Inductive confidence machines".)
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import (
    FALSE_ALARM_SHARE,
    ReferenceRange,
    TrainingProfile,
    find_conformal_bound,
)
from secondlook.artifacts.image_shards import Images
from secondlook.artifacts.parallel import map_in_order
from secondlook.artifacts.schema import FloatArray, ImageArray, IndexArray
from secondlook.data import similarity
from secondlook.data.image_features import (
    FEATURE_DECIMALS,
    ImageFeatures,
    compute_cell_means,
    convert_to_grey,
    measure_features,
)

MIDDLE_PERCENTILE, OUTER_PERCENTILE = 50, 99.5  # percentiles
# Percentiles that are kept of training: the middle evenly, the tails closely.
TAIL_PERCENTILES = (0, 0.1, 0.25, 0.5, 1, 2.5)
PERCENTILES = (
    *TAIL_PERCENTILES,
    *range(5, 100, 5),
    *(100 - point for point in reversed(TAIL_PERCENTILES)),
)
# What counts as far from the median at least, below it and above: nobody sees less, and where all
# of training is the same, any other value would be infinitely far. Some sides are out of reach:
# to lie in the middle, to be like the mean, or a large file is no reason to warn.
HALF_MORE = math.log2(1.5)  # a half more, or a third less
LEAST_DEVIATIONS = {
    **dict.fromkeys(("border", "brightness", "darkest", "brightest"), (8, 8)),
    "contrast": (4, 4),
    "grey": (0.05, 0.05),
    "sharpness": (0.05, 0.05),
    "cover": (0.02, 0.02),
    "box": (0.05, 0.05),
    "off_centre": (2, 0.05),
    "likeness": (0.05, 2),
    "aspect": (HALF_MORE, HALF_MORE),
    "size": (1, 20),
}


def build_profile_from_features(
    training: ImageFeatures, validation: ImageFeatures, mean: FloatArray
) -> TrainingProfile:
    """Return what the training pictures are like, and the limits that validation chooses."""
    kept = {name: compute_quantiles(column) for name, column in training._asdict().items()}
    low, middle, high = ends = np.array(
        [_compute_span(*kept[name], *LEAST_DEVIATIONS[name]) for name in kept]
    ).T
    furthest = np.abs(compute_deviations(validation.to_table(), ends)).max(axis=1)
    bound = max(1.0, find_conformal_bound(furthest, FALSE_ALARM_SHARE))
    lows = _round_outward(middle - bound * (middle - low), np.floor)
    highs = _round_outward(middle + bound * (high - middle), np.ceil)
    usual = {
        name: ReferenceRange(
            values=values.tolist(), shares=shares.tolist(), low=float(first), high=float(last)
        )
        for (name, (values, shares)), first, last in zip(kept.items(), lows, highs, strict=True)
    }
    unusual = float((furthest > bound).mean())
    return TrainingProfile(features=usual, mean=mean.tolist(), unusual=unusual)


def _round_outward(limits: FloatArray, rounded: np.ufunc) -> FloatArray:
    """Return limits (features,) of few digits, that let pass what is exactly at them."""
    few: FloatArray = rounded(limits * 10**FEATURE_DECIMALS) / 10**FEATURE_DECIMALS
    return few


def compute_quantiles(column: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values of a column (n,) at PERCENTILES, ascending, and the shares of it up to each."""
    ordered = np.sort(column)
    values = np.unique(np.percentile(ordered, PERCENTILES, method="inverted_cdf"))
    return values, np.searchsorted(ordered, values, side="right") / len(ordered)


def _compute_span(
    values: FloatArray, shares: FloatArray, below: float, above: float
) -> tuple[float, float, float]:
    """Return the outermost value below, the median, and the outermost above, none of them near."""
    low, middle, high = np.interp(
        np.array([100 - OUTER_PERCENTILE, MIDDLE_PERCENTILE, OUTER_PERCENTILE]) / 100,
        shares,
        values,
    )
    return min(low, middle - below), middle, max(high, middle + above)


def compute_limits(pictures: TrainingProfile) -> FloatArray:
    """Return low limit, median and high limit of each feature, (3, features)."""
    usual = [pictures.features[name] for name in ImageFeatures._fields]
    middle = [np.interp(MIDDLE_PERCENTILE / 100, one.shares, one.values) for one in usual]
    return np.array([[one.low for one in usual], middle, [one.high for one in usual]])


def compute_deviations(table: FloatArray, ends: FloatArray) -> FloatArray:
    """Return how far values (n, features) are off; at an end it is 1, or -1 below the median.

    ends: low value, median and high value of each feature, (3, features).
    """
    low, middle, high = ends
    apart = table - middle
    values: FloatArray = np.where(apart < 0, apart / (middle - low), apart / (high - middle))
    return values


PROFILE_SAMPLE = 5000  # pictures of a split that are looked at: enough for its outermost 0.1 %


class SizedImages(NamedTuple):
    """Pictures (N, H, W, C), uint8, and their sizes as given (N, 2), width and height."""

    pictures: Images
    sizes: NDArray[np.int64]


def build_profile(training: SizedImages, validation: SizedImages) -> TrainingProfile:
    """Return what training pictures are like; those of validation choose what is still usual."""
    mean = compute_mean_image(training)
    return build_profile_from_features(
        measure_sample(training, mean), measure_sample(validation, mean), mean
    )


def compute_mean_image(split: SizedImages) -> FloatArray:
    """Return the mean of the coarse pictures (cells,), 0..255."""
    sums = map_in_order(
        lambda part: compute_cell_means(convert_to_grey(part[0])).sum(axis=0),
        _iterate_sample(split),
        1,
    )
    total: FloatArray = np.sum(list(sums), axis=0, dtype=np.float64)
    return (total / min(PROFILE_SAMPLE, len(split.pictures))).round(2)


def measure_sample(split: SizedImages, mean: FloatArray) -> ImageFeatures:
    """Return the features of some of the pictures."""
    tables = map_in_order(
        lambda part: measure_features(*part, mean).to_table(), _iterate_sample(split), 1
    )
    return ImageFeatures(*np.vstack(list(tables)).T)


def _iterate_sample(split: SizedImages) -> Iterator[tuple[ImageArray, IndexArray]]:
    """Yield some of the pictures, evenly spread, a block at a time."""
    places = similarity.select_evenly(np.arange(len(split.pictures)), PROFILE_SAMPLE)
    start = 0
    for block in similarity.iterate_blocks([split.pictures], places):
        yield block, split.sizes[places[start : start + len(block)]]
        start += len(block)
