"""The operating point of a run: chosen on validation, then judged on each split."""

from dataclasses import replace

import numpy as np

from stages.core import params
from stages.core.errors import ParamsError
from stages.core.outputs.facts import Facts
from stages.core.outputs.findings import OperatingPoint, Thresholds
from stages.core.outputs.predictions import Predictions
from stages.core.statistics import metrics, threshold
from stages.core.statistics.metrics import Counts
from stages.core.statistics.threshold import Goal
from stages.core.validation import FILE

GOALS = {
    "default": Goal("half"),
    "best_f1": Goal("best f1"),
    "recall": Goal("recall"),
    "precision": Goal("precision"),
}


def check(rule: params.OperatingPoint, facts: Facts) -> None:
    """Raise ParamsError where a threshold is asked for, but the question is not yes or no."""
    if rule.rule != "default" and facts.asked_index is None:
        raise ParamsError(
            f"{FILE}: evaluate.operating_point: found {rule.rule}, which is for yes-or-no "
            f"questions; there are {len(facts.classes)} classes; set it to default, or "
            "data.positive to one of them"
        )


def chosen(validation: Predictions, rule: params.OperatingPoint) -> threshold.OperatingPoint | None:
    """Return where on validation the rule is met best; None where no threshold is asked for.

    That is where there are more than two classes, or no validation image is of the one asked for.
    """
    k = validation.facts.asked_index
    if k is None or not (validation.labels == k).any():
        return None
    points = threshold.curve(validation.labels == k, validation.probabilities[:, k])
    return threshold.choose(points, replace(GOALS[rule.rule], target=rule.target or 0.0))


def judged(
    given: Predictions, rule: params.OperatingPoint, point: threshold.OperatingPoint | None
) -> OperatingPoint | None:
    """Return what the threshold chosen on validation gives on one split."""
    k = given.facts.asked_index
    if k is None or point is None:
        return None
    counts = confusion(given, k, None if rule.rule == "default" else point.threshold)
    precision, recall, f1 = metrics.headline(counts, positive=1)
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


def confusion(given: Predictions, k: int, at: float | None) -> Counts:
    """Return counts (2, 2): rows truly not and truly class k, columns answered no and yes.

    None answers with the most probable class, as the confusion matrix of all classes does.
    """
    scores = given.probabilities[:, k]
    yes = given.answers.predicted == k if at is None else threshold.called(scores, at)
    cells = 2 * (given.labels == k) + yes
    return np.bincount(cells, minlength=4).reshape(2, 2).astype(np.int64)


def table(given: Predictions, points: int) -> Thresholds | None:
    """Return precision and recall at `points` thresholds or fewer; None where none is asked for."""
    k = given.facts.asked_index
    if k is None or not (given.labels == k).any():
        return None
    curve = threshold.curve(given.labels == k, given.probabilities[:, k])
    kept = threshold.thinned(curve, points)
    return Thresholds(
        threshold=kept.threshold.tolist(),
        precision=kept.precision.tolist(),
        recall=kept.recall.tolist(),
        f1=kept.f1.tolist(),
    )
