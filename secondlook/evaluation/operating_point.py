"""From how sure on does yes count as yes? The threshold is a choice, made on validation alone.

An image is called positive when its score is at least the threshold: images of equal score are
always called the same. Scores are the probabilities of the positive class. What is chosen on
validation is then applied to each split: its OperatingPoint.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.schema import NullableFloat, Record
from secondlook.config import params
from secondlook.config.errors import ParamsError
from secondlook.config.yaml_schema import PARAMS_FILE
from secondlook.evaluation import metrics
from secondlook.evaluation.metrics import Counts, Numbers, Probabilities, rank_scores
from secondlook.evaluation.predictions import SplitPredictions


class OperatingPoint(Record):
    """Where a yes-or-no question is answered yes: chosen on validation, judged on this split.

    name: the class in question; rule: default (as the most probable class says) | best_f1 |
    recall | precision (at least `target`); reached: whether a threshold on validation reached the
    target; where none did, it is the one that came closest. The answer is yes from a probability
    of `threshold` on. confusion: 2 x 2 counts, rows truly not and truly so, columns answered no
    and yes. precision, recall, f1: of this split at the threshold. What other thresholds would
    give stands in `thresholds`.
    """

    name: str
    rule: str
    target: NullableFloat
    reached: bool
    threshold: NullableFloat
    confusion: list[list[int]]
    precision: NullableFloat
    recall: NullableFloat
    f1: NullableFloat


class Thresholds(Record):
    """What each threshold, from the highest down, gives on this split: lists of one length."""

    threshold: list[NullableFloat]
    precision: list[NullableFloat]
    recall: list[NullableFloat]
    f1: list[NullableFloat]


@dataclass(frozen=True)
class ThresholdGoal:
    """What the threshold is chosen for; the target (0..1) is one of recall or precision.

    half: one half, as the most probable of two classes; best f1: the highest F1; recall: the
    highest precision with at least that recall; precision: the highest recall with at least
    that precision.
    """

    kind: Literal["half", "best f1", "recall", "precision"]
    target: float = 0.0


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold, precision (NaN where it calls nothing positive) and recall there, 0..1.

    reached: whether the goal is. Where no threshold reaches a precision, the point is that of
    the highest there is.
    """

    threshold: float
    precision: float
    recall: float
    reached: bool


@dataclass(frozen=True)
class ThresholdCurve:
    """Precision, recall and F1 (T,), 0..1, at thresholds (T,), from the highest down."""

    threshold: Numbers
    precision: Numbers
    recall: Numbers
    f1: Numbers


def compute_threshold_curve(positives: NDArray[np.bool_], scores: Probabilities) -> ThresholdCurve:
    """Return what every distinct score (N,), 0..1, would give as a threshold.

    positives (N,): which images truly are. Raises ValueError where none is: recall would mean
    nothing. Equal to sklearn.metrics.precision_recall_curve, less its last, invented point.
    """
    if not positives.any():
        raise ValueError("a threshold needs a positive image")
    hits, alarms, threshold = rank_scores(positives, scores)
    called = hits + alarms
    f1 = 2 * hits / (called + hits[-1])
    return ThresholdCurve(threshold.astype(np.float64), hits / called, hits / hits[-1], f1)


def choose_threshold(points: ThresholdCurve, goal: ThresholdGoal) -> ChosenThreshold:
    """Return the point of a curve, that of the validation split, which meets the goal best.

    Where precision and recall tie, the other decides; F1's ties go to the higher precision.
    """
    if goal.kind == "half":
        return _choose_half(points)
    wanted, first, second = {
        "best f1": (points.f1 >= 0, points.f1, points.precision),
        "recall": (points.recall >= goal.target, points.precision, points.recall),
        "precision": (points.precision >= goal.target, points.recall, points.precision),
    }[goal.kind]
    if not wanted.any():
        return replace(choose_threshold(points, ThresholdGoal("recall")), reached=False)
    return _make_choice(points, int(np.lexsort((second, first, wanted))[-1]))


def apply_threshold(scores: Probabilities, threshold: float) -> NDArray[np.bool_]:
    """Return which images a threshold calls positive, given scores (N,)."""
    return scores.astype(np.float64) >= threshold


