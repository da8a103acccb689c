"""How each epoch of a training is measured, every run the same way."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import manifest
from secondlook.config.errors import DivergenceError

if TYPE_CHECKING:
    from secondlook.evaluation.metrics import Labels
    from secondlook.training.model import ImageSequence

# Of each curve, by split: the images that it is measured on, or their features, and their labels.
MeasuredImages = Mapping[str, "tuple[ImageSequence, Labels]"]
Predicted = tuple[NDArray[np.float32], "Labels"]  # probabilities (N, K) and labels (N,)
LogEpoch = Callable[[int, Mapping[str, float]], None]


class LearningCurves:
    """Measures every epoch honestly: unweighted and in inference mode, training as validation.

    What Keras reports while it trains is weighted, with dropout and augmentation on, and an
    average over weights that changed meanwhile; `train/objective` alone is that number.
    """

    def __init__(self, where: str, positive: int | None, log_epoch: LogEpoch) -> None:
        self.where, self.positive, self.log_epoch = where, positive, log_epoch
        self.history: list[dict[str, float]] = []

    def restore(self, history: Sequence[Mapping[str, float]]) -> None:
        """Go on after epochs that were measured before; they are handed on, to be logged, too."""
        self.history = [dict(point) for point in history]
        for point in self.history:
            numbers = dict(point)
            self.log_epoch(int(numbers.pop("epoch")), numbers)

    def add(self, epoch: int, logs: dict[str, float], predicted: Mapping[str, Predicted]) -> None:
        """Measure a finished epoch (from 1); also into `logs`, for the callbacks that follow."""
        if not math.isfinite(logs["loss"]):
            raise DivergenceError(
                f"{self.where}: the objective became {logs['loss']} in epoch {epoch}; "
                "expected a number; lower learning_rate"
            )
        numbers = {"train/objective": logs["loss"], **self._measure(predicted)}
        logs.update(numbers)
        self.history.append({"epoch": epoch, **numbers})
        self.log_epoch(epoch, numbers)
        if not sys.stdout.isatty():
            print(f"epoch {epoch}  {_format_epoch(numbers)}", flush=True)

    def _measure(self, predicted: Mapping[str, Predicted]) -> dict[str, float]:
        from secondlook.evaluation.metrics import compute_epoch_metrics

        numbers: dict[str, float] = {}
        for split, (probabilities, labels) in predicted.items():
            point = compute_epoch_metrics(labels, probabilities, self.positive)
            numbers |= {f"{split}/{key}": value for key, value in point.items()}
        return numbers


def select_measured_images() -> MeasuredImages:
    """Return the images and labels of each curve: all of validation, and a sample of training.

    The sample is fixed, the same for every run and at most as large as validation.
    """
    train, validation = manifest.load_labels("train"), manifest.load_labels("validation")
    positions = manifest.draw_fixed_sample(len(train), at_most=len(validation))
    return {
        "train": (manifest.ImageSubset(manifest.load_images("train"), positions), train[positions]),
        "validation": (manifest.load_images("validation"), validation),
    }


def _format_epoch(numbers: Mapping[str, float]) -> str:
    """Return an epoch's numbers as one line of text."""
    return "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
