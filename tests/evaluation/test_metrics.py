"""Labels and probabilities to numbers: the same as scikit-learn's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.evaluation import metrics

Column = NDArray[np.bool_] | metrics.Probabilities
Drawn = tuple[metrics.Labels, metrics.Probabilities]
EIGHT = np.array([0, 0, 0, 1, 1], dtype=np.int64)
SURE = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.7, 0.3]], dtype=np.float32)
LAZY = np.tile(np.array([0.6, 0.4], dtype=np.float32), (5, 1))


@st.composite
def draw_predictions(draw: st.DrawFn) -> Drawn:
    """Draw labels holding every class, and probabilities with ties among them."""
    size, count = draw(st.integers(2, 5)), draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    labels = np.append(np.arange(size), rng.integers(0, size, count))
    coarse = rng.integers(1, draw(st.sampled_from([3, 1000])), (len(labels), size))
    odds = coarse.astype(np.float32)
    return labels.astype(np.int64), odds / odds.sum(axis=1, keepdims=True)


def test_curve_point_of_a_hand_made_case() -> None:
    """One eight of two is found, one other is taken for an eight."""
    point = metrics.compute_epoch_metrics(EIGHT, SURE, positive=1)
    assert point["accuracy"] == pytest.approx(0.6)
    assert point["precision"] == pytest.approx(0.5)
    assert point["recall"] == pytest.approx(0.5)
    given = np.array([0.9, 0.8, 0.3, 0.6, 0.3])
    assert point["loss"] == pytest.approx(-np.log(given).mean(), abs=1e-6)


def test_always_no_has_no_precision() -> None:
    """A precision without a positive answer is not a number, and recall is nothing."""
    found = metrics.compute_scalars(EIGHT, LAZY, positive=1)
    assert np.isnan(found["precision"])
    assert (found["recall"], found["f1"], found["balanced_accuracy"]) == (0, 0, 0.5)
    assert found["average_precision"] == pytest.approx(0.4)
    assert found["roc_auc"] == 0.5


def test_a_class_never_predicted_counts_in_the_mean() -> None:
    """In the mean over classes its precision is 0, so that ignoring a class does not pay."""
    assert metrics.compute_scalars(EIGHT, LAZY, positive=None)["precision"] == pytest.approx(0.3)


def test_a_certain_mistake_is_not_infinitely_bad() -> None:
    """A probability of 0 for the true class costs what scikit-learn makes of it."""
    from sklearn import metrics as sk

    wrong = np.array([[1, 0]], dtype=np.float32)
    loss = metrics.compute_log_loss(np.array([1]), wrong)
    assert loss == pytest.approx(sk.log_loss([1], wrong, labels=[0, 1]))
    assert loss == pytest.approx(15.94, abs=0.01)


def test_probabilities_that_ran_away_give_no_loss_and_no_areas() -> None:
    """Not-a-number goes through instead of ending the evaluation."""
    found = metrics.compute_scalars(EIGHT, SURE * np.float32(np.nan), positive=1)
    assert np.isnan([found["log_loss"], found["roc_auc"], found["average_precision"]]).all()


def test_without_positives_there_are_no_areas() -> None:
    """Neither curve has an area where no image is positive."""
    ranked = metrics.rank_scores(np.zeros(3, dtype=bool), SURE[:3, 1])
    assert np.isnan(metrics.compute_average_precision(ranked))
    assert np.isnan(metrics.compute_roc_auc(ranked))


@given(draw_predictions())
@settings(max_examples=60, deadline=None)
def test_scalars_are_scikit_learns(drawn: Drawn) -> None:
    """Every number over all classes is what scikit-learn says, ties included."""
    from sklearn import metrics as sk

    labels, probabilities = drawn
    predicted = probabilities.argmax(axis=1)
    truths = labels[:, None] == np.arange(probabilities.shape[1])
    found = metrics.compute_scalars(labels, probabilities, positive=None)
    macro: dict[str, Any] = {"average": "macro", "zero_division": 0}
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "log_loss": sk.log_loss(labels, probabilities),
        "precision": sk.precision_score(labels, predicted, **macro),
        "recall": sk.recall_score(labels, predicted, **macro),
        "f1": sk.f1_score(labels, predicted, **macro),
        "macro_f1": sk.f1_score(labels, predicted, **macro),
        "average_precision": compute_mean_over_classes(
            sk.average_precision_score, truths, probabilities
        ),
        "roc_auc": compute_mean_over_classes(sk.roc_auc_score, truths, probabilities),
    }
    assert found == pytest.approx(expected, abs=1e-6)


def compute_mean_over_classes(
    score: Callable[[Column, Column], float],
    truths: NDArray[np.bool_],
    probabilities: metrics.Probabilities,
) -> float:
    """Ask scikit-learn class by class, one against the rest."""
    return float(np.mean([score(t, p) for t, p in zip(truths.T, probabilities.T, strict=True)]))


@given(draw_predictions())
@settings(max_examples=60, deadline=None)
def test_ranking_is_scikit_learns(drawn: Drawn) -> None:
    """The counts at every threshold are those of confusion_matrix_at_thresholds."""
    from sklearn import metrics as sk

    labels, probabilities = drawn
    ranked = metrics.rank_scores(labels == 0, probabilities[:, 0])
    _, false, _, true, thresholds = sk.confusion_matrix_at_thresholds(
        labels == 0, probabilities[:, 0]
    )
    np.testing.assert_array_equal(ranked.true_positives, true)
    np.testing.assert_array_equal(ranked.false_positives, false)
    np.testing.assert_array_equal(ranked.threshold, thresholds)


@given(draw_predictions())
def test_confusion_is_scikit_learns(drawn: Drawn) -> None:
    """Also where classes are never predicted."""
    from sklearn import metrics as sk

    labels, probabilities = drawn
    found = metrics.compute_confusion_matrix(labels, probabilities)
    classes = range(probabilities.shape[1])
    expected = sk.confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)
    np.testing.assert_array_equal(found, expected)


@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_class_scores_are_scikit_learns(size: int, seed: int) -> None:
    """To the last bit, also of classes that never occur, or are never predicted."""
    from sklearn.metrics import precision_recall_fscore_support as score

    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, (size, size)) * rng.integers(0, 2, (size, 1))
    counts[0, 1] += 1
    true, predicted = np.repeat(np.argwhere(counts), counts[counts > 0], axis=0).T
    found = metrics.compute_class_scores(counts)
    expected = score(true, predicted, labels=range(size), zero_division=np.nan)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    mean = score(true, predicted, average="macro", zero_division=0.0)
    assert metrics.compute_headline_scores(counts, None) == mean[:3]


def test_confusion_has_the_truth_as_rows() -> None:
    """One other taken for an eight stands in row 0, column 1."""
    assert metrics.compute_confusion_matrix(EIGHT, SURE).tolist() == [[2, 1], [1, 1]]
