"""Is the difference real? 95 % intervals of one run's metrics, and of two runs' differences.

The images are taken as drawn at random from all images of their kind; an interval says where a
metric may lie on those. Both runs of a comparison answered the same images, so that what is hard
for both does not blur the difference. What another seed of the training would change is in
seeds.py. The recall of a single class is the accuracy on that class's images alone.

In simulations the intervals hold the truth 93 % to 97 % of the time, from 200 images and 10 of the
positive class on. Where two runs differ on fewer than four of the images that a metric counts,
the interval of the difference is rather too wide (99 %). A log loss that rests on fewer than five
bad mistakes may be too low by more than its interval says: no resample shows what did not occur.
"""

from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from secondlook.artifacts.schema import Ends, Interval, NullableFloat
from secondlook.evaluation import bootstrap
from secondlook.evaluation.metrics import NORMAL_QUANTILE, Labels, Numbers
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions

N = TypeVar("N", float, Numbers)
INTERVAL_QUANTILES = (0.025, 0.975)
# From these sizes on the normal limit serves: resampling would say the same, slowly.
NORMAL_LIMIT_IMAGES = 5_000  # of the log loss
NORMAL_LIMIT_CELLS = 50_000  # of the contingency table, times classes: what a resample costs
# A resample that misses the few large values has next to no spread of its own; it is taken as at
# least this share of the observed one. Losses lack large ones on one side only, their
# differences on both, where a smaller share would make too wide an interval.
MIN_SPREAD, MIN_PAIRED_SPREAD = 1 / 3, 0.7


