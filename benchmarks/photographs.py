"""Photographs to load, and copies of the project with photographs in them.

Real ones where the shared data sets are, else pictures much like them.
"""

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.project import SHARED_DATA, build_project, run_command, unpack_tar

REAL_PHOTOGRAPHS = (
    SHARED_DATA / "clothing_small_5.tar"
)  # 1,756 JPEG files of about 400 x 533 pixels, 28 kB each
GENERATED_COUNT, WIDTH, HEIGHT = 300, 500, 375
CLASSES = ("even", "odd")


def write_photographs(folder: Path) -> list[Path]:
    """Write different JPEG photographs into `folder` and return their paths."""
    folder.mkdir()
    if REAL_PHOTOGRAPHS.exists():
        unpack_tar(REAL_PHOTOGRAPHS, folder)
    else:
        for number in range(GENERATED_COUNT):
            _generate_photograph(number).save(folder / f"{number}.jpg", quality=85)
    return sorted(folder.rglob("*.jpg"))


def _generate_photograph(number: int) -> Image.Image:
    """Return smooth colours with some grain, which JPEG packs about as well as a photograph."""
    chance = np.random.default_rng(number)
    smooth = Image.fromarray(chance.integers(0, 256, (12, 16, 3), np.uint8))
    pixels = np.asarray(smooth.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    grain = chance.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def link_photographs(photographs: list[Path], folder: Path, count: int) -> None:
    """Fill two class folders with so many of them; they come again where there are too few.

    Links, so that 20,000 of them take no room.
    """
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for number in range(count):
        which = number % len(photographs)
        # A photograph that comes again keeps its class.
        os.link(photographs[which], folder / CLASSES[which % 2] / f"{number}.jpg")


SIDE, CHANNELS = 120, 3
PHOTOGRAPHS_FOLDER = Path("data/photographs")
COLOUR_PARAMS = {
    "data": {"source": "folder", "path": str(PHOTOGRAPHS_FOLDER), "positive": None},
    "preprocess": {"height": SIDE, "width": SIDE, "channels": CHANNELS},
}


def build_photograph_project(
    folder: Path, counts: dict[str, int], changes: dict[str, Any] | None = None
) -> Path:
    """Return a copy of the project whose data are photographs, so many a split.

    The stage `split` has run there; `preprocess` is to make them 120 x 120 x 3.
    """
    build_project(folder, COLOUR_PARAMS | (changes or {}))
    photographs = write_photographs(folder.with_suffix(".originals"))
    for split, count in counts.items():
        link_photographs(photographs, folder / PHOTOGRAPHS_FOLDER / split, count)
    run_command(folder, "python", "-m", "stages", "split")
    return folder


@contextmanager
def enter_quietly(folder: Path) -> Iterator[None]:
    """Make the folder the current one, and let what is printed there go nowhere."""
    with chdir(folder), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield
