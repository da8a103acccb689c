"""What it costs to save the state of a training after every epoch.

The default network with the most that there can be to save: optimizer, and early stopping's best
weights. Its epochs take a second or a little more, on images of 28 x 28 x 1 and 120 x 120 x 3,
with and without saving in turn. An epoch counts from its beginning to that of the next: so the
copies that are taken between the two count, and what the thread takes that writes meanwhile.
Target: at most 1.05 times as long.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.core.checkpoint import Checkpoint
from stages.core.epochs import Curves
from stages.core.params import load
from stages.core.training import Training
from tests.bench.lines import Line, ratio
from tests.bench.training import batches_of
from tests.bench.turns import in_turn

if TYPE_CHECKING:
    import keras

    from stages.core.dataset import Batches

TIMES = 7
MEGABYTE = 2**20
# Images an epoch, so that one takes a second or a little more.
SIZES = {(28, 28, 1): 768, (120, 120, 3): 96}


def measure(folder: Path) -> list[Line]:
    """Measure both sizes."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return [line for shape, count in SIZES.items() for line in of_size(folder, shape, count)]


def of_size(folder: Path, shape: tuple[int, int, int], count: int) -> list[Line]:
    """Take turns with one network between saving and not."""
    from stages.core.model import build

    batches, model = batches_of(folder, shape, count), build(load().train, shape, 2)
    seconds(model, batches, [])  # traces
    size = "x".join(map(str, shape))
    with Checkpoint(size, 0) as saved:
        plain, saving = in_turn(
            TIMES,
            lambda: seconds(model, batches, []),
            lambda: seconds(model, batches, [saver(model, saved)]),
        )
        megabytes = saved.path.stat().st_size / MEGABYTE
    return [
        Line(f"{size}: a state", [megabytes], "MB"),
        Line(f"{size}: an epoch", plain, "s", digits=2),
        Line(f"{size}: an epoch, saved", saving, "s", digits=2),
        ratio(f"{size}: saved : not", saving, plain, at_most=1.05),
    ]


def saver(model: "keras.Model", saved: Checkpoint) -> "keras.callbacks.Callback":
    """Return what `train` calls after an epoch, with all there can be to save."""
    import keras

    stopper = keras.callbacks.EarlyStopping()
    stopper.on_train_begin()
    stopper.best_weights = model.get_weights()
    return Training(model, stopper, Curves("", None, print)).callbacks(saved, None)[-1]


def seconds(
    model: "keras.Model", batches: "Batches", callbacks: "list[keras.callbacks.Callback]"
) -> float:
    """Return how long an epoch takes, of two in the middle of four."""
    import keras

    stamps: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: stamps.append(time.perf_counter())
    )
    model.fit(batches, epochs=4, shuffle=False, verbose=0, callbacks=[*callbacks, clock])
    return float(np.mean(np.diff(stamps)[1:]))
