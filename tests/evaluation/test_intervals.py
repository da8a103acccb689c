"""Intervals and differences of two runs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.artifacts.schema import Interval
from secondlook.evaluation import bootstrap, intervals, metrics
from secondlook.evaluation.intervals import Difference, compute_differences, compute_intervals
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions

SETS = 1000
METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1")
Sample = tuple[GroundTruth, ImagePredictions, ImagePredictions]


def draw_two_networks(random: np.random.Generator, count: int, share: float = 0.3) -> Sample:
    """Draw images and what two networks say of them: the same images are hard for both.

    A yes-or-no question with a share of yes, which is harder; the second is more cautious.
    """
    labels = (random.random(count) < share).astype(np.int64)
    hard = random.normal(size=count) + 0.8 * labels
    first = 2.5 - 2.0 * hard + random.normal(size=count)
    second = 2.2 - 1.5 * hard + random.normal(size=count) + 0.5 * labels
    truth = GroundTruth(labels, classes=2, positive=1)
    return truth, make_predictions(labels, first), make_predictions(labels, second)


def make_predictions(labels: metrics.Labels, margin: metrics.Numbers) -> ImagePredictions:
    """Return answers that give the true class these log odds."""
    sure = 1 / (1 + np.exp(-abs(margin)))
    predicted = np.where(margin > 0, labels, 1 - labels)
    return ImagePredictions(predicted, np.logaddexp(0, -margin), sure)


def compute_coverage(
    intervals: Callable[[Sample, int], dict[str, Interval]], share: float = 0.3
) -> dict[str, float]:
    """Return how often intervals on 300 images hold what they say of two million."""
    random = np.random.default_rng(2)
    whole = intervals(draw_two_networks(random, 2_000_000, share), 0)
    found = [intervals(draw_two_networks(random, 300, share), seed) for seed in range(SETS)]
    return {
        name: compute_share_held([f[name] for f in found], true.floats[0])
        for name, true in whole.items()
    }


def compute_share_held(found: list[Interval], value: float) -> float:
    """Return the share of the intervals that hold the value."""
    return float(np.mean([low <= value <= high for _, low, high in (f.floats for f in found)]))


@pytest.fixture
def _use_few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw 500 resamples, not 2,000: the ends tremble more, the coverage hardly changes."""
    monkeypatch.setattr(bootstrap, "RESAMPLES", 500)


def compute_pair_intervals(sample: Sample, seed: int) -> dict[str, Interval]:
    """Return the intervals of the differences."""
    return {**compute_differences(*sample, seed)}


def compute_run_intervals(sample: Sample, seed: int) -> dict[str, Interval]:
    """Return the intervals of the first network alone."""
    return compute_intervals(*sample[:2], seed)


@pytest.mark.slow
@pytest.mark.usefixtures("_use_few_resamples")
@pytest.mark.parametrize("intervals", [compute_run_intervals, compute_pair_intervals])
def test_intervals_cover(intervals: Callable[[Sample, int], dict[str, Interval]]) -> None:
    """Over 1,000 simulated data sets each metric's 95 % interval covers 93 % to 97 %."""
    found = compute_coverage(intervals)
    assert set(found) == {*METRICS, "log_loss"}
    assert {name: share for name, share in found.items() if not 0.93 <= share <= 0.97} == {}


