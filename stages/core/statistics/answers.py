"""What was asked of the images, and what one run answered: all that a comparison needs."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.statistics.losses import log_losses
from stages.core.statistics.metrics import Labels, Numbers, Probabilities


@dataclass(frozen=True)
class Truth:
    """Labels (N,) in 0..classes-1, and the index of the positive class or None."""

    labels: Labels
    classes: int
    positive: int | None


@dataclass(frozen=True)
class Answers:
    """The class predicted (N,) and the log loss in nats (N,), image by image."""

    predicted: Labels
    losses: Numbers

    @classmethod
    def of(cls, labels: Labels, probabilities: Probabilities) -> Self:
        """Take the most probable class of probabilities (N, K), the first of several."""
        return cls(probabilities.argmax(axis=1), log_losses(labels, probabilities))

    def right(self, truth: Truth) -> NDArray[np.bool_]:
        """Return whether each image (N,) is taken for what it is."""
        right: NDArray[np.bool_] = self.predicted == truth.labels
        return right
