"""Pictures in every format and mode that can be read, in folders of two classes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from tests.data_builder import saved

SIDE = (30, 20)  # pixels: width, height
Make = Callable[[Image.Image], bytes]


def _turned(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return saved(image, "JPEG", exif=exif)


def _sixteen(image: Image.Image) -> bytes:
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return saved(Image.fromarray(grey))


def _as(kind: str, mode: str = "RGB", **options: Any) -> Make:  # noqa: ANN401 - Pillow's
    return lambda image: saved(image.convert(mode), kind, **options)


FORMATS: dict[str, Make] = {
    "plain.png": _as("PNG"),
    "grey.png": _as("PNG", "L"),
    "bilevel.png": _as("PNG", "1"),
    "palette.png": _as("PNG", "P"),
    "transparent.png": _as("PNG", "RGBA"),
    "sixteen.png": _sixteen,
    "plain.jpg": _as("JPEG"),
    "turned.jpg": _turned,
    "cmyk.jpg": _as("JPEG", "CMYK"),
    "plain.webp": _as("WEBP", lossless=True),
    "plain.bmp": _as("BMP"),
    "plain.tif": _as("TIFF"),
    "plain.avif": _as("AVIF"),
    "plain.gif": _as("GIF", "P"),
}


def photograph(chance: np.random.Generator, *, bright: bool) -> Image.Image:
    """Return noise in colour, its middle brighter or darker than the rest."""
    pixels = chance.integers(60, 190, (SIDE[1], SIDE[0], 3), np.uint8)
    pixels[5:15, 8:22] += np.uint8(60 if bright else 0)
    pixels[5:15, 8:22] -= np.uint8(0 if bright else 60)
    return Image.fromarray(pixels)


def files(seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield class, name and bytes of one picture of each class in each format."""
    chance = np.random.default_rng(seed)
    for name, make in FORMATS.items():
        for label in ("bright", "dark"):
            yield label, name, make(photograph(chance, bright=label == "bright"))


def folders(root: Path) -> Path:
    """Write train, validation and test, each with every format in both classes."""
    for seed, split in enumerate(("train", "validation", "test")):
        for label, name, content in files(seed):
            path = root / split / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root
