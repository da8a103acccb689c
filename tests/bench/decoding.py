"""Photographs/s of the stage `preprocess`, against a plain Pillow loop over the cores.

Ours is the whole stage: it reads, decodes, resizes, counts pixel levels, writes and hashes the
arrays. The plain loop opens, resizes and forgets, with one thread per core. The pictures are JPEG
photographs (about 500 x 375 pixels, to 120 x 120 x 3). Target: at least 1.2 times as many.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from stages import preprocess
from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.projects import PHOTOGRAPHS, SIDE, inside, with_photographs
from tests.bench.turns import in_turn, seconds

TIMES = 7
COUNTS = {"train": 1400, "validation": 178, "test": 178}


def measure(folder: Path) -> list[Line]:
    """Take turns over the same files."""
    project = with_photographs(folder / "project", COUNTS)
    paths = sorted((project / PHOTOGRAPHS).rglob("*.jpg"))
    with inside(project):
        ours, plain = in_turn(
            TIMES,
            lambda: len(paths) / seconds(lambda: preprocess.run(load())),
            lambda: len(paths) / seconds(lambda: plain_loop(paths)),
        )
    return [
        Line("preprocess, the whole stage", ours, "images/s", digits=0),
        Line("plain Pillow loop", plain, "images/s", digits=0),
        ratio("ours : plain", ours, plain, at_least=1.2),
    ]


def plain_loop(paths: list[Path]) -> None:
    """Decode and resize every picture; nothing is kept."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(pixels, paths):
            pass


def pixels(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return a picture as most scripts read it: uint8 (120, 120, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
