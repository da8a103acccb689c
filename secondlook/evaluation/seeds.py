"""Runs that differ only in their seed, one method: which they are, and how far they spread.

An interval over images holds for the very models that were trained. Another seed would have
given others, often no closer to each other than two methods are (Bouthillier and others, 2021,
"Accounting for Variance in Machine Learning Benchmarks"). With m seeds of one method and n of
another, all on the same images, the mean difference has the variance

    V + f max(0, s2 - v),   f = 1/m + 1/n

V: over images, of the difference between the means of these very models;
s2: over seeds, within the methods (pooled, m + n - 2 degrees of freedom);
v: the part of s2 that only comes from the images at hand, half the variance over images of the
difference between two seeds: V holds it already. These are the components of variance of the
crossed design, images by seeds (Searle, Casella and McCulloch, 1992), and the interval is
Student's with Satterthwaite's degrees of freedom (1946). Where one method has a single seed,
the spread of the other stands for both.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondlook.artifacts.schema import Interval, NullableFloat
from secondlook.evaluation import bootstrap, intervals
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.metrics import Numbers
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions, find_constant_answer
from secondlook.evaluation.run_artifacts import RunResult


class Estimate(Interval):
    """A metric's mean over the seeds of a method, and their standard deviation.

    With several seeds the interval holds for other seeds and images, with one (deviation null)
    for other images only.
    """

    deviation: NullableFloat


# A number, the ends of its interval, and the degrees of freedom of the Student's t behind them.
SeedEnds = tuple[float, float, float, float]


@dataclass(frozen=True)
class SeedSpread:
    """Mean and standard deviation of a metric over seeds; the latter NaN for a single one."""

    mean: float
    deviation: float


def compute_seed_spread(values: Sequence[float]) -> SeedSpread:
    """Return mean and standard deviation (n - 1 in the denominator) of a metric over seeds."""
    deviation = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return SeedSpread(float(np.mean(values)), float(deviation))


def compute_seed_intervals(
    truth: GroundTruth, runs: Sequence[ImagePredictions], seed: int = 0
) -> dict[str, Interval]:
    """Return every metric's mean over the seeds, with the 95 % interval for other seeds and images.

    A single run has the interval of `compute_intervals`, which does not hold for other seeds.
    """
    if len(runs) == 1:
        return intervals.compute_intervals(truth, runs[0], seed)
    weights = np.full(len(runs), 1 / len(runs))
    return {
        name: Interval.from_floats(*ends)
        for name, (*ends, _) in _compute_all_intervals(truth, runs, weights).items()
    }


def compute_seed_differences(
    truth: GroundTruth,
    first: Sequence[ImagePredictions],
    second: Sequence[ImagePredictions],
    seed: int = 0,
) -> dict[str, Difference]:
    """Return mean of the second - mean of the first, with the 95 % interval for other seeds too.

    A single run on each side has the interval of `compute_differences`: it does not hold for
    other seeds, and `includes_seeds` says so.
    """
    if len(first) == len(second) == 1:
        return intervals.compute_differences(truth, first[0], second[0], seed)
    m, n = len(first), len(second)
    weights = np.repeat([-1 / m, 1 / n], [m, n])
    found = _compute_all_intervals(truth, [*first, *second], weights)
    return {
        name: Difference.from_floats(*ends, includes_seeds=True, freedom=freedom)
        for name, (*ends, freedom) in found.items()
    }


def _compute_all_intervals(
    truth: GroundTruth, runs: Sequence[ImagePredictions], weights: Numbers
) -> dict[str, SeedEnds]:
    values, parts = (
        [_compute_values(truth, run) for run in runs],
        [_compute_contributions(truth, run) for run in runs],
    )
    return {
        name: compute_seed_interval(
            np.array([value[name] for value in values]),
            np.stack([part[name] for part in parts]),
            weights,
        )
        for name in values[0]
    }


def _compute_values(truth: GroundTruth, run: ImagePredictions) -> dict[str, float]:
    counted = bootstrap.compute_observed_metrics(truth, run.predicted)
    return {**counted, "log_loss": float(run.losses.mean())}


def _compute_contributions(truth: GroundTruth, run: ImagePredictions) -> dict[str, Numbers]:
    return {**bootstrap.compute_metric_contributions(truth, run.predicted), "log_loss": run.losses}


def compute_seed_interval(values: Numbers, parts: Numbers, weights: Numbers) -> SeedEnds:
    """Return weights . values, its interval by the formula above, and the degrees of freedom.

    values (R,) of a metric, parts (R, N) that each image contributes to them, weights (R,): those
    of one method are equal, and differ from the other's in sign.
    """
    from scipy.stats import t

    images = np.cov(parts) / parts.shape[1]
    same = np.equal.outer(weights, weights)
    within = np.eye(len(weights)) - same / same.sum(axis=1)
    freedom, f = within.trace(), (weights**2).sum()
    over_seeds, held = values @ within @ values / freedom, (within * images).sum() / freedom
    beyond = f * max(0.0, over_seeds - held)
    variance = weights @ images @ weights + beyond
    known = freedom * (variance / (f * over_seeds)) ** 2 if beyond else np.inf
    value, reach = float(weights @ values), float(t.ppf(0.975, known) * np.sqrt(variance))
    return value, value - reach, value + reach, float(known)


SeedRuns = list[RunResult]


def group_by_method(found: Sequence[RunResult]) -> list[SeedRuns]:
    """Return runs whose parameters differ in nothing but `seed` together, in their order.

    The same run again, seed and all, tells nothing of the spread over seeds: it stands alone.
    """
    groups: dict[tuple[str, int], SeedRuns] = {}
    times: Counter[str] = Counter()
    for result in found:
        groups.setdefault(
            (_format_parameters(result, "seed"), times[_format_parameters(result)]), []
        ).append(result)
        times[_format_parameters(result)] += 1
    return list(groups.values())


def find_pairs_differing_in(groups: Sequence[SeedRuns], key: str) -> list[tuple[str, str]]:
    """Return names of methods that differ in one parameter alone: null, and anything else.

    What a run leaves out is null there.
    """
    return [
        (without[0].name, having[0].name)
        for without in groups
        for having in groups
        if without[0].training.parameters.get(key) is None
        if having[0].training.parameters.get(key) is not None
        if _format_parameters(without[0], "seed", key) == _format_parameters(having[0], "seed", key)
    ]


def rank_methods(groups: Sequence[SeedRuns]) -> list[str]:
    """Return names of methods, the highest F1 on validation (mean over seeds) first.

    Validation ranks, so that test stays an unused judge; methods that are level keep their order.
    Those that answer the same whatever they see come last: F1 alone may prefer such a one.
    """
    ranked = sorted(
        groups, key=lambda group: (_answers_constantly(group), -_compute_validation_f1(group))
    )
    return [group[0].name for group in ranked]


def _answers_constantly(method: SeedRuns) -> bool:
    return all(
        find_constant_answer(np.array(result.details["validation"].confusion)) is not None
        for result in method
    )


def _compute_validation_f1(method: SeedRuns) -> float:
    return sum(result.metrics["validation"].f1 or 0.0 for result in method) / len(method)


def _format_parameters(result: RunResult, *ignored: str) -> str:
    parameters: dict[str, Any] = result.training.parameters
    kept = {key: value for key, value in parameters.items() if key not in ignored}
    return json.dumps(kept, sort_keys=True)
