"""Training images/s of the default network, against the same network fed one constant batch.

Ours are the `Batches` that `train` uses, over a memory map on disk; the constant batch lies in
memory, so nothing is read, chosen or copied for it: it is the limit. Both run as `train` does,
with deterministic operations, and in steady state: the first epoch of every `fit` is not counted.
Target: at least 0.9 of the limit, at 28 x 28 x 1 and at 120 x 120 x 3.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn
from secondlook.config.params import load_params

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from secondlook.training.optimization import Batches

TIMES = 7
# Images an epoch, so that one takes a second or two.
SIZES = {(28, 28, 1): 4096, (120, 120, 3): 512}


def measure(folder: Path) -> list[Measurement]:
    """Measure both sizes."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return [line for shape, count in SIZES.items() for line in measure_size(folder, shape, count)]


def measure_size(folder: Path, shape: tuple[int, int, int], count: int) -> list[Measurement]:
    """Take turns with one network between our batches and the constant one."""
    import tensorflow as tf

    from secondlook.training.model import build_model

    batches = make_batches(folder, shape, count)
    constant = tf.data.Dataset.from_tensors(next(batches.read_epoch(1))).repeat()
    model = build_model(load_params().train, shape, 2)
    measure_images_per_second(model, constant, len(batches), count)  # traces
    ours, limit = measure_in_turn(
        TIMES,
        lambda: measure_images_per_second(model, batches.build_dataset(), len(batches), count),
        lambda: measure_images_per_second(model, constant, len(batches), count),
    )
    size = "x".join(map(str, shape))
    return [
        Measurement(f"{size}: batches from a memory map", ours, "images/s", digits=0),
        Measurement(f"{size}: one constant batch", limit, "images/s", digits=0),
        compute_ratio(f"{size}: ours : limit", ours, limit, at_least=0.9),
    ]


def make_batches(folder: Path, shape: tuple[int, int, int], count: int) -> "Batches":
    """Return batches of random images on disk, the size of a batch as by default."""
    from secondlook.training.optimization import Batches

    chance, path = np.random.default_rng(0), folder / f"{shape[0]}.npy"
    np.save(path, chance.integers(0, 256, (count, *shape), np.uint8))
    images, labels = np.load(path, mmap_mode="r"), chance.integers(0, 2, count)
    return Batches(images, labels, np.ones(2, np.float32), load_params().train.batch_size, seed=1)


def measure_images_per_second(
    model: "keras.Model", feed: "tf.data.Dataset", steps: int, count: int
) -> float:
    """Return the speed of the second epoch of two, each of so many steps and images."""
    import keras

    stamps: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: stamps.append(time.perf_counter()),
        on_epoch_end=lambda *_: stamps.append(time.perf_counter()),
    )
    model.fit(feed, steps_per_epoch=steps, epochs=2, verbose=0, callbacks=[clock])
    return count / (stamps[3] - stamps[2])
