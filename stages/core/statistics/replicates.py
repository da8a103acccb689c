"""Runs that differ only in their seed: how far they spread, and differences that include it.

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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.statistics import compare, resampling
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.compare import Difference
from stages.core.statistics.metrics import Numbers
from stages.core.statistics.proportions import Interval


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a metric over seeds; the latter NaN for a single one."""

    mean: float
    deviation: float


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation (n - 1 in the denominator) of a metric over seeds."""
    deviation = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return Spread(float(np.mean(values)), float(deviation))


def intervals(truth: Truth, runs: Sequence[Answers], seed: int = 0) -> dict[str, Interval]:
    """Return every metric's mean over the seeds, with the 95 % interval for other seeds and images.

    A single run has the interval of `compare.intervals`, which does not hold for other seeds.
    """
    if len(runs) == 1:
        return compare.intervals(truth, runs[0], seed)
    weights = np.full(len(runs), 1 / len(runs))
    return {name: Interval(*found) for name, found in _found(truth, runs, weights).items()}


def differences(
    truth: Truth, first: Sequence[Answers], second: Sequence[Answers], seed: int = 0
) -> dict[str, Difference]:
    """Return mean of the second - mean of the first, with the 95 % interval for other seeds too.

    A single run on each side has the interval of `compare.differences`: it does not hold for
    other seeds, and `includes_seeds` says so.
    """
    if len(first) == len(second) == 1:
        return compare.differences(truth, first[0], second[0], seed)
    m, n = len(first), len(second)
    weights = np.repeat([-1 / m, 1 / n], [m, n])
    found = _found(truth, [*first, *second], weights)
    return {name: Difference(*ends, includes_seeds=True) for name, ends in found.items()}


def _found(
    truth: Truth, runs: Sequence[Answers], weights: Numbers
) -> dict[str, tuple[float, float, float]]:
    values, parts = [_values(truth, run) for run in runs], [_parts(truth, run) for run in runs]
    return {
        name: interval(
            np.array([value[name] for value in values]),
            np.stack([part[name] for part in parts]),
            weights,
        )
        for name in values[0]
    }


def _values(truth: Truth, run: Answers) -> dict[str, float]:
    counted = resampling.observed(truth, run.predicted)
    return {**counted, "log_loss": float(run.losses.mean())}


def _parts(truth: Truth, run: Answers) -> dict[str, Numbers]:
    return {**resampling.contributions(truth, run.predicted), "log_loss": run.losses}


def interval(values: Numbers, parts: Numbers, weights: Numbers) -> tuple[float, float, float]:
    """Return weights . values and its interval, by the formula above.

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
    return value, value - reach, value + reach
