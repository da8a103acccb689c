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

from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.turns import in_turn

if TYPE_CHECKING:
    import keras

    from stages.core.dataset import Batches

TIMES = 7
# Images an epoch, so that one takes a second or two.
SIZES = {(28, 28, 1): 4096, (120, 120, 3): 512}


def measure(folder: Path) -> list[Line]:
    """Measure both sizes."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return [line for shape, count in SIZES.items() for line in of_size(folder, shape, count)]


def of_size(folder: Path, shape: tuple[int, int, int], count: int) -> list[Line]:
    """Take turns with one network between our batches and the constant one."""
    import tensorflow as tf

    from stages.core.model import build

    batches = batches_of(folder, shape, count)
    constant = tf.data.Dataset.from_tensors(batches[0]).repeat(len(batches))
    model = build(load().train, shape, 2)
    images_per_second(model, constant, count)  # traces
    ours, limit = in_turn(
        TIMES,
        lambda: images_per_second(model, batches, count),
        lambda: images_per_second(model, constant, count),
    )
    size = "x".join(map(str, shape))
    return [
        Line(f"{size}: batches from a memory map", ours, "images/s", digits=0),
        Line(f"{size}: one constant batch", limit, "images/s", digits=0),
        ratio(f"{size}: ours : limit", ours, limit, at_least=0.9),
    ]


def batches_of(folder: Path, shape: tuple[int, int, int], count: int) -> "Batches":
    """Return batches of random images on disk, the size of a batch as by default."""
    from stages.core.dataset import Batches

    chance, path = np.random.default_rng(0), folder / f"{shape[0]}.npy"
    np.save(path, chance.integers(0, 256, (count, *shape), np.uint8))
    images, labels = np.load(path, mmap_mode="r"), chance.integers(0, 2, count)
    return Batches(images, labels, np.ones(2, np.float32), load().train.batch_size, seed=1)


def images_per_second(model: "keras.Model", feed: object, count: int) -> float:
    """Return the speed of the second epoch of two."""
    import keras

    stamps: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: stamps.append(time.perf_counter()),
        on_epoch_end=lambda *_: stamps.append(time.perf_counter()),
    )
    model.fit(feed, epochs=2, shuffle=False, verbose=0, callbacks=[clock])
    return count / (stamps[3] - stamps[2])
