"""Methods against each other, every metric at once: the areas under curves beside the others.

A method is one run, or several that differ in their seed alone. N images, R runs of a method.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from secondlook.artifacts.schema import Interval, McNemarTest, NullableFloat, Record
from secondlook.evaluation import auc_intervals, intervals, seeds
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.metrics import Numbers, compute_mcnemar
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions, SplitPredictions
from secondlook.evaluation.run_artifacts import RunResult, Scalars
from secondlook.evaluation.seeds import Estimate, SeedEnds


class AdjustedMcNemarTest(McNemarTest):
    """The test, and its p-value among all differences of the study; null before they are judged."""

    adjusted: NullableFloat = None


class MethodPair(Record):
    """Two methods on test: `second` less `first`, metric by metric.

    mcnemar: null where a method has several seeds; disagree: whether one has the better accuracy
    and the other a better log loss, beyond chance.
    """

    first: str
    second: str
    differences: dict[str, Difference]
    mcnemar: AdjustedMcNemarTest | None
    disagree: bool


def reverse_pair(pair: MethodPair) -> MethodPair:
    """Return the same pair, first less second."""
    test = pair.mcnemar
    sides = {"first_only": test.second_only, "second_only": test.first_only} if test else {}
    return pair.model_copy(
        update={
            "first": pair.second,
            "second": pair.first,
            "differences": {name: found.reverse() for name, found in pair.differences.items()},
            "mcnemar": test and test.model_copy(update=sides),
        }
    )


@dataclass(frozen=True)
class ComparedRun:
    """One run on one split: its answers, its scalars and its areas by image."""

    run: str
    answers: ImagePredictions
    scalars: Scalars
    areas: dict[str, Numbers]

    @classmethod
    def from_result(cls, result: RunResult, split: str, given: SplitPredictions, seed: int) -> Self:
        """Take what a run answered for a split, and what `evaluate` says of it."""
        parts = auc_intervals.compute_area_contributions(given.truth, given.probabilities, seed)
        return cls(result.name, given.image_predictions, result.metrics[split], parts)


def compute_estimates(
    truth: GroundTruth, method: Sequence[ComparedRun], seed: int
) -> dict[str, Estimate]:
    """Return every metric of a method of several seeds, for other seeds and images."""
    found = seeds.compute_seed_intervals(truth, [entry.answers for entry in method], seed)
    weights = np.full(len(method), 1 / len(method))
    for name in auc_intervals.AREA_METRICS:
        *ends, _ = _compute_area_over_seeds(truth, method, weights, name)
        found[name] = Interval.from_floats(*ends)
    return {name: _build_estimate(interval, method, name) for name, interval in found.items()}


def _build_estimate(interval: Interval, method: Sequence[ComparedRun], name: str) -> Estimate:
    deviation = seeds.compute_seed_spread([_get_scalar(entry, name) for entry in method]).deviation
    return Estimate(**dict(interval), deviation=deviation)


def compare_pair(
    truth: GroundTruth, first: Sequence[ComparedRun], second: Sequence[ComparedRun], seed: int
) -> MethodPair:
    """Return the second method less the first, metric by metric, paired by image."""
    found = compute_method_differences(truth, first, second, seed)
    single = len(first) == len(second) == 1
    right = (method[0].answers.compute_correct(truth) for method in (first, second))
    return MethodPair(
        first=first[0].run,
        second=second[0].run,
        differences=found,
        mcnemar=AdjustedMcNemarTest(**dict(compute_mcnemar(*right))) if single else None,
        disagree=detect_disagreement(found),
    )


def compute_method_differences(
    truth: GroundTruth, first: Sequence[ComparedRun], second: Sequence[ComparedRun], seed: int
) -> dict[str, Difference]:
    """Return second - first of every metric, with its interval."""
    one, other = ([entry.answers for entry in method] for method in (first, second))
    found = seeds.compute_seed_differences(truth, one, other, seed)
    for name in auc_intervals.AREA_METRICS:
        found[name] = _subtract_areas(truth, first, second, name)
    return found


def compute_lazy_gain(
    truth: GroundTruth, lazy: ImagePredictions, method: Sequence[ComparedRun], seed: int
) -> dict[str, Difference]:
    """Return accuracy and log loss less those of the lazy baseline, which has no seeds."""
    if len(method) > 1:
        return {
            name: _compute_metric_gain(truth, lazy, method, per)
            for name, per in IMAGE_METRICS.items()
        }
    [run] = method
    before, after = (answers.compute_correct(truth) for answers in (lazy, run.answers))
    return {
        "accuracy": intervals.compute_share_difference(before, after, seed),
        "log_loss": intervals.compute_mean_difference(lazy.losses, run.answers.losses, seed),
    }


def detect_disagreement(found: dict[str, Difference]) -> bool:
    """Say whether one method has the better accuracy, the other beyond chance the better loss.

    Better accuracy is better by any amount: the method that is worse by its loss cannot claim to
    be the better one, whichever side chance favours.
    """
    accuracy, loss = found["accuracy"].value or 0.0, found["log_loss"].value or 0.0
    return accuracy * loss > 0 and found["log_loss"].distinguishable


def _compute_correct(truth: GroundTruth, answers: ImagePredictions) -> Numbers:
    return answers.compute_correct(truth).astype(np.float64)


def _get_losses(_: GroundTruth, answers: ImagePredictions) -> Numbers:
    return answers.losses


# Metrics that are means over images, and what each image (N,) has of them.
IMAGE_METRICS: dict[str, Callable[[GroundTruth, ImagePredictions], Numbers]] = {
    "accuracy": _compute_correct,
    "log_loss": _get_losses,
}


def _compute_metric_gain(
    truth: GroundTruth,
    lazy: ImagePredictions,
    method: Sequence[ComparedRun],
    per_image: Callable[[GroundTruth, ImagePredictions], Numbers],
) -> Difference:
    base = per_image(truth, lazy)
    parts = np.stack([per_image(truth, entry.answers) - base for entry in method])
    weights = np.full(len(method), 1 / len(method))
    *ends, freedom = seeds.compute_seed_interval(parts.mean(axis=1), parts, weights)
    return Difference.from_floats(*ends, includes_seeds=True, freedom=freedom)


def _subtract_areas(
    truth: GroundTruth, first: Sequence[ComparedRun], second: Sequence[ComparedRun], name: str
) -> Difference:
    m, n = len(first), len(second)
    if m == n == 1:
        value = _get_scalar(second[0], name) - _get_scalar(first[0], name)
        parts = second[0].areas[name] - first[0].areas[name]
        return auc_intervals.compute_area_difference(value, parts, len(truth.labels))
    weights = np.repeat([-1 / m, 1 / n], [m, n])
    *ends, freedom = _compute_area_over_seeds(truth, [*first, *second], weights, name)
    return Difference.from_floats(*ends, includes_seeds=True, freedom=freedom)


def _compute_area_over_seeds(
    truth: GroundTruth, entries: Sequence[ComparedRun], weights: Numbers, name: str
) -> SeedEnds:
    values = np.array([_get_scalar(entry, name) for entry in entries])
    parts = np.stack([entry.areas[name] for entry in entries])
    # Of a sample of the images; all of them leave less to chance.
    parts *= (parts.shape[1] / len(truth.labels)) ** 0.5
    return seeds.compute_seed_interval(values, parts, weights)


def _get_scalar(entry: ComparedRun, name: str) -> float:
    """Return a scalar of a run; NaN where it is not defined."""
    value: float | None = getattr(entry.scalars, name)
    return np.nan if value is None else value
