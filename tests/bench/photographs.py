"""Photographs to load: real ones where the shared data sets are, else pictures much like them."""

import os
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import SHARED

REAL = SHARED / "clothing_small_5.tar"  # 1,756 JPEG files of about 400 x 533 pixels, 28 kB each
GENERATED, WIDTH, HEIGHT = 300, 500, 375
CLASSES = ("even", "odd")


def originals(folder: Path) -> list[Path]:
    """Write different JPEG photographs into `folder` and return their paths."""
    folder.mkdir()
    if REAL.exists():
        with tarfile.open(REAL) as tar:
            tar.extractall(folder, filter="data")
    else:
        for number in range(GENERATED):
            _generated(number).save(folder / f"{number}.jpg", quality=85)
    return sorted(folder.rglob("*.jpg"))


def _generated(number: int) -> Image.Image:
    """Return smooth colours with some grain, which JPEG packs about as well as a photograph."""
    chance = np.random.default_rng(number)
    smooth = Image.fromarray(chance.integers(0, 256, (12, 16, 3), np.uint8))
    pixels = np.asarray(smooth.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    grain = chance.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def linked(photographs: list[Path], folder: Path, count: int) -> None:
    """Fill two class folders with so many of them; they come again where there are too few.

    Links, so that 20,000 of them take no room.
    """
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for number in range(count):
        which = number % len(photographs)
        # A photograph that comes again keeps its class.
        os.link(photographs[which], folder / CLASSES[which % 2] / f"{number}.jpg")
