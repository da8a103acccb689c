"""What it costs to save the state of a training after every epoch, and within a long one.

The default network with the most that there can be to save: optimizer, and early stopping's best
weights. Its epochs take a second or a little more, on images of 28 x 28 x 1 and 120 x 120 x 3,
with and without saving in turn. An epoch counts from its beginning to that of the next: so the
copies that are taken between the two count, and what the thread takes that writes meanwhile.
Then one epoch of some ten seconds, which is saved within as it is by default.
Target: at most 1.05 times as long.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn
from benchmarks.training_speed import make_batches
from secondlook.config.params import load_params
from secondlook.config.training import EarlyStoppingParams
from secondlook.training.checkpoint import Checkpoint, TrainingState
from secondlook.training.epoch_metrics import LearningCurves
from secondlook.training.fitting import Training

if TYPE_CHECKING:
    import keras

    from secondlook.training.optimization import Batches

TIMES = 7
MEGABYTE = 2**20
# Images an epoch, so that one takes a second or a little more.
SIZES = {(28, 28, 1): 768, (120, 120, 3): 96}
LONG, LONG_TIMES = 8, 5  # times as many for a long epoch; so many of these


def measure(folder: Path) -> list[Measurement]:
    """Measure both sizes."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return [
        line
        for shape, count in SIZES.items()
        for line in (
            *measure_size(folder, shape, count),
            *measure_within(folder, shape, LONG * count),
        )
    ]


def measure_size(folder: Path, shape: tuple[int, int, int], count: int) -> list[Measurement]:
    """Take turns with one network between saving and not."""
    from secondlook.training.model import build_model

    batches, model = make_batches(folder, shape, count), build_model(load_params().train, shape, 2)
    time_epoch(model, batches, [])  # traces
    size = "x".join(map(str, shape))
    with Checkpoint(size, 0) as saved:
        plain, saving = measure_in_turn(
            TIMES,
            lambda: time_epoch(model, batches, []),
            lambda: time_epoch(model, batches, [make_saver(model, batches, saved)]),
        )
        megabytes = saved.path.stat().st_size / MEGABYTE
    return [
        Measurement(f"{size}: a state", [megabytes], "MB"),
        Measurement(f"{size}: an epoch", plain, "s", digits=2),
        Measurement(f"{size}: an epoch, saved", saving, "s", digits=2),
        compute_ratio(f"{size}: saved : not", saving, plain, at_most=1.05),
    ]


def measure_within(folder: Path, shape: tuple[int, int, int], count: int) -> list[Measurement]:
    """Take turns with one network between a long epoch that is saved within, and not."""
    from secondlook.training.model import build_model

    batches, model = make_batches(folder, shape, count), build_model(load_params().train, shape, 2)
    name, states = f"{'x'.join(map(str, shape))}: a long epoch", list[float]()

    def train_saved() -> float:
        with CountingCheckpoint(
            name.partition(":")[0], load_params().train.checkpoint_seconds
        ) as saved:
            seconds = time_epoch(model, batches, [make_saver(model, batches, saved)], epochs=1)
            states.append(saved.states)
        return seconds

    time_epoch(model, batches, [], epochs=1)  # traces
    plain, saving = measure_in_turn(
        LONG_TIMES, lambda: time_epoch(model, batches, [], epochs=1), train_saved
    )
    return [
        Measurement(f"{name}: states within", states, "", digits=0),
        Measurement(name, plain, "s", digits=2),
        Measurement(f"{name}, saved", saving, "s", digits=2),
        compute_ratio(f"{name}, saved : not", saving, plain, at_most=1.05),
    ]


class CountingCheckpoint(Checkpoint):
    """Counts the states that are written."""

    states = 0

    def save(self, state: TrainingState) -> None:
        """Write a state, and count it."""
        self.states += 1
        super().save(state)


def make_saver(
    model: "keras.Model", batches: "Batches", saved: Checkpoint
) -> "keras.callbacks.Callback":
    """Return what `train` calls after an epoch, with all there can be to save."""
    stopping = EarlyStoppingParams(monitor="validation/loss", patience=1)
    train = load_params().train.model_copy(update={"early_stopping": stopping})
    training = Training(model, train, batches, LearningCurves("", None, print), saved)
    if training.stopper:
        training.stopper.on_train_begin()
        training.stopper.best_weights = model.get_weights()
    return training.build_callbacks(None)[-1]


def time_epoch(
    model: "keras.Model",
    batches: "Batches",
    callbacks: "list[keras.callbacks.Callback]",
    epochs: int = 4,
) -> float:
    """Return how long an epoch takes, of two in the middle of four, or of a single one."""
    import keras

    stamps: list[float] = []

    def stamp(*_: object) -> None:
        stamps.append(time.perf_counter())

    clock = keras.callbacks.LambdaCallback(on_epoch_begin=stamp, on_train_end=stamp)
    model.fit(
        batches.build_dataset(),
        steps_per_epoch=len(batches),
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, clock],
    )
    return float(np.mean(np.diff(stamps[:epochs] if epochs > 1 else stamps)[epochs > 1 :]))