class Difference(Interval):
    """A metric of the second method less that of the first, by image.

    low, high: the 95 % interval of this difference alone; joint_low, joint_high: that which holds
    together with all others of the study (simultaneous.py), None where there are none.
    distinguishable: whether the latter, or where there is none the former, excludes zero;
    includes_seeds: whether it also holds for other seeds of the trainings, not for these very
    models only; freedom: of the Student's t behind the interval, not written.
    """

    distinguishable: bool
    includes_seeds: bool
    joint_low: NullableFloat = None
    joint_high: NullableFloat = None
    freedom: float = Field(default=np.inf, exclude=True, repr=False)

    @classmethod
    def from_floats(
        cls,
        value: float,
        low: float,
        high: float,
        *,
        includes_seeds: bool = False,
        freedom: float = np.inf,
    ) -> Self:
        """Return the same of numbers, NaN where one is not defined: nothing is distinguishable."""
        ends = {"value": value, "low": low, "high": high, "freedom": freedom}
        apart = bool(low > 0 or high < 0)
        return cls(**ends, distinguishable=apart, includes_seeds=includes_seeds)

    def widen(self, low: float, high: float) -> Self:
        """Return the same difference with its simultaneous interval."""
        told = {"joint_low": low, "joint_high": high, "distinguishable": low > 0 or high < 0}
        return type(self)(**dict(self) | told)

    def reverse(self) -> Self:
        """Return the first less the second."""
        turned = {"value": self.value, "low": self.high, "high": self.low}
        turned |= {"joint_low": self.joint_high, "joint_high": self.joint_low}
        negated = {name: None if end is None else -end for name, end in turned.items()}
        return self.model_copy(update=negated)

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Return the interval to judge by: the simultaneous one, where there is one."""
        alone = self.joint_low is None or self.joint_high is None
        return (self.low, self.high) if alone else (self.joint_low, self.joint_high)

    @property
    def up(self) -> bool:
        """Say whether the second certainly has more."""
        return self.distinguishable and (self.value or 0.0) > 0

    @property
    def down(self) -> bool:
        """Say whether the second certainly has less."""
        return self.distinguishable and (self.value or 0.0) < 0


def compute_variance_freedom(parts: Numbers, count: int) -> float:
    """Return the degrees of freedom of the variance of the mean of `count` values like `parts`.

    2 N / (kurtosis - 1) for values that need not be normal (O'Neill, 2014, "Some Useful Moment
    Results in Sampling Problems"): the fewer images make a number, the fewer. Infinite where all
    are the same.
    """
    apart = parts - parts.mean()
    variance = float((apart**2).mean())
    kurtosis = float((apart**4).mean()) / variance**2 if variance else 1.0
    return 2 * count / max(kurtosis - 1, 0.01) if variance else np.inf


def compute_intervals(
    truth: GroundTruth, run: ImagePredictions, seed: int = 0
) -> dict[str, Interval]:
    """Return the interval of every counting metric and of log_loss of one run.

    Counting metrics are named and defined as in `metrics.py`; their intervals are
    percentiles (Efron, 1979) of resamples of the widened table, see `bootstrap.py`.
    Resamples in which a metric is not defined (no positive predicted) are left out.
    """
    counted = _compute_counting_intervals(truth, run.predicted, seed=seed)
    loss, low, high = compute_mean_interval(run.losses, seed)
    found = {**counted, "log_loss": (loss, float(np.maximum(low, 0)), high)}
    return {name: Interval.from_floats(*ends) for name, ends in found.items()}


def compute_differences(
    truth: GroundTruth, first: ImagePredictions, second: ImagePredictions, seed: int = 0
) -> dict[str, Difference]:
    """Return second - first of every metric, paired by image, as in `compute_intervals`."""
    counted = _compute_counting_intervals(truth, first.predicted, second.predicted, seed=seed)
    loss = compute_mean_difference(first.losses, second.losses, seed)
    found = {name: Difference.from_floats(*ends) for name, ends in counted.items()}
    return {**found, "log_loss": loss}


def compute_mean_difference(first: Numbers, second: Numbers, seed: int = 0) -> Difference:
    """Return the mean of the second's values (N,) less that of the first's, such as losses."""
    return Difference.from_floats(*compute_mean_interval(second - first, seed, MIN_PAIRED_SPREAD))


def compute_share_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], seed: int = 0
) -> Difference:
    """Return by how much the share of images (N,) that the second gets right is above the first's.

    As the accuracy of `compute_differences`, which knows more classes than right and wrong.
    """
    truth = GroundTruth(np.zeros(len(first), dtype=np.int64), 2, None)
    wrong = ((~right).astype(np.int64) for right in (first, second))
    return Difference.from_floats(
        *_compute_counting_intervals(truth, *wrong, seed=seed)["accuracy"]
    )


def compute_mean_interval(values: Numbers, seed: int = 0, least: float = MIN_SPREAD) -> Ends:
    """Return the mean of values (N,) per image, such as losses or their paired differences.

    Below NORMAL_LIMIT_IMAGES by the symmetric bootstrap-t (Hall, 1988), which keeps its promise
    for the long tail of losses; from there on by the normal limit. NaN for fewer than two images.
    """
    centre = float(values.mean())
    if len(values) < 2:
        return centre, np.nan, np.nan
    if len(values) >= NORMAL_LIMIT_IMAGES or np.isnan(centre) or not np.ptp(values):
        return _compute_normal_interval(centre, values)
    reach = float(
        np.quantile(_resample_studentised_means(values - centre, least, seed), 0.95) * values.std()
    )
    return centre, centre - reach, centre + reach


def _resample_studentised_means(values: Numbers, least: float, seed: int) -> Numbers:
    """Return |mean| / standard deviation of RESAMPLES resamples of values (N,) whose mean is 0."""
    random, count = np.random.default_rng(seed), len(values)
    rows, parts = bootstrap.CHUNK_CELLS // count, []
    for start in range(0, bootstrap.RESAMPLES, rows):
        shape = (min(rows, bootstrap.RESAMPLES - start), count)
        drawn = values[random.integers(0, count, size=shape)]
        mean = drawn.mean(axis=1)
        variance = np.einsum("ij,ij->i", drawn, drawn) / count - mean**2
        parts.append(np.abs(mean) / np.sqrt(np.maximum(variance, least**2 * values.var())))
    return np.concatenate(parts)


def _compute_counting_intervals(
    truth: GroundTruth, *predicted: Labels, seed: int
) -> dict[str, Ends]:
    """Return the counting metrics of one run, or of the second less the first."""
    values = _subtract_runs(
        [bootstrap.compute_observed_metrics(truth, answers) for answers in predicted]
    )
    table = bootstrap.count_contingency(truth, *predicted)
    if len(table.counts) * truth.classes > NORMAL_LIMIT_CELLS:
        limit = _subtract_runs(
            [bootstrap.compute_metric_contributions(truth, answers) for answers in predicted]
        )
        return {
            name: _compute_normal_interval(value, limit[name]) for name, value in values.items()
        }
    draws = _subtract_runs(bootstrap.resample_metrics(table, seed))
    return {
        name: _compute_percentile_interval(value, draws[name]) for name, value in values.items()
    }


def _subtract_runs(runs: list[dict[str, N]]) -> dict[str, N]:
    """Return the second run's numbers less the first's, or those of the only run."""
    if len(runs) == 1:
        return runs[0]
    first, second = runs
    return {name: second[name] - first[name] for name in first}


def _compute_percentile_interval(value: float, draws: Numbers) -> Ends:
    if np.isnan(value):
        return np.nan, np.nan, np.nan
    low, high = (float(end) for end in np.nanquantile(draws, INTERVAL_QUANTILES))
    return value, min(low, value), max(high, value)


def _compute_normal_interval(value: float, contributions: Numbers) -> Ends:
    """Return value +- 1.96 standard errors of the mean of contributions (N,)."""
    reach = NORMAL_QUANTILE * float(contributions.std(ddof=1)) / len(contributions) ** 0.5
    return value, value - reach, value + reach
