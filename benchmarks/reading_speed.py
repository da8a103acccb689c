"""How many images a second a training reads: in memory, and from a disk that has to be asked.

Shards of images of two sizes are read by `Batches`, in batches of 64: from memory; cold, as they
are drawn; and cold in windows. Cold means that the kernel has dropped what it kept of the files.
Compared with it: the same files read from one end to the other, which is what the disk can do.
Target: at least 0.8 of that, for large images as they are drawn, and for small ones in windows.
"""

import os
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn, time_action
from secondlook.artifacts.image_shards import ImageShards, load_shards
from secondlook.training.optimization import Batches

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 3
BATCH, SHARD_BYTES, BLOCK = 64, 2**25, 2**23
# Side in pixels, images, how many are read, and the window.
LARGE, SMALL = (224, 20_000, 100 * BATCH, None), (32, 1_000_000, 2000 * BATCH, 64_000)


def measure(folder: Path) -> list[Measurement]:
    """Write both kinds of images, and read them in turn."""
    return [
        line
        for side, count, read, window in (LARGE, SMALL)
        for line in _measure_size(folder / str(side), side, count, read, window)
    ]


def _measure_size(
    folder: Path, side: int, count: int, read: int, window: int | None
) -> list[Measurement]:
    folder.mkdir()
    _write_shards(folder, side, count)
    ways: dict[str, Callable[[], float]] = {
        "the disk alone": partial(_read_through, folder, side),
        "cold": partial(_read_batches, folder, count, read, None),
        "in memory": partial(_read_batches, folder, count, read, None, warm=True),
    }
    if window:
        ways[f"cold, windows of {window:,}"] = partial(_read_batches, folder, count, read, window)
    found = dict(zip(ways, measure_in_turn(TIMES, *ways.values()), strict=True))
    best = list(ways)[-1] if window else "cold"
    name = f"{side} x {side} x 3"
    return [
        *(
            Measurement(f"{name}, {way}", values, "images/s", digits=0)
            for way, values in found.items()
        ),
        compute_ratio(
            f"{name}, {best} against the disk", found[best], found["the disk alone"], at_least=0.8
        ),
    ]


def _write_shards(folder: Path, side: int, count: int) -> None:
    random, each = np.random.default_rng(side), SHARD_BYTES // (side * side * 3)
    for number, start in enumerate(range(0, count, each)):
        size = min(each, count - start)
        pixels = random.integers(0, 256, (size, side, side, 3), np.uint8)
        np.save(folder / f"train-{number:05}.npy", pixels)


def _drop(folder: Path) -> None:
    """Let the kernel forget the files, which are on the disk already."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_through(folder: Path, side: int) -> float:
    _drop(folder)
    paths = sorted(folder.iterdir())

    def read() -> None:
        for path in paths:
            with path.open("rb", buffering=0) as file:
                while file.read(BLOCK):
                    pass

    whole = sum(path.stat().st_size for path in paths)
    return whole / (side * side * 3) / time_action(read)


def _read_batches(
    folder: Path, count: int, read: int, window: int | None, *, warm: bool = False
) -> float:
    images: ImageShards = load_shards(folder, "train")
    labels, weights = np.zeros(count, np.int64), np.ones(1, np.float32)
    batches = Batches(images, labels, weights, BATCH, seed=1)
    batches.window = window
    chosen = islice(batches.read_epoch(1), read // BATCH)
    if warm:
        for _ in islice(batches.read_epoch(1), read // BATCH):
            pass
    else:
        _drop(folder)
    return read / time_action(lambda: sum(len(part) for part, *_ in chosen))
