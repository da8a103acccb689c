"""Comparisons whose answer others have worked out: closed formulas."""

import numpy as np
import pytest

from secondlook.evaluation import intervals
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions


def test_accuracy_agrees_with_agresti_and_min() -> None:
    """On a table of 90, 12, 4, 14 the interval is that of the closed formula of 2005."""
    both, only_first, only_second, neither = 90, 12, 4, 14
    count = both + only_first + only_second + neither
    labels = np.zeros(count, dtype=np.int64)
    first = np.repeat([0, 0, 1, 1], [both, only_first, only_second, neither])
    second = np.repeat([0, 1, 0, 1], [both, only_first, only_second, neither])
    truth, none = GroundTruth(labels, 2, None), np.zeros(count)
    found = intervals.compute_differences(
        truth, ImagePredictions(first, none, none), ImagePredictions(second, none, none)
    )["accuracy"]
    b, c, total = only_first + 0.5, only_second + 0.5, count + 2
    reach = 1.96 * (b + c - (c - b) ** 2 / total) ** 0.5 / total
    assert found.value == pytest.approx((only_second - only_first) / count)
    assert (found.low, found.high) == pytest.approx(
        ((c - b) / total - reach, (c - b) / total + reach), abs=0.009
    )


def test_a_single_image_says_nothing_of_its_loss() -> None:
    """The spread of one loss is unknown, and so are the ends of its interval."""
    value, *ends = intervals.compute_mean_interval(np.array([0.3]))
    assert value == 0.3
    assert np.isnan(ends).all()
