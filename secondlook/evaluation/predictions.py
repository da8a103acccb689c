"""What a run answered: probabilities of one split beside the labels, and image by image.

GroundTruth is what was asked, ImagePredictions what one run, or the lazy baseline, answered: all
that a comparison needs. SplitPredictions are both, with the probabilities that `train` left.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.config.errors import DataError
from secondlook.evaluation.metrics import Counts, Labels, Numbers, Probabilities, compute_log_losses

NEARLY_ALL = 0.95  # of the answers: who gives one so often is asked whether the rest means anything
CERTAIN = 0.05  # who guesses at random passes so often


@dataclass(frozen=True)
class GroundTruth:
    """Labels (N,) in 0..classes-1, and the index of the positive class or None."""

    labels: Labels
    classes: int
    positive: int | None


@dataclass(frozen=True)
class ImagePredictions:
    """What one run, or the lazy baseline, said of N images, image by image.

    predicted (N,): the class it gave; losses (N,): the log loss in nats; confidence (N,): the
    probability of the class it gave, 0..1.
    """

    predicted: Labels
    losses: Numbers
    confidence: Numbers

    @classmethod
    def from_probabilities(cls, labels: Labels, probabilities: Probabilities) -> Self:
        """Take the most probable class of probabilities (N, K), the first of several."""
        losses = compute_log_losses(labels, probabilities)
        sure = probabilities.max(axis=1).astype(np.float64)
        return cls(probabilities.argmax(axis=1), losses, sure)

    def select(self, images: NDArray[np.bool_]) -> Self:
        """Return what was said of some of the images (N,)."""
        return type(self)(self.predicted[images], self.losses[images], self.confidence[images])

    def compute_correct(self, truth: GroundTruth) -> NDArray[np.bool_]:
        """Return whether each image (N,) is taken for what it is."""
        right: NDArray[np.bool_] = self.predicted == truth.labels
        return right


@dataclass(frozen=True)
class SplitPredictions:
    """The images of one split, their labels (N,), and probabilities (N, K) given for them."""

    facts: DatasetCard
    labels: Labels
    probabilities: Probabilities

    @property
    def truth(self) -> GroundTruth:
        """Return what was asked."""
        return GroundTruth(self.labels, len(self.facts.classes), self.facts.positive_index)

    @property
    def image_predictions(self) -> ImagePredictions:
        """Return what was answered, image by image."""
        return ImagePredictions.from_probabilities(self.labels, self.probabilities)


def load_predictions(name: str, split: str, facts: DatasetCard) -> SplitPredictions:
    """Return what the run `name` answered for validation or test.

    Raises DataError where there are no predictions, or not as many as labels.
    """
    path = files.check_present(files.stage_folder("train", name) / "predictions.npz")
    with np.load(path) as arrays:
        found: Probabilities = arrays[split]
    labels = manifest.load_labels(split)
    shape = len(labels), len(facts.classes)
    if found.shape != shape:
        raise DataError(
            f"{path}: {split}: found {found.shape} (images, classes), expected {shape} as in "
            "data/preprocess; run `dvc repro` to train on these data"
        )
    return SplitPredictions(facts, labels, found)


def compute_lazy_predictions(asked: SplitPredictions) -> SplitPredictions:
    """Return what the lazy baseline answers: always the commonest training class.

    Its probabilities for every image are the shares of the classes in training.
    """
    shares = asked.facts.training_shares
    probabilities = np.broadcast_to(shares, (len(asked.labels), len(shares)))
    return SplitPredictions(asked.facts, asked.labels, probabilities)


def find_constant_answer(counts: Counts) -> int | None:
    """Return the class that is answered whatever is shown; None where answers tell classes apart.

    counts (K, K): rows true, columns predicted. Answers are constant where all are the same; or
    nearly all, and the others avoid that class no more often than by chance (one-sided exact test,
    Fisher 1935, "The Design of Experiments"). With images of one class there is nothing to tell.
    """
    answered, true = counts.sum(axis=0), counts.sum(axis=1)
    images, k = int(answered.sum()), int(answered.argmax())
    others = images - int(answered[k])
    if true.max() == images or others > (1 - NEARLY_ALL) * images:
        return None
    if others:
        from scipy.stats import hypergeom

        right = others - int(true[k] - counts[k, k])
        by_chance = hypergeom.sf(right - 1, images, images - int(true[k]), others)
        return None if by_chance < CERTAIN else k
    return k
