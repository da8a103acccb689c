"""What the pictures of a data set are like, from some of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.data import likeness
from stages.core.outputs.facts import Pictures
from stages.core.parallel import in_order
from stages.core.typical import limits
from stages.core.typical.features import Column, Features, coarse, in_grey, measured

SAMPLE = 5000  # pictures of a split that are looked at: enough for its outermost 0.1 %


class Split(NamedTuple):
    """Pictures (N, H, W, C), uint8, and their sizes as given (N, 2), width and height."""

    pictures: NDArray[np.uint8]
    sizes: NDArray[np.int64]


def survey(training: Split, validation: Split) -> Pictures:
    """Return what training pictures are like; those of validation choose what is still usual."""
    mean = mean_picture(training)
    return limits.described(features(training, mean), features(validation, mean), mean)


def mean_picture(split: Split) -> Column:
    """Return the mean of the coarse pictures (cells,), 0..255."""
    sums = in_order(lambda part: coarse(in_grey(part.pictures)).sum(axis=0), parts(split), 1)
    total: Column = np.sum(list(sums), axis=0, dtype=np.float64)
    return (total / min(SAMPLE, len(split.pictures))).round(2)


def features(split: Split, mean: Column) -> Features:
    """Return the features of some of the pictures."""
    tables = in_order(lambda part: measured(*part, mean).table(), parts(split), 1)
    return Features(*np.vstack(list(tables)).T)


def parts(split: Split) -> Iterator[Split]:
    """Yield some of the pictures, evenly spread, a block at a time."""
    places = likeness.spread(np.arange(len(split.pictures)), SAMPLE)
    start = 0
    for block in likeness.blocks([split.pictures], places):
        yield Split(block, split.sizes[places[start : start + len(block)]])
        start += len(block)
