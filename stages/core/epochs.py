"""What is measured of every epoch, the same way for every run."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from stages.core import files
from stages.core.errors import TrainingError

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from stages.core.dataset import Sample

LogEpoch = Callable[[int, Mapping[str, float]], None]


class Curves:
    """Measures every epoch honestly: unweighted and in inference mode, training as validation.

    What Keras reports while it trains is weighted, with dropout and augmentation on, and an
    average over weights that changed meanwhile; `train/objective` alone is that number.
    """

    def __init__(self, where: str, positive: int | None, log_epoch: LogEpoch) -> None:
        self.where, self.positive, self.log_epoch = where, positive, log_epoch
        self.history: list[dict[str, float]] = []

    def take_up(self, history: Sequence[Mapping[str, float]]) -> None:
        """Go on after epochs that were measured before; they are handed on, to be logged, too."""
        self.history = [dict(point) for point in history]
        for point in self.history:
            numbers = dict(point)
            self.log_epoch(int(numbers.pop("epoch")), numbers)

    def add(self, model: "keras.Model", epoch: int, logs: dict[str, float]) -> None:
        """Measure a finished epoch (from 1); also into `logs`, for the callbacks that follow."""
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"{self.where}: the objective became {logs['loss']} in epoch {epoch}; "
                "expected a number; lower learning_rate"
            )
        numbers = {"train/objective": logs["loss"], **self._measured(model)}
        logs.update(numbers)
        self.history.append({"epoch": epoch, **numbers})
        self.log_epoch(epoch, numbers)
        if not sys.stdout.isatty():
            print(f"epoch {epoch}  {told(numbers)}", flush=True)

    def _measured(self, model: "keras.Model") -> dict[str, float]:
        from stages.core.model import predict
        from stages.core.statistics.metrics import curve_point

        numbers: dict[str, float] = {}
        for split, (images, labels) in measured_images().items():
            point = curve_point(labels, predict(model, images), self.positive)
            numbers |= {f"{split}/{key}": value for key, value in point.items()}
        return numbers


def measured_images() -> "dict[str, tuple[Sample | NDArray[np.uint8], NDArray[np.int64]]]":
    """Return the images and labels of each curve: all of validation, and a sample of training.

    The sample is fixed, the same for every run and at most as large as validation.
    """
    from stages.core.dataset import Sample, fixed_sample

    train, validation = files.labels("train"), files.labels("validation")
    positions = fixed_sample(len(train), at_most=len(validation))
    return {
        "train": (Sample(files.images("train"), positions), train[positions]),
        "validation": (files.images("validation"), validation),
    }


def told(numbers: Mapping[str, float]) -> str:
    """Return an epoch's numbers as one line of text."""
    return "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
