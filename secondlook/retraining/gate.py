"""May this challenger go into service? Both judged on today's test images, image by image.

The intervals are those of the report (secondlook/evaluation/intervals.py). N images, K classes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from secondlook.artifacts.retraining_history import ConditionCheck
from secondlook.artifacts.schema import Ends
from secondlook.config.retraining import LOSS_METRIC, GateParams
from secondlook.evaluation import bootstrap, intervals
from secondlook.evaluation.formatting import format_metric_name
from secondlook.evaluation.metrics import count_answers
from secondlook.evaluation.predictions import (
    NEARLY_ALL,
    GroundTruth,
    ImagePredictions,
    find_constant_answer,
)
from secondlook.evaluation.simultaneous import compute_independent_reach, widen_difference


@dataclass(frozen=True)
class Trial:
    """The test images, the classes' names, and what both answered; at first there's no champion.

    seed: of the resampling behind the intervals.
    """

    truth: GroundTruth
    names: list[str]
    champion: ImagePredictions | None
    challenger: ImagePredictions
    seed: int


def compute_gate_metrics(truth: GroundTruth, given: ImagePredictions) -> dict[str, float]:
    """Return the counting metrics of one run (0..1), and its log loss (nats an image)."""
    return bootstrap.compute_observed_metrics(truth, given.predicted) | {
        LOSS_METRIC: float(given.losses.mean())
    }


def check_challenger(trial: Trial, gate: GateParams) -> Iterator[ConditionCheck]:
    """Yield every condition; without a champion those on the challenger alone."""
    yield _check_answers(trial)
    yield from _check_floors(trial, gate)
    if trial.champion is not None:
        yield _check_gain(trial, trial.champion, gate)
        yield from _check_class_recalls(trial, trial.champion, gate.max_class_recall_drop)


def _check_answers(trial: Trial) -> ConditionCheck:
    """Tell whether the challenger tells anything apart; a constant answer may meet every floor."""
    counts = count_answers(trial.truth.labels, trial.challenger.predicted, len(trial.names))
    answered = counts.sum(axis=0)
    share, name = float(answered.max() / answered.sum()), trial.names[int(answered.argmax())]
    passed = find_constant_answer(counts) is None
    told = f"“{name}” is the answer to {share:.1%} of the test images, the commonest; "
    told += "answers that depend on the picture are asked"
    return ConditionCheck(name="answers", found=share, limit=NEARLY_ALL, passed=passed, told=told)


def _check_floors(trial: Trial, gate: GateParams) -> Iterator[ConditionCheck]:
    """Yield whether the challenger has the least that is asked of any model."""
    found = compute_gate_metrics(trial.truth, trial.challenger)
    for name, least in gate.floors.items():
        value = found[name]
        told = f"{format_metric_name(name)} is {value:.3f}, at least {least:.3f} is asked"
        passed = bool(value >= least)
        yield ConditionCheck(
            name=f"floor of {name}", found=value, limit=least, passed=passed, told=told
        )


def _check_gain(trial: Trial, champion: ImagePredictions, gate: GateParams) -> ConditionCheck:
    """Tell whether the challenger is better, and certainly not worse than min_gain."""
    name, limit = gate.metric, gate.min_gain
    found = intervals.compute_differences(trial.truth, champion, trial.challenger, trial.seed)[name]
    value, low, high = _negate_ends(*found.floats) if name == LOSS_METRIC else found.floats
    values = [
        compute_gate_metrics(trial.truth, each)[name] for each in (champion, trial.challenger)
    ]
    told = (
        f"{format_metric_name(name)} {values[0]:.4f} to {values[1]:.4f}, gain {value:+.4f} "
        f"[{low:+.4f}, {high:+.4f}]; "
        f"more than 0, and certainly more than {limit:+.4f}, is asked"
    )
    passed = bool(value > 0 and low > limit)
    ends = {"low": low, "high": high, "limit": limit}
    return _make_check(f"gain in {name}", values, passed=passed, told=told, **ends)


def _negate_ends(loss: float, low: float, high: float) -> Ends:
    """Return how much lower the second loss is."""
    return -loss, -high, -low


def _check_class_recalls(
    trial: Trial, champion: ImagePredictions, drop: float
) -> Iterator[ConditionCheck]:
    """Yield whether a class loses more recall than `drop` for certain.

    Each class has images of its own, so their intervals are independent, and hold together: of a
    hundred classes one would else seem to lose by chance.
    """
    occurring = [k for k in range(len(trial.names)) if (trial.truth.labels == k).any()]
    reach = compute_independent_reach(len(occurring))
    for k in occurring:
        yield _check_class_recall(trial, champion, k, drop, reach)


def _check_class_recall(
    trial: Trial, champion: ImagePredictions, k: int, drop: float, reach: float
) -> ConditionCheck:
    """Tell whether one class does, by an interval that reaches so many standard errors.

    Its recall is the accuracy on the images that are truly of it.
    """
    of, name = trial.truth.labels == k, trial.names[k]
    part = GroundTruth(trial.truth.labels[of], trial.truth.classes, None)
    first, second = (each.select(of) for each in (champion, trial.challenger))
    before, after = (each.compute_correct(part) for each in (first, second))
    change = after.astype(np.float64) - before
    alone = intervals.compute_share_difference(before, after, trial.seed)
    found = widen_difference(alone, change, len(change), reach)
    low, high = (math.nan if end is None else end for end in found.ends)
    values = [float(before.mean()), float(after.mean())]
    told = (
        f"recall of {name} {values[0]:.3f} to {values[1]:.3f}, change [{low:+.3f}, "
        f"{high:+.3f}]; no certain loss of more than {drop:.3f} is allowed"
    )
    passed = math.isnan(high) or bool(high >= -drop)
    ends = {"low": low, "high": high, "limit": drop}
    return _make_check(f"recall of {name}", values, passed=passed, told=told, **ends)


def _make_check(
    name: str, values: list[float], *, passed: bool, told: str, **ends: float
) -> ConditionCheck:
    """Return a condition on the champion's value and the challenger's."""
    return ConditionCheck(
        name=name, champion=values[0], found=values[1], passed=passed, told=told, **ends
    )