@pytest.mark.slow
@pytest.mark.usefixtures("_use_few_resamples")
def test_with_a_rare_class_intervals_are_rather_too_wide() -> None:
    """With nine positives among 300 images no difference is covered less than 93 %."""
    assert {
        name: share
        for name, share in compute_coverage(compute_pair_intervals, 0.03).items()
        if share < 0.93
    } == {}


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 4), st.integers(2, 30), st.booleans(), st.integers(0, 2**32 - 1))
def test_values_are_those_of_the_metrics(
    classes: int, count: int, one_vs_rest: bool, seed: int
) -> None:
    """What has an interval is the very number of metrics.py, and lies in the interval."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.5), count).astype(np.float32)
    labels = random.integers(0, classes, count)
    positive = classes - 1 if one_vs_rest else None
    truth = GroundTruth(labels, classes, positive)
    expected = metrics.compute_scalars(labels, probabilities, positive)
    for name, found in compute_intervals(
        truth, ImagePredictions.from_probabilities(labels, probabilities)
    ).items():
        value, low, high = found.floats
        assert value == pytest.approx(expected[name], nan_ok=True)
        assert np.isnan(value) or low <= value <= high


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_a_difference_turns_with_the_order(seed: int) -> None:
    """First against second is second against first with the sign turned, seed for seed.

    The ends to within a few images: they are shares of at least a hundred or so.
    """
    truth, first, second = draw_two_networks(np.random.default_rng(seed), 400)
    one = compute_differences(truth, first, second)
    other = compute_differences(truth, second, first)
    for name, found in one.items():
        value, low, _ = found.floats
        turned, _, high = other[name].floats
        assert value == pytest.approx(-turned, nan_ok=True)
        assert low == pytest.approx(-high, abs=0.05, nan_ok=True)


def test_the_same_answers_are_not_distinguishable() -> None:
    """A run compared with itself differs by nothing, and its log loss certainly so."""
    truth, first, _ = draw_two_networks(np.random.default_rng(0), 200)
    found = compute_differences(truth, first, first)
    assert {difference.value for difference in found.values()} == {0}
    assert not any(difference.distinguishable for difference in found.values())
    assert found["log_loss"] == Difference.from_floats(0, 0, 0)
    _, low, high = found["accuracy"].floats
    assert low < 0 < high


def test_a_large_difference_is_distinguishable_and_signed() -> None:
    """Knowing everything beats a coin in every metric, and says nothing of other seeds."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 300)
    coin = make_predictions(labels, random.normal(size=300))
    right = make_predictions(labels, np.full(300, 5.0))
    found = compute_differences(GroundTruth(labels, 2, 1), coin, right)
    assert all(difference.distinguishable for difference in found.values())
    assert found["accuracy"].up
    assert found["log_loss"].down
    assert not found["accuracy"].includes_seeds


def test_undefined_metrics_stay_undefined() -> None:
    """A run that never says yes has no precision to compare; its recall has."""
    truth, first, _ = draw_two_networks(np.random.default_rng(0), 200)
    lazy = replace(first, predicted=np.zeros(200, dtype=np.int64))
    found = compute_differences(truth, lazy, first)
    assert np.isnan(found["precision"].floats).all()
    assert found["precision"].value is found["precision"].low is None
    assert not found["precision"].distinguishable
    assert found["recall"].distinguishable


def test_a_run_that_ran_away_has_no_loss() -> None:
    """NaN probabilities make the log loss NaN and break nothing."""
    truth, first, _ = draw_two_networks(np.random.default_rng(0), 50)
    lost = ImagePredictions.from_probabilities(
        truth.labels, np.full((50, 2), np.nan, dtype=np.float32)
    )
    found = compute_differences(truth, first, lost)["log_loss"]
    assert np.isnan(found.floats).all()
    assert not found.distinguishable


def test_seeds_decide_the_resamples() -> None:
    """The same seed gives the same interval, another seed nearly the same."""
    sample = draw_two_networks(np.random.default_rng(0), 400)
    found, again, other = (compute_differences(*sample, seed) for seed in (1, 1, 2))
    assert found == again
    assert found["log_loss"].low != other["log_loss"].low
    assert found["log_loss"].low == pytest.approx(other["log_loss"].low, abs=0.01)


def test_the_normal_limit_takes_over_smoothly(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 20,000 images the limit and the resamples agree to 5 % of the interval's length."""
    sample = draw_two_networks(np.random.default_rng(0), 20_000)
    resampled = compute_differences(*sample)
    monkeypatch.setattr(intervals, "NORMAL_LIMIT_CELLS", 0)
    limit = compute_differences(*sample)
    monkeypatch.setattr(intervals, "NORMAL_LIMIT_IMAGES", 10**6)
    resampled["log_loss"] = compute_differences(*sample)["log_loss"]
    for name, found in limit.items():
        value, low, high = found.floats
        assert value == resampled[name].value
        assert (low, high) == pytest.approx(resampled[name].floats[1:], abs=0.05 * (high - low))
