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

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn, time_action
from benchmarks.photographs import PHOTOGRAPHS_FOLDER, SIDE, build_photograph_project, enter_quietly
from secondlook.config.params import load_params
from stages import preprocess

TIMES = 7
COUNTS = {"train": 1400, "validation": 178, "test": 178}


def measure(folder: Path) -> list[Measurement]:
    """Take turns over the same files."""
    project = build_photograph_project(folder / "project", COUNTS)
    paths = sorted((project / PHOTOGRAPHS_FOLDER).rglob("*.jpg"))
    with enter_quietly(project):
        ours, plain = measure_in_turn(
            TIMES,
            lambda: len(paths) / time_action(lambda: preprocess.run(load_params())),
            lambda: len(paths) / time_action(lambda: run_plain_loop(paths)),
        )
    return [
        Measurement("preprocess, the whole stage", ours, "images/s", digits=0),
        Measurement("plain Pillow loop", plain, "images/s", digits=0),
        compute_ratio("ours : plain", ours, plain, at_least=1.2),
    ]


def run_plain_loop(paths: list[Path]) -> None:
    """Decode and resize every picture; nothing is kept."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(read_pixels, paths):
            pass


def read_pixels(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return a picture as most scripts read it: uint8 (120, 120, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
