"""Is an image out of distribution, unlike those of training? What it takes to say, and warnings.

The image is measured as it is given (data/image_features.py) and inside the network
(training/embedding_distance.py); ood_causes.py has the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import DatasetCard, TrainingProfile
from secondlook.artifacts.schema import FloatArray, ImageArray
from secondlook.config.errors import DataError
from secondlook.data import profile
from secondlook.data.decoding import DecodedImage
from secondlook.data.image_features import ImageFeatures, measure_features
from secondlook.evaluation.formatting import format_percent_below_all
from secondlook.serving.drift import DriftMonitor, ReferenceDistribution
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
