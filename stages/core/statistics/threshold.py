"""From how sure on does yes count as yes? The threshold is a choice, made on validation alone.

An image is called positive when its score is at least the threshold: images of equal score are
always called the same. Scores are the probabilities of the positive class.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.core.statistics.metrics import Numbers, Probabilities, ranking


@dataclass(frozen=True)
class Goal:
    """What the threshold is chosen for; the target (0..1) is one of recall or precision.

    half: one half, as the most probable of two classes; best f1: the highest F1; recall: the
    highest precision with at least that recall; precision: the highest recall with at least
    that precision.
    """

    kind: Literal["half", "best f1", "recall", "precision"]
    target: float = 0.0


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, precision (NaN where it calls nothing positive) and recall there, 0..1.

    reached: whether the goal is. Where no threshold reaches a precision, the point is that of
    the highest there is.
    """

    threshold: float
    precision: float
    recall: float
    reached: bool


@dataclass(frozen=True)
class Curve:
    """Precision, recall and F1 (T,), 0..1, at thresholds (T,), from the highest down."""

    threshold: Numbers
    precision: Numbers
    recall: Numbers
    f1: Numbers


def curve(positives: NDArray[np.bool_], scores: Probabilities) -> Curve:
    """Return what every distinct score (N,), 0..1, would give as a threshold.

    positives (N,): which images truly are. Raises ValueError where none is: recall would mean
    nothing. Equal to sklearn.metrics.precision_recall_curve, less its last, invented point.
    """
    if not positives.any():
        raise ValueError("a threshold needs a positive image")
    hits, alarms, threshold = ranking(positives, scores)
    called = hits + alarms
    f1 = 2 * hits / (called + hits[-1])
    return Curve(threshold.astype(np.float64), hits / called, hits / hits[-1], f1)


def choose(points: Curve, goal: Goal) -> OperatingPoint:
    """Return the point of a curve, that of the validation split, which meets the goal best.

    Where precision and recall tie, the other decides; F1's ties go to the higher precision.
    """
    if goal.kind == "half":
        return _half(points)
    wanted, first, second = {
        "best f1": (points.f1 >= 0, points.f1, points.precision),
        "recall": (points.recall >= goal.target, points.precision, points.recall),
        "precision": (points.precision >= goal.target, points.recall, points.precision),
    }[goal.kind]
    if not wanted.any():
        return replace(choose(points, Goal("recall")), reached=False)
    return _point(points, int(np.lexsort((second, first, wanted))[-1]))


def called(scores: Probabilities, threshold: float) -> NDArray[np.bool_]:
    """Return which images a threshold calls positive, given scores (N,)."""
    return scores.astype(np.float64) >= threshold


def thinned(points: Curve, count: int) -> Curve:
    """Return at most `count` points, spread evenly over the recalls and over the thresholds."""
    if len(points.threshold) <= count:
        return points
    steps = np.linspace(0, 1, count // 2)
    kept = [
        np.searchsorted(column, column[0] + steps * (column[-1] - column[0]))
        for column in (points.recall, -points.threshold)
    ]
    at = np.unique(np.minimum(np.concatenate(kept), len(points.threshold) - 1))
    return Curve(points.threshold[at], points.precision[at], points.recall[at], points.f1[at])


def _point(points: Curve, at: int) -> OperatingPoint:
    return OperatingPoint(
        threshold=float(points.threshold[at]),
        precision=float(points.precision[at]),
        recall=float(points.recall[at]),
        reached=True,
    )


def _half(points: Curve) -> OperatingPoint:
    above = int((points.threshold >= 0.5).sum())
    if not above:
        return OperatingPoint(0.5, np.nan, 0.0, reached=True)
    return replace(_point(points, above - 1), threshold=0.5)
