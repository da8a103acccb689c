"""Areas under curves: what each image contributes, and how far they would move on other images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evaluation import auc_intervals, metrics
from secondlook.evaluation.predictions import GroundTruth

AREAS = {"average_precision": "average_precision_score", "roc_auc": "roc_auc_score"}


def draw_question(
    count: int, seed: int, share: float = 0.3, digits: int | None = None, apart: float = 1.0
) -> tuple[GroundTruth, np.ndarray]:
    """Return a yes-or-no question and probabilities (N, 2) that often answer it."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < share).astype(np.int64)
    scores = 1 / (1 + np.exp(-rng.normal(apart * (2 * labels - 1.0))))
    scores = (scores if digits is None else scores.round(digits)).astype(np.float32)
    return GroundTruth(labels, 2, 1), np.stack([1 - scores, scores], axis=1)


@given(st.integers(0, 1000), st.integers(2, 6), st.booleans())
def test_contributions_average_to_the_area(seed: int, classes: int, one: bool) -> None:
    """Of the positive class, or of the mean over classes, those that do not occur left out."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, max(2, classes - 1), 40)
    labels[:2] = 0, 1
    probabilities = rng.dirichlet(np.ones(classes), 40).round(2).astype(np.float32)
    positive = 1 if one else None
    found = auc_intervals.compute_area_contributions(
        GroundTruth(labels, classes, positive), probabilities
    )
    expected = metrics.compute_scalars(labels, probabilities, positive)
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(
        {name: expected[name] for name in auc_intervals.AREA_METRICS}
    )


@pytest.mark.parametrize("name", auc_intervals.AREA_METRICS)
def test_contributions_are_the_slopes_of_scikit_learns_areas(name: str) -> None:
    """A little more weight on one image moves the area by its contribution, ties included."""
    from sklearn import metrics as sk

    truth, probabilities = draw_question(50, seed=3, digits=1)
    area = getattr(sk, AREAS[name])
    scores, step = probabilities[:, 1].astype(np.float64), 1e-6
    plain = area(truth.labels, scores)
    weights = 1 + step * np.eye(50)
    moved = np.array([area(truth.labels, scores, sample_weight=row) for row in weights])
    found = auc_intervals.compute_area_contributions(truth, probabilities)[name]
    assert found == pytest.approx(plain + 50 * (moved - plain) / step, abs=1e-3)


def test_what_has_no_area_is_undefined() -> None:
    """Without positives, or with probabilities that are NaN, nothing is made up."""
    truth, probabilities = draw_question(20, seed=1)
    none = auc_intervals.compute_area_contributions(
        GroundTruth(np.zeros(20, dtype=np.int64), 2, 1), probabilities
    )
    ran_away = auc_intervals.compute_area_contributions(truth, np.full_like(probabilities, np.nan))
    for found in (none, ran_away):
        assert all(np.isnan(values).all() for values in found.values())
    assert auc_intervals.compute_area_interval(None, none["roc_auc"], 20).low is None
    assert auc_intervals.compute_area_interval(1.0, np.ones(20), 20).value == 1.0
    assert auc_intervals.compute_area_interval(0.5, np.full(20, 0.5), 20).low is None


@pytest.mark.parametrize("name", auc_intervals.AREA_METRICS)
@pytest.mark.parametrize(
    ("count", "share", "apart"), [(300, 0.3, 1.0), (300, 0.1, 1.0), (950, 0.1, 2.2)]
)
def test_intervals_hold_the_truth(name: str, count: int, share: float, apart: float) -> None:
    """Of 1,000 simulated data sets, 93 to 97 % have the true area in their interval."""
    truth, probabilities = draw_question(500_000, 0, share, apart=apart)
    area = metrics.compute_scalars(truth.labels, probabilities, 1)[name]
    held = 0
    for seed in range(1000):
        parts = auc_intervals.compute_area_contributions(
            *draw_question(count, seed + 1, share, apart=apart)
        )[name]
        mean = float(parts.mean())
        _, low, high = auc_intervals.compute_area_interval(mean, parts, count).floats
        held += low <= area <= high
    assert 930 <= held <= 970


def test_differences_hold_the_truth() -> None:
    """Two runs that are equally good differ significantly in about one of twenty data sets."""
    held = 0
    for seed in range(300):
        truth, probabilities = draw_question(200, seed)
        rng = np.random.default_rng(seed + 1000)
        other = 1 / (1 + np.exp(-rng.normal(2 * truth.labels - 1.0))).astype(np.float32)
        second = auc_intervals.compute_area_contributions(
            truth, np.stack([1 - other, other], axis=1)
        )["roc_auc"]
        parts = second - auc_intervals.compute_area_contributions(truth, probabilities)["roc_auc"]
        held += not auc_intervals.compute_area_difference(
            float(parts.mean()), parts, 200
        ).distinguishable
    assert 270 <= held <= 297


def test_a_sample_tells_the_spread_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval from a quarter of the images is as long as one from all of them, within 10 %."""
    truth, probabilities = draw_question(20_000, seed=5)
    whole = auc_intervals.compute_area_contributions(truth, probabilities)["roc_auc"]
    monkeypatch.setattr(auc_intervals, "SAMPLED_IMAGES", 5000)
    parts = auc_intervals.compute_area_contributions(truth, probabilities)["roc_auc"]
    area = float(whole.mean())
    (_, *long), (_, *short) = (
        auc_intervals.compute_area_interval(area, values, 20_000).floats
        for values in (whole, parts)
    )
    assert len(parts) == 5000
    assert np.ptp(short) == pytest.approx(np.ptp(long), rel=0.1)
    both = (
        auc_intervals.compute_area_difference(0.0, whole, 20_000),
        auc_intervals.compute_area_difference(0.0, parts, 20_000),
    )
    assert both[1].high == pytest.approx(both[0].high, rel=0.1)
