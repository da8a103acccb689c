"""May this challenger go into service? Both judged on today's test images, image by image.

The intervals are those of the report (core/statistics/compare.py). N images, K classes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from stages.core.outputs.retrainings import Check
from stages.core.policy import LOSS, Gate
from stages.core.retraining.wording import plain
from stages.core.statistics import compare, resampling
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.proportions import Interval


@dataclass(frozen=True)
class Trial:
    """The test images, the classes' names, and what both answered; at first there's no champion.

    seed: of the resampling behind the intervals.
    """

    truth: Truth
    names: list[str]
    champion: Answers | None
    challenger: Answers
    seed: int


def metrics(truth: Truth, given: Answers) -> dict[str, float]:
    """Return the counting metrics of one run (0..1), and its log loss (nats an image)."""
    return resampling.observed(truth, given.predicted) | {LOSS: float(given.losses.mean())}


def checks(trial: Trial, gate: Gate) -> Iterator[Check]:
    """Yield every condition; without a champion only the floors."""
    yield from floors(trial, gate)
    if trial.champion is not None:
        yield gain(trial, trial.champion, gate)
        for k in range(len(trial.names)):
            if (trial.truth.labels == k).any():
                yield recall(trial, trial.champion, k, gate.max_class_recall_drop)


def floors(trial: Trial, gate: Gate) -> Iterator[Check]:
    """Yield whether the challenger has the least that is asked of any model."""
    found = metrics(trial.truth, trial.challenger)
    for name, least in gate.floors.items():
        value = found[name]
        told = f"{plain(name)} is {value:.3f}, at least {least:.3f} is asked"
        passed = bool(value >= least)
        yield Check(name=f"floor of {name}", found=value, limit=least, passed=passed, told=told)


def gain(trial: Trial, champion: Answers, gate: Gate) -> Check:
    """Tell whether the challenger is better, and certainly not worse than min_gain."""
    name, limit = gate.metric, gate.min_gain
    found = compare.differences(trial.truth, champion, trial.challenger, trial.seed)[name]
    better = _turned(found) if name == LOSS else found
    values = [metrics(trial.truth, each)[name] for each in (champion, trial.challenger)]
    told = (
        f"{plain(name)} {values[0]:.4f} to {values[1]:.4f}, gain {better.value:+.4f} "
        f"[{better.low:+.4f}, {better.high:+.4f}]; "
        f"more than 0, and certainly more than {limit:+.4f}, is asked"
    )
    passed = bool(better.value > 0 and better.low > limit)
    ends = {"low": better.low, "high": better.high, "limit": limit}
    return _check(f"gain in {name}", values, passed=passed, told=told, **ends)


def _turned(loss: Interval) -> Interval:
    """Return how much lower the second loss is."""
    return Interval(-loss.value, -loss.high, -loss.low)


def recall(trial: Trial, champion: Answers, k: int, drop: float) -> Check:
    """Tell whether a class loses more recall than `drop` for certain.

    Its recall is the accuracy on the images that are truly of it.
    """
    of, name = trial.truth.labels == k, trial.names[k]
    part = Truth(trial.truth.labels[of], trial.truth.classes, None)
    first, second = (
        Answers(each.predicted[of], each.losses[of]) for each in (champion, trial.challenger)
    )
    found = compare.differences(part, first, second, trial.seed)["accuracy"]
    values = [float(each.right(part).mean()) for each in (first, second)]
    told = (
        f"recall of {name} {values[0]:.3f} to {values[1]:.3f}, change [{found.low:+.3f}, "
        f"{found.high:+.3f}]; no certain loss of more than {drop:.3f} is allowed"
    )
    passed = math.isnan(found.high) or bool(found.high >= -drop)
    ends = {"low": found.low, "high": found.high, "limit": drop}
    return _check(f"recall of {name}", values, passed=passed, told=told, **ends)


def _check(name: str, values: list[float], *, passed: bool, told: str, **ends: float) -> Check:
    """Return a condition on the champion's value and the challenger's."""
    return Check(name=name, champion=values[0], found=values[1], passed=passed, told=told, **ends)
