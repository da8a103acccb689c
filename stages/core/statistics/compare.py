"""Is the difference real? 95 % intervals of one run's metrics, and of two runs' differences.

The images are taken as drawn at random from all images of their kind; an interval says where a
metric may lie on those. Both runs of a comparison answered the same images, so that what is hard
for both does not blur the difference. What another seed of the training would change is in
`replicates.py`. The recall of a single class is the accuracy on that class's images alone.

In simulations the intervals hold the truth 93 % to 97 % of the time, from 200 images and 10 of the
positive class on. Where two runs differ on fewer than four of the images that a metric counts,
the interval of the difference is rather too wide (99 %). A log loss that rests on fewer than five
bad mistakes may be too low by more than its interval says: no resample shows what did not occur.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from stages.core.statistics import resampling
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.metrics import Labels, Numbers
from stages.core.statistics.proportions import NORMAL, Interval

N = TypeVar("N", float, Numbers)

LEVEL = (0.025, 0.975)
# From these sizes on the normal limit serves: resampling would say the same, slowly.
IMAGES = 5_000  # of the log loss
CELLS = 5_000  # of the contingency table, each holding at least one image
# A resample that misses the few large values has next to no spread of its own; it is taken as at
# least this share of the observed one. Losses lack large ones on one side only, their
# differences on both, where a smaller share would make too wide an interval.
LEAST_SPREAD, LEAST_SPREAD_PAIRED = 1 / 3, 0.7


@dataclass(frozen=True)
class Difference(Interval):
    """A metric of the second run less that of the first.

    includes_seeds: whether it also holds for other seeds of the two trainings, not for these
    very models only.
    """

    includes_seeds: bool = False

    @property
    def distinguishable(self) -> bool:
        """Say whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def intervals(truth: Truth, run: Answers, seed: int = 0) -> dict[str, Interval]:
    """Return the interval of every counting metric and of log_loss of one run.

    Counting metrics are named and defined as in `metrics.py`; their intervals are
    percentiles (Efron, 1979) of resamples of the widened table, see `resampling.py`.
    Resamples in which a metric is not defined (no positive predicted) are left out.
    """
    loss = mean_interval(run.losses, seed)
    loss = Interval(loss.value, float(np.maximum(loss.low, 0)), loss.high)
    return {**_counted(truth, run.predicted, seed=seed), "log_loss": loss}


def differences(
    truth: Truth, first: Answers, second: Answers, seed: int = 0
) -> dict[str, Difference]:
    """Return second - first of every metric, paired by image, with intervals as `intervals` has."""
    counted = _counted(truth, first.predicted, second.predicted, seed=seed)
    loss = mean_interval(second.losses - first.losses, seed, LEAST_SPREAD_PAIRED)
    found = {**counted, "log_loss": loss}
    return {name: Difference(i.value, i.low, i.high) for name, i in found.items()}


def mean_interval(values: Numbers, seed: int = 0, least: float = LEAST_SPREAD) -> Interval:
    """Return the mean of values (N,) per image, such as losses or their paired differences.

    Below IMAGES images by the symmetric bootstrap-t (Hall, 1988), which keeps its promise for
    the long tail of losses; from there on by the normal limit. NaN for fewer than two images.
    """
    centre = float(values.mean())
    if len(values) < 2:
        return Interval(centre, np.nan, np.nan)
    if len(values) >= IMAGES or np.isnan(centre) or not np.ptp(values):
        return _normal(centre, values)
    reach = float(np.quantile(_studentised(values - centre, least, seed), 0.95) * values.std())
    return Interval(centre, centre - reach, centre + reach)


def _studentised(values: Numbers, least: float, seed: int) -> Numbers:
    """Return |mean| / standard deviation of DRAWS resamples of values (N,) whose mean is 0."""
    random, count = np.random.default_rng(seed), len(values)
    rows, parts = resampling.CHUNK // count, []
    for start in range(0, resampling.DRAWS, rows):
        shape = (min(rows, resampling.DRAWS - start), count)
        drawn = values[random.integers(0, count, size=shape)]
        mean = drawn.mean(axis=1)
        variance = np.einsum("ij,ij->i", drawn, drawn) / count - mean**2
        parts.append(np.abs(mean) / np.sqrt(np.maximum(variance, least**2 * values.var())))
    return np.concatenate(parts)


def _counted(truth: Truth, *predicted: Labels, seed: int) -> dict[str, Interval]:
    """Return the counting metrics of one run, or of the second less the first."""
    values = _difference([resampling.observed(truth, answers) for answers in predicted])
    table = resampling.contingency(truth, *predicted)
    if len(table.counts) > CELLS:
        limit = _difference([resampling.contributions(truth, answers) for answers in predicted])
        return {name: _normal(value, limit[name]) for name, value in values.items()}
    draws = _difference(resampling.resampled(table, seed))
    return {name: _percentiles(value, draws[name]) for name, value in values.items()}


def _difference(runs: list[dict[str, N]]) -> dict[str, N]:
    """Return the second run's numbers less the first's, or those of the only run."""
    if len(runs) == 1:
        return runs[0]
    first, second = runs
    return {name: second[name] - first[name] for name in first}


def _percentiles(value: float, draws: Numbers) -> Interval:
    if np.isnan(value):
        return Interval(np.nan, np.nan, np.nan)
    low, high = (float(end) for end in np.nanquantile(draws, LEVEL))
    return Interval(value, min(low, value), max(high, value))


def _normal(value: float, contributions: Numbers) -> Interval:
    """Return value +- 1.96 standard errors of the mean of contributions (N,)."""
    reach = NORMAL * float(contributions.std(ddof=1)) / len(contributions) ** 0.5
    return Interval(value, value - reach, value + reach)
