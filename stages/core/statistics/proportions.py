"""Shares of images and their intervals, and whether two runs are right equally often."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMAL = 1.959963984540054  # the standard normal distribution's quantile at 0.975


@dataclass(frozen=True)
class Interval:
    """A number and the ends of its 95 % interval; all NaN where it is not defined."""

    value: float
    low: float
    high: float


class McNemar(NamedTuple):
    """How many images only the first, only the second run got right, and the p-value."""

    first_only: int
    second_only: int
    p: float


def proportion(successes: int, total: int) -> Interval:
    """Return a proportion, 0..1, of a total of at least 1, and its interval (Wilson, 1927)."""
    share, weight = successes / total, NORMAL**2 / total
    centre = (share + weight / 2) / (1 + weight)
    reach = (weight * (share * (1 - share) + weight / 4)) ** 0.5 / (1 + weight)
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Test whether two runs are right on equally many images: McNemar's exact test (1947).

    first, second: bool (N,), whether each run got the image right.
    """
    from scipy.stats import binomtest

    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    deciding = first_only + second_only
    p = float(binomtest(first_only, deciding).pvalue) if deciding else 1.0
    return McNemar(first_only, second_only, p)
