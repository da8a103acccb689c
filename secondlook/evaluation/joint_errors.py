"""How the errors of all metrics of all methods of a study go together, by what each image adds.

All methods answered the same images, so what an image contributes to each metric of each (the
jackknife's pseudo-values, bootstrap.py and auc_intervals.py) gives the covariance of everything:
over images, and where methods have several seeds, over these. The errors are normal in the limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from secondlook.artifacts.schema import IndexArray
from secondlook.evaluation import auc_intervals, bootstrap
from secondlook.evaluation.comparison import IMAGE_METRICS, ComparedRun
from secondlook.evaluation.metrics import Numbers
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions

DRAWS = 10_000  # of all errors together: the quantile of their maxima then varies by 1 % of itself
ROUNDING = 1e-9  # of a variance: what is left of a difference of equal numbers
CLAIMS_AT_ONCE = 200  # 16 MB of draws
LAZY = ""  # stands for the lazy baseline among the names of methods, of which none is empty


class Claim(NamedTuple):
    """A difference of a study: the second method less the first, or less LAZY, in one metric."""

    first: str
    second: str
    metric: str


@dataclass(frozen=True)
class JointErrors:
    """How the errors of all methods in all metrics go together: P pairs of both.

    contributions: of S of the N images (`count`), each (S,); seeds: how many a method has;
    over_seeds: variance of a metric over seeds, beyond that over images, 0 where none is repeated.
    """

    contributions: Mapping[tuple[str, str], Numbers]
    seeds: Mapping[str, int]
    over_seeds: Mapping[str, float]
    count: int

    def subtract(self, claim: Claim) -> Numbers | None:
        """Return what each image (S,) contributes to a difference; None where not all are known."""
        sides = [self.contributions.get((name, claim.metric)) for name in claim[:2]]
        first, second = sides
        return None if first is None or second is None else second - first

    def draw_maxima(self, claims: Sequence[Claim], seed: int) -> Numbers:
        """Draw the largest of all claims, each in its standard errors (DRAWS,), in order of size.

        As it would be of methods that are equal in everything, on other images and with other
        seeds. Claims of which something is not known are left out.
        """
        random, places = (
            np.random.default_rng(seed),
            {k: i for i, k in enumerate(self.contributions)},
        )
        known = [claim for claim in claims if self.subtract(claim) is not None]
        first, second = (
            np.array([places[claim[side], claim.metric] for claim in known], dtype=np.int64)
            for side in (0, 1)
        )
        images, seeds = self._covariance, self._list_seed_variances()
        repeated = np.array([max(self._count_seeds(claim)) > 1 for claim in known], dtype=np.bool_)
        sides = images[first, first] + images[second, second]
        variance = sides - 2 * images[first, second]
        variance[variance < ROUNDING * sides] = 0  # the same answers: nothing can differ by chance
        spread = np.sqrt(variance + repeated * (seeds[first] + seeds[second]))
        errors = random.standard_normal((DRAWS, len(places))) @ self._root
        luck = random.standard_normal((DRAWS, len(places))) * np.sqrt(seeds)
        maxima = np.zeros(DRAWS)
        for start in range(0, len(known), CLAIMS_AT_ONCE):
            part = np.flatnonzero(spread[start : start + CLAIMS_AT_ONCE]) + start
            drawn = errors[:, second[part]] - errors[:, first[part]]
            drawn += repeated[part] * (luck[:, second[part]] - luck[:, first[part]])
            maxima = np.maximum(maxima, (np.abs(drawn) / spread[part]).max(axis=1, initial=0.0))
        return np.sort(maxima)

    @cached_property
    def _covariance(self) -> Numbers:
        """Return the covariance (P, P) over images of all metrics of all methods."""
        rows = np.stack([part - part.mean() for part in self.contributions.values()])
        covariance: Numbers = rows @ rows.T / rows.shape[1] / self.count
        return covariance

    @cached_property
    def _root(self) -> Numbers:
        """Return the root (P, P) of it that is symmetric: of all roots that is the only one."""
        values, vectors = np.linalg.eigh(self._covariance)
        root: Numbers = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        return root

    def _list_seed_variances(self) -> Numbers:
        """Return the variance (P,) over seeds of each metric of each method's mean."""
        return np.array(
            [
                self.over_seeds.get(metric, 0.0) / self.seeds[name] if name != LAZY else 0.0
                for name, metric in self.contributions
            ]
        )

    def _count_seeds(self, claim: Claim) -> tuple[int, int]:
        first, second = (self.seeds.get(name, 1) for name in claim[:2])
        return first, second


def measure_joint_errors(
    truth: GroundTruth,
    lazy: ImagePredictions,
    methods: Mapping[str, Sequence[ComparedRun]],
    seed: int,
) -> JointErrors:
    """Return how the errors of methods, each of one seed or several, go together on some images."""
    kept = auc_intervals.sample_images(len(truth.labels), seed)
    parts = {
        name: [_list_contributions(truth, run, kept) for run in runs]
        for name, runs in methods.items()
    }
    found = {(LAZY, name): per(truth, lazy)[kept] for name, per in IMAGE_METRICS.items()}
    for name, runs in parts.items():
        found |= {
            (name, metric): np.mean([run[metric] for run in runs], axis=0) for metric in runs[0]
        }
    return JointErrors(
        contributions={key: part for key, part in found.items() if np.isfinite(part).all()},
        seeds={name: len(runs) for name, runs in methods.items()},
        over_seeds=_pool_seed_variances([runs for runs in parts.values() if len(runs) > 1]),
        count=len(truth.labels),
    )


def _list_contributions(
    truth: GroundTruth, run: ComparedRun, kept: IndexArray | slice
) -> dict[str, Numbers]:
    """Return what each of the kept images contributes to each metric of a run."""
    counted = bootstrap.compute_metric_contributions(truth, run.answers.predicted)
    whole = counted | {"log_loss": run.answers.losses}
    return {name: parts[kept] for name, parts in whole.items()} | dict(run.areas)


def _pool_seed_variances(repeated: Sequence[Sequence[Mapping[str, Numbers]]]) -> dict[str, float]:
    """Return the variance of each metric over seeds, beyond what images make of it.

    repeated: the contributions (S,) of each seed of each method that has several.
    """
    freedom = sum(len(runs) - 1 for runs in repeated)
    beyond: dict[str, float] = {}
    for metric in repeated[0][0] if repeated else ():
        # Rows: each seed less the mean of its method.
        rows = [np.stack([run[metric] for run in runs]) for runs in repeated]
        apart = np.concatenate([row - row.mean(axis=0) for row in rows])
        images = apart.var(axis=1).sum() / apart.shape[1]
        beyond[metric] = max(0.0, float((apart.mean(axis=1) ** 2).sum() - images) / freedom)
    return beyond
