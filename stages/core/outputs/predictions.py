"""What a run answered: the class probabilities that `train` left, beside the labels."""

from dataclasses import dataclass

import numpy as np

from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs.facts import Facts
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.metrics import Labels, Probabilities


@dataclass(frozen=True)
class Predictions:
    """The images of one split, their labels (N,), and probabilities (N, K) given for them."""

    facts: Facts
    labels: Labels
    probabilities: Probabilities

    @property
    def truth(self) -> Truth:
        """Return what was asked."""
        return Truth(self.labels, len(self.facts.classes), self.facts.positive_index)

    @property
    def answers(self) -> Answers:
        """Return the class predicted and the loss, image by image."""
        return Answers.of(self.labels, self.probabilities)


def read(name: str, split: str, facts: Facts) -> Predictions:
    """Return what the run `name` answered for validation or test.

    Raises DataError where there are no predictions, or not as many as labels.
    """
    path = files.folder("train", name) / "predictions.npz"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    with np.load(path) as arrays:
        found: Probabilities = arrays[split]
    labels = files.labels(split)
    shape = len(labels), len(facts.classes)
    if found.shape != shape:
        raise DataError(
            f"{path}: {split}: found {found.shape} (images, classes), expected {shape} as in "
            "data/preprocess; run `dvc repro` to train on these data"
        )
    return Predictions(facts, labels, found)


def lazy(asked: Predictions) -> Predictions:
    """Return what the lazy baseline answers: always the commonest training class.

    Its probabilities for every image are the shares of the classes in training.
    """
    shares = asked.facts.training_shares
    probabilities = np.broadcast_to(shares, (len(asked.labels), len(shares)))
    return Predictions(asked.facts, asked.labels, probabilities)
