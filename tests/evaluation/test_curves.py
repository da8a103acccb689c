"""The curves of a yes-or-no question, drawn with few points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evaluation import curves


def draw_predictions(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (N,) and probabilities (N, K) that are often right."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    odds = np.exp(rng.normal(size=(count, classes)) + 2 * np.eye(classes)[labels])
    return labels, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def test_many_pairs_are_counted_instead_of_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Areas are those of scikit-learn to four digits, and points lie on its curves."""
    from sklearn import metrics as sk

    labels, probabilities = draw_predictions(5000, 4)
    monkeypatch.setattr(curves, "MAX_SORTED_PAIRS", 0)
    found = curves.compute_micro_curves(labels, probabilities, 50)
    truths, scores = np.eye(4)[labels].ravel(), probabilities.ravel()
    area = sk.average_precision_score(truths, scores)
    assert found.precision_recall.area == pytest.approx(area, abs=1e-4)
    assert found.roc.area == pytest.approx(sk.roc_auc_score(truths, scores), abs=1e-4)
    threshold = found.precision_recall.threshold[25]
    called = scores >= np.float32(threshold or 0.0)
    assert found.precision_recall.recall[25] == pytest.approx(truths[called].sum() / 5000)
    assert found.precision_recall.precision[25] == pytest.approx(truths[called].mean())


def test_long_rankings_are_looked_at_coarsely() -> None:
    """The areas are exact, points lie on the curve, evenly along it, and both ends stay."""
    from sklearn import metrics as sk

    labels, probabilities = draw_predictions(200_000, 2)
    found = curves.compute_curves(labels == 1, probabilities[:, 1], 200)
    assert found.roc.area == pytest.approx(sk.roc_auc_score(labels, probabilities[:, 1]))
    false, true, _ = sk.roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
    drawn = np.array([found.roc.false_positive_rate, found.roc.true_positive_rate])
    assert set(map(tuple, drawn.T)) <= set(zip(false.tolist(), true.tolist(), strict=True))
    assert np.diff(drawn).sum(axis=0).max() < 1.05 * 2 / 199
    kept = curves.select_ranking_points(1_000_000)
    assert (kept[0], kept[-1], len(kept)) == (0, 999_999, curves.MAX_RANKED_POINTS)
    assert (np.diff(kept) > 0).all()


@given(st.integers(10, 40), st.integers(1, 500))
def test_thinning_keeps_the_ends_and_the_number(points: int, size: int) -> None:
    """At most `points` stay, in order, the first and the last among them."""
    x = np.linspace(0, 1, size)
    kept = curves.thin_curve(x, x**2, points)
    assert len(kept) == len(set(kept)) <= points
    assert (kept[0], kept[-1]) == (0, size - 1)
    assert (np.diff(kept) > 0).all()


def test_thinning_follows_the_curve() -> None:
    """No point is left out that would move the curve by much more than its share."""
    x = np.linspace(0, 1, 100_000)
    kept = curves.thin_curve(x, np.sqrt(x), 200)
    assert np.abs(np.interp(x, x[kept], np.sqrt(x)[kept]) - np.sqrt(x)).max() < 0.01
