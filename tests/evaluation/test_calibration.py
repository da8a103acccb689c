"""Confidence against accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.evaluation.calibration import BIN_COUNT, compute_brier_score, compute_calibration
from secondlook.evaluation.metrics import Labels, Probabilities


def draw_predictions(confidence: list[float], right: list[bool]) -> tuple[Labels, Probabilities]:
    """Build two-class answers: always class 1, as sure as told, right where told."""
    sure = np.array(confidence, dtype=np.float32)
    return np.array(right, dtype=np.int64), np.stack([1 - sure, sure], axis=1)


def test_a_run_that_says_99_and_is_right_93_times_of_100() -> None:
    """The typical bin gives the sentence, the gap is the error, and it is beyond chance."""
    found = compute_calibration(*draw_predictions([0.99] * 100, [True] * 93 + [False] * 7))
    assert len(found.bins) == 1
    assert found.typical.confidence == pytest.approx(0.99)
    assert found.typical.accuracy.value == 0.93
    assert found.typical.misjudged
    assert found.error == pytest.approx(0.06)
    assert found.chance is not None
    assert found.chance < 0.01


def test_error_weighs_bins_by_their_images() -> None:
    """Three answers at 0.6, one right, and one at 1.0, right: 3/4 of a gap of 0.6 - 1/3."""
    found = compute_calibration(*draw_predictions([0.6, 0.6, 0.6, 1.0], [True, False, False, True]))
    assert [b.count for b in found.bins] == [3, 1]
    assert found.error == pytest.approx(0.75 * (0.6 - 1 / 3))
    assert not found.typical.misjudged


def test_bins_are_fifteenths() -> None:
    """A confidence of 0.61 lies between 9/15 and 10/15, and 1.0 belongs to the last bin."""
    first, last = compute_calibration(*draw_predictions([0.61, 1.0, 0.97], [True] * 3)).bins
    assert BIN_COUNT == 15
    assert (first.low, first.high) == pytest.approx((9 / 15, 10 / 15))
    assert (last.low, last.high) == pytest.approx((14 / 15, 1))
    assert last.count == 2


def test_chance_is_what_calibrated_runs_show() -> None:
    """Over 2,000 perfectly calibrated runs of 60 images the mean error is the one foretold."""
    random = np.random.default_rng(0)
    confidence = np.repeat([0.55, 0.75, 0.97], 20).astype(np.float32)
    found = [
        compute_calibration(
            *draw_predictions(list(confidence), list(random.random(60) < confidence))
        )
        for _ in range(2000)
    ]
    assert np.mean([f.error for f in found]) == pytest.approx(found[0].chance, rel=0.02)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_numbers_hold_for_any_predictions(classes: int, count: int, seed: int) -> None:
    """Every image is in one bin, the error is the weighted gap, Brier's score is sklearn's."""
    from sklearn.metrics import brier_score_loss

    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), count).astype(np.float32)
    labels = random.integers(0, classes, count)
    found = compute_calibration(labels, probabilities)
    assert sum(b.count for b in found.bins) == count
    rows = [(b.count, b.low, b.high, b.confidence, b.accuracy.value) for b in found.bins]
    sizes, low, high, confidence, accuracy = np.array(rows, dtype=np.float64).T
    gaps = sizes * abs(confidence - accuracy)
    assert found.error == pytest.approx(sum(gaps) / count)
    assert ((low < confidence) & (confidence <= high + 1e-6)).all()
    exact = probabilities / probabilities.sum(axis=1, dtype=np.float64, keepdims=True)
    sklearns = brier_score_loss(labels, exact, labels=range(classes), scale_by_half=False)
    assert compute_brier_score(labels, probabilities) == pytest.approx(sklearns, abs=1e-6)
    assert found.brier == compute_brier_score(labels, probabilities)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=40))
def test_chance_is_made_of_scipys_probabilities(confidence: list[float]) -> None:
    """The expected error is that of scipy.stats, also of answers given as sure."""
    from scipy.stats import binom

    found = compute_calibration(*draw_predictions(confidence, [True] * len(confidence)))
    count = np.array([b.count for b in found.bins])
    sure = np.array([b.confidence for b in found.bins])
    above = np.floor(count * sure) + 1
    expected = (2 * above * (1 - sure) * binom.pmf(above, count, sure)).sum() / count.sum()
    assert found.chance == pytest.approx(expected, rel=1e-9, abs=1e-12)
