"""The threshold as a choice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.evaluation.metrics import Probabilities
from secondlook.evaluation.operating_point import (
    ChosenThreshold,
    ThresholdGoal,
    apply_threshold,
    choose_threshold,
    compute_threshold_curve,
    thin_threshold_curve,
)

# Few distinct scores, so that ties are the rule; at least one image is positive.
images = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.7, 0.9, 1.0])),
    min_size=1,
    max_size=12,
).filter(lambda pairs: any(positive for positive, _ in pairs))


def make_arrays(pairs: list[tuple[bool, float]]) -> tuple[NDArray[np.bool_], Probabilities]:
    """Return which images are positive, and their scores."""
    positives, scores = zip(*pairs, strict=True)
    return np.array(positives), np.array(scores, dtype=np.float32)


def count_scores(
    positives: NDArray[np.bool_], scores: Probabilities, threshold: float
) -> tuple[float, float, float]:
    """Return precision, recall and F1 of calling scores of at least a threshold positive."""
    hits = sum(p and s >= threshold for p, s in zip(positives, scores, strict=True))
    yes, count = sum(s >= threshold for s in scores), positives.sum()
    return float(hits / yes), float(hits / count), float(2 * hits / (yes + count))


@given(images)
def test_curve_is_what_counting_gives(pairs: list[tuple[bool, float]]) -> None:
    """At every distinct score precision, recall and F1 are those counted one by one."""
    positives, scores = make_arrays(pairs)
    points = compute_threshold_curve(positives, scores)
    assert list(points.threshold) == sorted(set(scores.tolist()), reverse=True)
    for at, threshold in enumerate(points.threshold):
        found = (points.precision[at], points.recall[at], points.f1[at])
        assert found == count_scores(positives, scores, threshold)


@given(images)
def test_best_f1_is_the_best_there_is(pairs: list[tuple[bool, float]]) -> None:
    """No score as a threshold gives a higher F1, nor the same one at a higher precision."""
    positives, scores = make_arrays(pairs)
    best = choose_threshold(compute_threshold_curve(positives, scores), ThresholdGoal("best f1"))
    every = [count_scores(positives, scores, float(score)) for score in scores]
    assert best.reached
    f1, precision = max((f1, precision) for precision, _, f1 in every)
    assert count_scores(positives, scores, best.threshold) == (precision, best.recall, f1)


@given(images, st.sampled_from([0.0, 0.3, 0.5, 2 / 3, 0.8, 1.0]))
def test_a_recall_is_reached_at_the_best_precision(
    pairs: list[tuple[bool, float]], target: float
) -> None:
    """Every recall can be reached; of the thresholds that do, the most precise is chosen."""
    positives, scores = make_arrays(pairs)
    found = choose_threshold(
        compute_threshold_curve(positives, scores), ThresholdGoal("recall", target)
    )
    every = [count_scores(positives, scores, float(score)) for score in scores]
    best = max((precision, recall) for precision, recall, _ in every if recall >= target)
    assert found.reached
    assert (found.precision, found.recall) == best
    assert count_scores(positives, scores, found.threshold)[:2] == best


@given(images, st.sampled_from([0.0, 0.3, 0.5, 2 / 3, 0.8, 1.0]))
def test_a_precision_is_reached_or_said_not_to_be(
    pairs: list[tuple[bool, float]], target: float
) -> None:
    """The highest recall at that precision, else the highest precision and an honest word."""
    positives, scores = make_arrays(pairs)
    found = choose_threshold(
        compute_threshold_curve(positives, scores), ThresholdGoal("precision", target)
    )
    every = [count_scores(positives, scores, float(score))[:2] for score in scores]
    reaching = [(recall, precision) for precision, recall in every if precision >= target]
    assert found.reached == bool(reaching)
    best = max(reaching)[::-1] if reaching else max(every)
    assert (found.precision, found.recall) == best
    assert count_scores(positives, scores, found.threshold)[:2] == best


def test_an_unreachable_precision_is_not_faked() -> None:
    """With a negative above every positive, a precision of 0.9 is out of reach."""
    positives = np.array([False, True, True, False])
    points = compute_threshold_curve(positives, np.array([0.9, 0.8, 0.7, 0.1], dtype=np.float32))
    found = choose_threshold(points, ThresholdGoal("precision", 0.9))
    assert not found.reached
    assert (found.precision, found.recall) == (2 / 3, 1)


def test_half_is_half_whatever_the_scores() -> None:
    """The threshold stays 0.5; where no score reaches it nothing is positive."""
    positives = np.array([True, True, False])
    points = compute_threshold_curve(positives, np.array([0.8, 0.5, 0.4], dtype=np.float32))
    assert choose_threshold(points, ThresholdGoal("half")) == ChosenThreshold(
        0.5, 1.0, 1.0, reached=True
    )
    nothing = choose_threshold(
        compute_threshold_curve(positives, np.array([0.3, 0.2, 0.4], dtype=np.float32)),
        ThresholdGoal("half"),
    )
    assert (nothing.threshold, nothing.recall, nothing.reached) == (0.5, 0.0, True)
    assert np.isnan(nothing.precision)


def test_equal_scores_are_called_the_same() -> None:
    """A threshold taken from a float32 score calls that very score positive."""
    scores = np.array([0.1, 0.3, 0.3, 0.7], dtype=np.float32)
    points = compute_threshold_curve(np.array([False, True, False, True]), scores)
    assert list(
        apply_threshold(scores, choose_threshold(points, ThresholdGoal("recall", 1.0)).threshold)
    ) == [0, 1, 1, 1]


def test_a_curve_without_positives_is_refused() -> None:
    """Without a positive image there is no recall to choose by."""
    with pytest.raises(ValueError, match="positive"):
        compute_threshold_curve(np.array([False]), np.array([0.5], dtype=np.float32))


def test_thinned_curve_keeps_the_shape() -> None:
    """Of 20,000 points at most 50 are kept, both ends among them, spread over both axes."""
    random = np.random.default_rng(0)
    positives = random.random(20_000) < 0.01
    scores = random.beta(0.3, 3, 20_000).astype(np.float32) + np.float32(0.3) * positives
    points = compute_threshold_curve(positives, np.minimum(scores, np.float32(1)))
    few = thin_threshold_curve(points, 50)
    assert len(few.threshold) <= 50
    assert (few.threshold[0], few.recall[-1]) == (points.threshold[0], 1)
    assert few.threshold[-1] == points.threshold[-1]
    assert -np.diff(few.threshold).min() < 0.06
    assert np.diff(few.recall).max() < 0.06
    assert thin_threshold_curve(points, 10**6) is points


def test_curve_agrees_with_scikit_learn() -> None:
    """Precision, recall and thresholds are sklearn's, less its last, invented point."""
    from sklearn.metrics import precision_recall_curve

    random = np.random.default_rng(1)
    positives, scores = random.random(500) < 0.3, random.random(500).astype(np.float32).round(2)
    precision, recall, threshold = precision_recall_curve(positives, scores)
    points = compute_threshold_curve(positives, scores)
    np.testing.assert_allclose(points.precision[::-1], precision[:-1])
    np.testing.assert_allclose(points.recall[::-1], recall[:-1])
    np.testing.assert_array_equal(points.threshold[::-1], threshold)
