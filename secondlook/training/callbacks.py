"""What happens between two epochs: they are measured, stopped in time, and saved.

Every run is measured the same way. What a TrainingState is of, and what Keras is to call
meanwhile, stands in ResumableTraining.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from secondlook.artifacts import manifest
from secondlook.config.errors import TrainingError
from secondlook.training.checkpoint import Checkpoint, TrainingState

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from secondlook.training.batches import ImageSubset

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

    def add(self, model: "keras.Model", epoch: int, logs: dict[str, float]) -> None:
        """Measure a finished epoch (from 1); also into `logs`, for the callbacks that follow."""
        if not math.isfinite(logs["loss"]):
            raise TrainingError(
                f"{self.where}: the objective became {logs['loss']} in epoch {epoch}; "
                "expected a number; lower learning_rate"
            )
        numbers = {"train/objective": logs["loss"], **self._measure(model)}
        logs.update(numbers)
        self.history.append({"epoch": epoch, **numbers})
        self.log_epoch(epoch, numbers)
        if not sys.stdout.isatty():
            print(f"epoch {epoch}  {_format_epoch(numbers)}", flush=True)

    def _measure(self, model: "keras.Model") -> dict[str, float]:
        from secondlook.evaluation.metrics import compute_epoch_metrics
        from secondlook.training.model import predict_probabilities

        numbers: dict[str, float] = {}
        for split, (images, labels) in _select_measured_images().items():
            point = compute_epoch_metrics(
                labels, predict_probabilities(model, images), self.positive
            )
            numbers |= {f"{split}/{key}": value for key, value in point.items()}
        return numbers


def _select_measured_images() -> (
    "dict[str, tuple[ImageSubset | NDArray[np.uint8], NDArray[np.int64]]]"
):
    """Return the images and labels of each curve: all of validation, and a sample of training.

    The sample is fixed, the same for every run and at most as large as validation.
    """
    from secondlook.training.batches import ImageSubset, draw_fixed_sample

    train, validation = manifest.load_labels("train"), manifest.load_labels("validation")
    positions = draw_fixed_sample(len(train), at_most=len(validation))
    return {
        "train": (ImageSubset(manifest.load_images("train"), positions), train[positions]),
        "validation": (manifest.load_images("validation"), validation),
    }


def _format_epoch(numbers: Mapping[str, float]) -> str:
    """Return an epoch's numbers as one line of text."""
    return "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())


EARLY_STOPPING_FIELDS = ("best", "best_epoch", "wait", "stopped_epoch")  # of Keras's EarlyStopping


def count_finished_epochs(state: TrainingState | None, epochs: int) -> int:
    """Return how many of the epochs need no training any more, and say so."""
    if state is None:
        return 0
    if state.epoch == epochs or state.patience.get("stopped_epoch"):
        print(f"resuming after epoch {state.epoch}, the last one", flush=True)
        return epochs
    print(f"resuming at epoch {state.epoch + 1} of {epochs}", flush=True)
    return state.epoch


class ResumableTraining:
    """A network, what early stopping remembers of it, and its curves."""

    def __init__(
        self,
        model: "keras.Model",
        stopper: "keras.callbacks.EarlyStopping | None",
        curves: LearningCurves,
    ) -> None:
        self.model, self.stopper, self.curves = model, stopper, curves

    def get_state(self) -> TrainingState:
        """Return all that the epochs to come depend on."""
        from secondlook.training.model import copy_variables

        history, stopper = list(self.curves.history), self.stopper
        return TrainingState(
            epoch=len(history),
            history=history,
            patience={name: getattr(stopper, name) for name in EARLY_STOPPING_FIELDS}
            if stopper
            else {},
            variables=copy_variables(self.model),
            best_weights=stopper.best_weights if stopper else [],
        )

    def resume(self, state: TrainingState) -> None:
        """Bring back a state, in a training that has just begun."""
        from secondlook.training.model import restore_variables

        restore_variables(self.model, state.variables)
        self.curves.restore(state.history)
        if self.stopper:
            self.stopper.best_weights = state.best_weights
            for name, value in state.patience.items():
                setattr(self.stopper, name, value)

    def build_callbacks(
        self, saved: Checkpoint, state: TrainingState | None
    ) -> "list[keras.callbacks.Callback]":
        """Return what measures an epoch, stops where there is no gain, and saves, in this order.

        `state` is what to resume from. That is last, too: early stopping forgets all that it
        knows when the training begins.
        """
        from keras.callbacks import LambdaCallback

        def begin(_logs: object) -> None:
            if state is not None:
                self.resume(state)

        def measure(epoch: int, logs: dict[str, float]) -> None:
            self.curves.add(self.model, epoch + 1, logs)

        def save(_epoch: int, _logs: object) -> None:
            if saved.is_due():
                saved.save(self.get_state())

        stopping = [self.stopper] if self.stopper else []
        saving = LambdaCallback(on_train_begin=begin, on_epoch_end=save)
        return [LambdaCallback(on_epoch_end=measure), *stopping, saving]
