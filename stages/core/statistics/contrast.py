"""Methods against each other, every metric at once: the areas under curves beside the others.

A method is one run, or several that differ in their seed alone. N images, R runs of a method.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from stages.core.outputs.comparison import Difference, Estimate, McNemar, Pair
from stages.core.outputs.predictions import Predictions
from stages.core.outputs.results import Result, Scalars
from stages.core.statistics import areas, compare, replicates
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.metrics import Numbers
from stages.core.statistics.mistakes import Guesses
from stages.core.statistics.proportions import Interval, mcnemar


@dataclass(frozen=True)
class Entry:
    """One run on one split: its answers and how sure it was, its scalars and areas by image."""

    run: str
    answers: Answers
    guesses: Guesses
    scalars: Scalars
    areas: dict[str, Numbers]

    @classmethod
    def of(cls, result: Result, split: str, given: Predictions, seed: int) -> Self:
        """Take what a run answered for a split, and what `evaluate` says of it."""
        parts = areas.contributions(given.truth, given.probabilities, seed)
        guesses = Guesses.of(given.probabilities)
        return cls(result.name, given.answers, guesses, result.metrics[split], parts)


def estimates(truth: Truth, method: Sequence[Entry], seed: int) -> dict[str, Estimate]:
    """Return every metric of a method of several seeds, for other seeds and images."""
    found = replicates.intervals(truth, [entry.answers for entry in method], seed)
    weights = np.full(len(method), 1 / len(method))
    for name in areas.NAMES:
        found[name] = Interval(*_over_seeds(truth, method, weights, name))
    return {name: _estimate(interval, method, name) for name, interval in found.items()}


def _estimate(interval: Interval, method: Sequence[Entry], name: str) -> Estimate:
    deviation = replicates.spread([_value(entry, name) for entry in method]).deviation
    ends = {"value": interval.value, "low": interval.low, "high": interval.high}
    return Estimate(**ends, deviation=deviation)


def pair(truth: Truth, first: Sequence[Entry], second: Sequence[Entry], seed: int) -> Pair:
    """Return the second method less the first, metric by metric, paired by image."""
    found = differences(truth, first, second, seed)
    single = len(first) == len(second) == 1
    right = (method[0].answers.right(truth) for method in (first, second))
    test = mcnemar(*right) if single else None
    return Pair(
        first=first[0].run,
        second=second[0].run,
        differences=found,
        mcnemar=None if test is None else McNemar.model_validate(test),
        disagree=disagree(found),
    )


def differences(
    truth: Truth, first: Sequence[Entry], second: Sequence[Entry], seed: int
) -> dict[str, Difference]:
    """Return second - first of every metric, with its interval."""
    one, other = ([entry.answers for entry in method] for method in (first, second))
    found = replicates.differences(truth, one, other, seed)
    for name in areas.NAMES:
        found[name] = _area(truth, first, second, name)
    return {name: Difference.model_validate(difference) for name, difference in found.items()}


def gain(truth: Truth, lazy: Answers, method: Sequence[Entry], seed: int) -> dict[str, Difference]:
    """Return accuracy and log loss less those of the lazy baseline, which has no seeds."""
    if len(method) == 1:
        found = compare.differences(truth, lazy, method[0].answers, seed)
    else:
        found = {name: _gain(truth, lazy, method, per) for name, per in PER_IMAGE.items()}
    return {name: Difference.model_validate(found[name]) for name in PER_IMAGE}


def disagree(found: dict[str, Difference]) -> bool:
    """Say whether one method has the better accuracy, the other beyond chance the better loss.

    Better accuracy is better by any amount: the method that is worse by its loss cannot claim to
    be the better one, whichever side chance favours.
    """
    accuracy, loss = found["accuracy"].value or 0.0, found["log_loss"].value or 0.0
    return accuracy * loss > 0 and found["log_loss"].distinguishable


def _right(truth: Truth, answers: Answers) -> Numbers:
    right: Numbers = (answers.predicted == truth.labels).astype(np.float64)
    return right


def _losses(_: Truth, answers: Answers) -> Numbers:
    return answers.losses


# Metrics that are means over images, and what each image (N,) has of them.
PER_IMAGE: dict[str, Callable[[Truth, Answers], Numbers]] = {
    "accuracy": _right,
    "log_loss": _losses,
}


def _gain(
    truth: Truth,
    lazy: Answers,
    method: Sequence[Entry],
    per_image: Callable[[Truth, Answers], Numbers],
) -> compare.Difference:
    base = per_image(truth, lazy)
    parts = np.stack([per_image(truth, entry.answers) - base for entry in method])
    weights = np.full(len(method), 1 / len(method))
    value, low, high = replicates.interval(parts.mean(axis=1), parts, weights)
    return compare.Difference(value, low, high, includes_seeds=True)


def _area(
    truth: Truth, first: Sequence[Entry], second: Sequence[Entry], name: str
) -> compare.Difference:
    m, n = len(first), len(second)
    if m == n == 1:
        value = _value(second[0], name) - _value(first[0], name)
        parts = second[0].areas[name] - first[0].areas[name]
        return areas.difference(value, parts, len(truth.labels))
    weights = np.repeat([-1 / m, 1 / n], [m, n])
    value, low, high = _over_seeds(truth, [*first, *second], weights, name)
    return compare.Difference(value, low, high, includes_seeds=True)


def _over_seeds(
    truth: Truth, entries: Sequence[Entry], weights: Numbers, name: str
) -> tuple[float, float, float]:
    values = np.array([_value(entry, name) for entry in entries])
    parts = np.stack([entry.areas[name] for entry in entries])
    # Of a sample of the images; all of them leave less to chance.
    parts *= (parts.shape[1] / len(truth.labels)) ** 0.5
    return replicates.interval(values, parts, weights)


def _value(entry: Entry, name: str) -> float:
    """Return a scalar of a run; NaN where it is not defined."""
    value: float | None = getattr(entry.scalars, name)
    return np.nan if value is None else value
