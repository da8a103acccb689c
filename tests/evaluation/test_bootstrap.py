"""Contingency tables, their resamples, and what each image contributes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.evaluation import bootstrap, intervals
from secondlook.evaluation.metrics import Labels
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions


def draw_predictions(seed: int, count: int, classes: int) -> tuple[Labels, Labels]:
    """Draw labels, and predictions of which three in four are right."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    guessed = random.integers(0, classes, count)
    return labels, np.where(random.random(count) < 0.7, labels, guessed)


def test_table_counts_every_image_once() -> None:
    """Cells that hold no image are left out."""
    truth = GroundTruth(np.array([0, 0, 1, 1, 1]), 2, 1)
    table = bootstrap.count_contingency(truth, np.array([0, 1, 1, 1, 0]), np.array([0, 0, 1, 1, 1]))
    found = dict(zip(map(tuple, table.cells.tolist()), table.counts.tolist(), strict=True))
    assert found == {(0, 0, 0): 1, (0, 1, 0): 1, (1, 1, 1): 2, (1, 0, 1): 1}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
def test_contributions_are_the_jackknifes(seed: int, classes: int, one_vs_rest: bool) -> None:
    """Each is N times the metric less N - 1 times the metric without that image."""
    labels, predicted = draw_predictions(seed, 12, classes)
    positive = 0 if one_vs_rest else None
    whole = bootstrap.compute_observed_metrics(GroundTruth(labels, classes, positive), predicted)
    found = bootstrap.compute_metric_contributions(
        GroundTruth(labels, classes, positive), predicted
    )
    for i in range(12):
        left = GroundTruth(np.delete(labels, i), classes, positive)
        without = bootstrap.compute_observed_metrics(left, np.delete(predicted, i))
        for name, value in whole.items():
            expected = 12 * value - 11 * without[name]
            assert found[name][i] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_resamples_spread_as_the_contributions_say() -> None:
    """Two ways to the same standard error, on 3,000 images of four classes."""
    labels, predicted = draw_predictions(0, 3000, 4)
    truth = GroundTruth(labels, 4, None)
    [drawn] = bootstrap.resample_metrics(bootstrap.count_contingency(truth, predicted), seed=0)
    parts = bootstrap.compute_metric_contributions(truth, predicted)
    for name, values in drawn.items():
        assert values.shape == (bootstrap.RESAMPLES,)
        assert values.std() == pytest.approx(parts[name].std() / 3000**0.5, rel=0.06)


def test_nothing_seen_is_not_nothing_possible() -> None:
    """A run without a mistake is not certain never to make one, and less so on fewer images."""
    lows = []
    for count in (50, 500):
        labels = np.arange(count) % 2
        truth = GroundTruth(labels, 2, 1)
        found = intervals.compute_intervals(
            truth, ImagePredictions(labels, np.zeros(count), np.ones(count))
        )
        assert (found["recall"].value, found["recall"].high) == (1, 1)
        lows.append(found["recall"].floats[1])
    assert 0.8 < lows[0] < 0.95 < lows[1] < 1


@pytest.mark.parametrize(("count", "classes"), [(1_000_000, 10), (300_000, 100)])
def test_memory_is_bounded(count: int, classes: int) -> None:
    """Comparing two runs needs no more than 400 bytes an image and a hundred megabytes."""
    labels, first = draw_predictions(0, count, classes)
    second = draw_predictions(1, count, classes)[1]
    none = np.zeros(count)
    tracemalloc.start()
    intervals.compute_differences(
        GroundTruth(labels, classes, None),
        ImagePredictions(first, none, none),
        ImagePredictions(second, none, none),
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e8 + 400 * count
