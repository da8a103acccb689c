"""Are many pictures, taken together, like those of training? One line, with its numbers.

Pictures can each be off by little, and all of them by much. The distribution of each feature is
compared with that of training, and that of the distances with that of validation, by the
two-sample Kolmogorov-Smirnov test; Bonferroni's correction pays for having looked at all of them
(Rabanser, Guennemann and Lipton 2019, "Failing Loudly: An Empirical Study of Methods for Detecting
Dataset Shift").
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import kolmogorov

from secondlook.artifacts.schema import FloatArray
from secondlook.evaluation.formatting import format_coarse_percent, format_p_value
from secondlook.serving.ood_causes import OodScore

MIN_IMAGES = 20  # pictures: fewer cannot tell
SIGNIFICANCE_LEVEL = (
    0.01  # of the test: a folder like training is called shifted once in a hundred times
)
EXPECTED_WARNING_SHARE = (
    0.05  # share of pictures that are like training and are warned of all the same
)


class ReferenceDistribution(NamedTuple):
    """A number of a known distribution: ascending values, the shares up to each, of how many."""

    values: FloatArray
    shares: FloatArray
    images: int


class DriftMonitor:
    """Counts pictures one by one; what it holds does not grow with them."""

    def __init__(self, known: Mapping[str, ReferenceDistribution]) -> None:
        self.known = dict(known)
        # How many pictures are above so many of the known values, by name.
        self.counts = {
            name: np.zeros(len(one.values) + 1, np.int64) for name, one in self.known.items()
        }
        self.pictures = self.warned = 0

    def add(self, likeness: OodScore) -> None:
        """Count a picture."""
        self.pictures += 1
        self.warned += likeness.is_unlike
        for name, value in likeness.by_name().items():
            self.counts[name][np.searchsorted(self.known[name].values, value)] += 1

    @property
    def distances(self) -> dict[str, float]:
        """Return the Kolmogorov-Smirnov distance by feature, 0..1, as far as known values tell.

        That is the largest difference of both shares of pictures up to a value.
        """
        return {
            name: float(np.abs(self._compute_shares(name) - one.shares).max())
            for name, one in self.known.items()
        }

    def _compute_shares(self, name: str) -> FloatArray:
        shares: FloatArray = self.counts[name].cumsum()[:-1] / max(1, self.pictures)
        return shares

    @property
    def lines(self) -> list[str]:
        """Return one line about the pictures as a whole; none of fewer than MIN_IMAGES."""
        if self.pictures < MIN_IMAGES:
            return []
        distances = self.distances
        chances = {
            name: self._compute_p_value(name, distance) for name, distance in distances.items()
        }
        name = min(chances, key=lambda one: (chances[one], -distances[one]))
        chance = min(1.0, len(chances) * chances[name])
        verdict = "shifted against" if chance < SIGNIFICANCE_LEVEL else "not distinguishable from"
        told = format_p_value(chance, below="below ", equal="")
        line = (
            f"as a whole {verdict} the training pictures, most in {name.replace('_', ' ')} "
            f"(Kolmogorov-Smirnov distance {distances[name]:.2f} of 1, p {told}); "
            f"{100 * self.warned / self.pictures:.0f} % warned of, of pictures like those of "
            f"training about {format_coarse_percent(EXPECTED_WARNING_SHARE)}"
        )
        return [line]

    def _compute_p_value(self, name: str, distance: float) -> float:
        """Return how probable such a distance or a larger one is without a shift, 0..1.

        Asymptotically; where equal values are common, it is less probable than that.
        """
        images = self.known[name].images
        both = self.pictures * images / (self.pictures + images)
        return float(kolmogorov(distance * np.sqrt(both)))
