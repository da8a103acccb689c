"""Many small pictures in class folders and in a list, each unlike any other."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = tuple("abcdefghij")
BLOCK = 1000  # pictures drawn at a time


def write_pictures(root: Path, first: int, count: int, side: int) -> None:
    """Add PNG files of side x side pixels in colour, numbered from `first` on, to ten folders.

    Each class has its own hue, and each picture 8 x 8 colours of its own, smoothly. labels.csv
    lists them in the order in which they came.
    """
    for name in CLASSES:
        (root / name).mkdir(parents=True, exist_ok=True)
    with (root / "labels.csv").open("a", encoding="utf-8") as rows, ThreadPoolExecutor() as pool:
        if not rows.tell():
            rows.write("path,label\n")
        for start in range(first, first + count, BLOCK):
            size = min(BLOCK, first + count - start)
            for path, content in pool.map(_encode, _draw(start, size, side)):
                (root / path).write_bytes(content)
                rows.write(f"{path},{path[0]}\n")


def _draw(start: int, count: int, side: int) -> Iterator[tuple[str, Image.Image, int]]:
    coarse = np.random.default_rng(start).integers(0, 200, (count, 8, 8, 3), np.uint8)
    for index, colours in enumerate(coarse):
        number = start + index
        colours[..., number % 3] += np.uint8(5 * (number % len(CLASSES)))
        path = f"{CLASSES[number % len(CLASSES)]}/{number:08}.png"
        yield path, Image.fromarray(colours), side


def _encode(drawn: tuple[str, Image.Image, int]) -> tuple[str, bytes]:
    path, image, side = drawn
    file = io.BytesIO()
    image.resize((side, side), Image.Resampling.BILINEAR).save(file, "PNG", compress_level=1)
    return path, file.getvalue()
