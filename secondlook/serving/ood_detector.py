"""Is an image out of distribution, or are many taken together (drift)? Warnings, and one line.

An image is measured as it is given (data/image_features.py) and inside the network
(training/embedding_distance.py); ood_causes.py has the words.

Pictures can each be off by little, and all of them by much. The distribution of each feature is
compared with that of training, and that of the distances with that of validation, by the
two-sample Kolmogorov-Smirnov test; Bonferroni's correction pays for having looked at all of them
(Rabanser, Guennemann and Lipton 2019, "Failing Loudly: An Empirical Study of Methods for Detecting
Dataset Shift").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from secondlook.artifacts.dataset_card import DatasetCard, TrainingProfile
from secondlook.artifacts.schema import FloatArray, ImageArray
from secondlook.config.errors import DataError
from secondlook.data import profile
from secondlook.data.decoding import DecodedImage
from secondlook.data.image_features import ImageFeatures, measure_features
from secondlook.evaluation.formatting import (
    format_coarse_percent,
    format_p_value,
    format_percent_below_all,
)
from secondlook.serving.ood_causes import (
    DISTANCE_NAME,
    POLARITY_FEATURES,
    FeatureDeviations,
    OodScore,
    OodWarning,
    find_causes,
)
from secondlook.training.embedding_distance import EmbeddingDistance

MAX_WARNINGS = 4  # warnings of one picture
CLEARLY_NEARER = 2  # times nearer, in squares: noise is no better for being inverted
MIN_IMAGES = 20  # pictures: fewer cannot tell of drift
# Of the test for drift: a folder like training is called shifted once in a hundred times.
SIGNIFICANCE_LEVEL = 0.01
# Of pictures that are like training, warned of all the same.
EXPECTED_WARNING_SHARE = 0.05


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


@dataclass(frozen=True)
class OodDetector:
    """What training pictures are like, as they are given and in the network."""

    pictures: TrainingProfile
    counts: dict[str, int]  # pictures by split, behind the distributions
    distance: EmbeddingDistance

    @classmethod
    def read(cls, folder: Path, facts: DatasetCard) -> Self:
        """Read what `train` left in the folder of a run.

        Raises DataError where it is not there, or of another version than this one.
        """
        if facts.pictures.features.keys() != set(ImageFeatures._fields):
            raise DataError(
                f"{folder}: made by another version of Second Look; run `dvc repro` to make it new"
            )
        counts = {split: sum(count.values()) for split, count in facts.counts.items()}
        return cls(facts.pictures, counts, EmbeddingDistance.read(folder))

    def score(
        self, seen: Sequence[DecodedImage], embeddings: NDArray[np.float32]
    ) -> list[OodScore]:
        """Return how like training pictures are, with the network's embeddings (n, D) of them."""
        features = self._measure_features(
            np.stack([one.pixels for one in seen]),
            np.array([(one.width, one.height) for one in seen], np.int64),
        )
        table = features.to_table()
        off = profile.compute_deviations(table, self._limits)
        distances = self.distance.compute(embeddings).tolist()
        shares = map(self.distance.compute_share_beyond, distances)
        return [OodScore(*found) for found in zip(table, off, distances, shares, strict=True)]

    @cached_property
    def _limits(self) -> FloatArray:
        return profile.compute_limits(self.pictures)

    def _measure_features(self, pixels: ImageArray, sizes: NDArray[np.int64]) -> ImageFeatures:
        return measure_features(pixels, sizes, np.array(self.pictures.mean))

    def find_warnings(
        self, seen: DecodedImage, probabilities: NDArray[np.float32], embedding: NDArray[np.float32]
    ) -> list[OodWarning]:
        """Return why the answer (K,) about a picture may not be trusted; see `explain`."""
        (likeness,) = self.score([seen], embedding[None])
        return self.explain(likeness, seen.pixels, probabilities)

    def explain(
        self,
        likeness: OodScore,
        pixels: ImageArray,
        probabilities: NDArray[np.float32],
        other: ImageArray | None = None,
    ) -> list[OodWarning]:
        """Return at most MAX_WARNINGS warnings: causes, the strongest first, then the distance.

        other: the picture with light and dark changed, where that is not simply the opposite of
        each pixel. Of pictures like those of training one in twenty is warned of.
        """
        if not likeness.is_unlike:
            return []
        names = ImageFeatures._fields
        values = dict(zip(names, likeness.features.tolist(), strict=True))
        off = dict(zip(names, likeness.off.tolist(), strict=True))
        inverted = self.prefers(255 - pixels if other is None else other, pixels)
        look = FeatureDeviations(values, off, self.pictures.features, inverted)
        found = [cause.warning for cause in find_causes(look)]
        far = [self._warn_of_distance(likeness, probabilities)] if likeness.is_far else []
        return [*found[: MAX_WARNINGS - len(far)], *far]

    def _warn_of_distance(
        self, likeness: OodScore, probabilities: NDArray[np.float32]
    ) -> OodWarning:
        others = format_percent_below_all(1 - likeness.share) if likeness.share else "all"
        told = (
            f"Inside the network it is further from the training pictures than {others} of the "
            "validation pictures: that the answer is "
            f"{format_percent_below_all(float(probabilities.max()))} sure "
            "says little."
        )
        return OodWarning(DISTANCE_NAME, told)

    def is_inverted(self, pixels: ImageArray) -> bool:
        """Tell whether a picture (H, W, C) is more like training when light and dark change."""
        return self.prefers(255 - pixels, pixels)

    def prefers(self, other: ImageArray, pixels: ImageArray) -> bool:
        """Tell whether a picture is unlike training in its levels, and the other clearly less so.

        Both are uint8 (H, W, C), one of them the other with light and dark changed.
        """
        sizes = np.full((2, 2), pixels.shape[1::-1])
        table = self._measure_features(np.stack([pixels, other]), sizes).to_table()
        places = [ImageFeatures._fields.index(name) for name in POLARITY_FEATURES]
        off = np.abs(profile.compute_deviations(table, self._limits)[:, places])
        one, another = (off**2).sum(axis=1)
        return bool(off[0].max() > 1 and another < one / CLEARLY_NEARER)

    def make_drift_monitor(self) -> DriftMonitor:
        """Return what counts pictures, to tell how they differ from training as a whole."""
        known = {
            name: ReferenceDistribution(
                np.array(one.values), np.array(one.shares), self.counts["train"]
            )
            for name, one in self.pictures.features.items()
        }
        values, shares = self.distance.distribution
        known[DISTANCE_NAME] = ReferenceDistribution(values, shares, self.counts["validation"])
        return DriftMonitor(known)