def thin_threshold_curve(points: ThresholdCurve, count: int) -> ThresholdCurve:
    """Return at most `count` points, spread evenly over the recalls and over the thresholds."""
    if len(points.threshold) <= count:
        return points
    steps = np.linspace(0, 1, count // 2)
    kept = [
        np.searchsorted(column, column[0] + steps * (column[-1] - column[0]))
        for column in (points.recall, -points.threshold)
    ]
    at = np.unique(np.minimum(np.concatenate(kept), len(points.threshold) - 1))
    return ThresholdCurve(
        points.threshold[at], points.precision[at], points.recall[at], points.f1[at]
    )


def _make_choice(points: ThresholdCurve, at: int) -> ChosenThreshold:
    return ChosenThreshold(
        threshold=float(points.threshold[at]),
        precision=float(points.precision[at]),
        recall=float(points.recall[at]),
        reached=True,
    )


def _choose_half(points: ThresholdCurve) -> ChosenThreshold:
    above = int((points.threshold >= 0.5).sum())
    if not above:
        return ChosenThreshold(0.5, np.nan, 0.0, reached=True)
    return replace(_make_choice(points, above - 1), threshold=0.5)


GOALS_BY_RULE = {
    "default": ThresholdGoal("half"),
    "best_f1": ThresholdGoal("best f1"),
    "recall": ThresholdGoal("recall"),
    "precision": ThresholdGoal("precision"),
}


def check_operating_rule(rule: params.OperatingPointParams, facts: DatasetCard) -> None:
    """Raise ParamsError where a threshold is asked for, but the question is not yes or no."""
    if rule.rule != "default" and facts.question_index is None:
        raise ParamsError(
            f"{PARAMS_FILE}: evaluate.operating_point: found {rule.rule}, which is for yes-or-no "
            f"questions; there are {len(facts.classes)} classes; set it to default, or "
            "data.positive to one of them"
        )


def choose_operating_threshold(
    validation: SplitPredictions, rule: params.OperatingPointParams
) -> ChosenThreshold | None:
    """Return where on validation the rule is met best; None where no threshold is asked for.

    That is where there are more than two classes, or no validation image is of the one asked for.
    """
    k = validation.facts.question_index
    if k is None or not (validation.labels == k).any():
        return None
    points = compute_threshold_curve(validation.labels == k, validation.probabilities[:, k])
    return choose_threshold(points, replace(GOALS_BY_RULE[rule.rule], target=rule.target or 0.0))


def compute_operating_point(
    given: SplitPredictions, rule: params.OperatingPointParams, point: ChosenThreshold | None
) -> OperatingPoint | None:
    """Return what the threshold chosen on validation gives on one split."""
    k = given.facts.question_index
    if k is None or point is None:
        return None
    counts = _count_decisions(given, k, None if rule.rule == "default" else point.threshold)
    precision, recall, f1 = metrics.compute_headline_scores(counts, positive=1)
    return OperatingPoint(
        name=given.facts.classes[k],
        rule=rule.rule,
        target=rule.target,
        reached=point.reached,
        threshold=point.threshold,
        confusion=counts.tolist(),
        precision=precision,
        recall=recall,
        f1=f1,
    )


def _count_decisions(given: SplitPredictions, k: int, at: float | None) -> Counts:
    """Return counts (2, 2): rows truly not and truly class k, columns answered no and yes.

    None answers with the most probable class, as the confusion matrix of all classes does.
    """
    scores = given.probabilities[:, k]
    yes = given.image_predictions.predicted == k if at is None else apply_threshold(scores, at)
    cells = 2 * (given.labels == k) + yes
    return np.bincount(cells, minlength=4).reshape(2, 2).astype(np.int64)


def compute_thresholds(given: SplitPredictions, points: int) -> Thresholds | None:
    """Return precision and recall at `points` thresholds or fewer; None where none is asked for."""
    k = given.facts.question_index
    if k is None or not (given.labels == k).any():
        return None
    curve = compute_threshold_curve(given.labels == k, given.probabilities[:, k])
    kept = thin_threshold_curve(curve, points)
    return Thresholds(
        threshold=kept.threshold.tolist(),
        precision=kept.precision.tolist(),
        recall=kept.recall.tolist(),
        f1=kept.f1.tolist(),
    )
