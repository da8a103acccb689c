"""Runs that differ only in their seed."""

import numpy as np
import pytest

from secondlook.evaluation import intervals
from secondlook.evaluation.metrics import Numbers
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions
from secondlook.evaluation.seeds import (
    compute_seed_differences,
    compute_seed_interval,
    compute_seed_intervals,
    compute_seed_spread,
)

IMAGES = 200
TRUTH = GroundTruth(np.zeros(IMAGES, dtype=np.int64), 2, None)


def draw_method(
    random: np.random.Generator, hard: Numbers, skill: float, seeds: int, spread: float
) -> list[ImagePredictions]:
    """Draw runs of one method: each seed has its own luck, over all images and on each."""
    labels = np.zeros(len(hard), dtype=np.int64)
    runs = []
    for _ in range(seeds):
        luck = spread * random.normal()
        margin = skill + luck - 1.5 * hard + random.normal(size=len(hard))
        predicted = np.where(margin > 0, labels, 1)
        runs.append(
            ImagePredictions(predicted, np.logaddexp(0, -margin), 1 / (1 + np.exp(-abs(margin))))
        )
    return runs


def compute_true_differences(spread: float) -> dict[str, float]:
    """Return the differences over all seeds and images: two million, each with its own luck."""
    random = np.random.default_rng(1)
    blur = random.normal(size=2_000_000) * np.hypot(np.hypot(1.5, 1.0), spread)
    return {
        "accuracy": float((2.4 + blur > 0).mean() - (2.0 + blur > 0).mean()),
        "log_loss": float((np.logaddexp(0, -2.4 - blur) - np.logaddexp(0, -2.0 - blur)).mean()),
    }


@pytest.mark.parametrize("spread", [0.2, 0.6])
@pytest.mark.parametrize("seeds", [2, 4])
def test_intervals_hold_for_other_seeds(seeds: int, spread: float) -> None:
    """Methods 0.4 of skill apart: 93 % to 97.5 % of 1,000 repetitions hold their difference."""
    random, true = np.random.default_rng(0), compute_true_differences(spread)
    weights = np.repeat([-1 / seeds, 1 / seeds], seeds)
    covered: dict[str, list[bool]] = {"accuracy": [], "log_loss": []}
    for _ in range(1000):
        hard = random.normal(size=IMAGES)
        runs = [
            run for skill in (2.0, 2.4) for run in draw_method(random, hard, skill, seeds, spread)
        ]
        right = np.stack([1.0 - run.predicted for run in runs])
        losses = np.stack([run.losses for run in runs])
        for name, parts in (("accuracy", right), ("log_loss", losses)):
            _, low, high, _ = compute_seed_interval(parts.mean(axis=1), parts, weights)
            covered[name].append(low <= true[name] <= high)
    for ends in covered.values():
        assert 0.93 <= np.mean(ends) <= 0.975


def test_a_single_seed_holds_for_itself_only() -> None:
    """Image by image the interval is right for those models, but far too short for others."""
    random, true = np.random.default_rng(0), compute_true_differences(0.6)["accuracy"]
    covered = []
    for _ in range(100):
        hard = random.normal(size=IMAGES)
        [one], [other] = (draw_method(random, hard, skill, 1, 0.6) for skill in (2.0, 2.4))
        found = compute_seed_differences(TRUTH, [one], [other])["accuracy"]
        _, low, high = found.floats
        covered.append(low <= true <= high)
    assert np.mean(covered) < 0.75


def test_single_runs_are_compared_as_pairs() -> None:
    """With one seed a side the paired comparison is returned, and says what it leaves out."""
    random = np.random.default_rng(0)
    hard = random.normal(size=IMAGES)
    [one], [other] = (draw_method(random, hard, skill, 1, 0.3) for skill in (2.0, 2.4))
    found = compute_seed_differences(TRUTH, [one], [other])
    assert found == intervals.compute_differences(TRUTH, one, other)
    assert not found["accuracy"].includes_seeds
    assert compute_seed_intervals(TRUTH, [one]) == intervals.compute_intervals(TRUTH, one)
    assert compute_seed_differences(TRUTH, [one], [other, other])["accuracy"].includes_seeds


def test_spread_over_seeds_widens_the_interval() -> None:
    """By hand: two seeds a side, right on the first 90, 70 and 80, 60 of 100 images."""
    from scipy.stats import t

    truth = GroundTruth(np.zeros(100, dtype=np.int64), 2, None)
    runs = [
        ImagePredictions((np.arange(100) >= hits).astype(np.int64), np.zeros(100), np.ones(100))
        for hits in (90, 70, 80, 60)
    ]
    found = compute_seed_differences(truth, runs[:2], runs[2:])["accuracy"]
    assert found.value == pytest.approx(-0.1)
    images = np.cov([run.predicted for run in runs]) / 100
    weights = np.array([-0.5, -0.5, 0.5, 0.5])
    seeds = 0.02  # variance of 0.9 and 0.7, and of 0.8 and 0.6
    held = ((images[0, 0] + images[1, 1]) / 2 - images[0, 1]) / 2
    held += ((images[2, 2] + images[3, 3]) / 2 - images[2, 3]) / 2
    variance = weights @ images @ weights + seeds - held
    reach = t.ppf(0.975, 2 * (variance / seeds) ** 2) * variance**0.5
    assert (found.low, found.high) == pytest.approx((-0.1 - reach, -0.1 + reach))


def test_spread_is_told_as_mean_and_deviation() -> None:
    """Three seeds at 0.9, 0.92 and 0.94; a single one has no deviation."""
    assert compute_seed_spread([0.9, 0.92, 0.94]).mean == pytest.approx(0.92)
    assert compute_seed_spread([0.9, 0.92, 0.94]).deviation == pytest.approx(0.02)
    assert np.isnan(compute_seed_spread([0.9]).deviation)


def test_the_mean_over_seeds_has_an_interval() -> None:
    """It is centred on the mean of the runs, and wider where they differ more."""
    random = np.random.default_rng(3)
    hard = random.normal(size=IMAGES)
    lengths = []
    for spread in (0.0, 1.0):
        runs = draw_method(random, hard, 2.0, 4, spread)
        found = compute_seed_intervals(TRUTH, runs)["log_loss"]
        assert found.value == pytest.approx(np.mean([run.losses.mean() for run in runs]))
        _, low, high = found.floats
        lengths.append(high - low)
    assert lengths[1] > 2 * lengths[0]
