"""Images of the data as small pictures for a page: one of them, or a sheet of a class.

Small ones are enlarged by a whole factor without smoothing, so that each pixel is seen as it is;
large ones are reduced with antialiasing (Lanczos). The same images give the same bytes.
"""

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = NDArray[np.uint8]
Places = NDArray[np.int64]

ALONE, TILE = 120, 96  # pixels that the longer side has at most: of one image, of one on a sheet
ENLARGED = 240  # pixels that the longer side has at most of an image to be looked into
GAP, GREY = 2, "#808080"  # pixels between the images of a sheet; seen on a light page and a dark
QUALITY = 80  # of WebP, 0..100: a photograph on a sheet takes some 2 kB, a twelfth of a PNG


@dataclass(frozen=True)
class Picture:
    """A picture file, `kind` png or webp, and its size in pixels."""

    content: bytes
    kind: str
    width: int
    height: int

    @property
    def uri(self) -> str:
        """Return the file as the address of an <img> that needs no network."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.content).decode()}"


def examples(labels: NDArray[np.int64], index: int, n: int, seed: int) -> Places:
    """Return n places, or all, where labels (N,) are `index`: drawn by the seed, ascending."""
    places = np.flatnonzero(labels == index)
    drawn = np.random.default_rng((seed, index)).permutation(len(places))[:n]
    return np.sort(places[drawn])


def picture(image: Pictures, limit: int = ALONE) -> Picture:
    """Return one image (H, W, C) at most `limit` pixels long, C being 1 or 3."""
    return _encoded(_scaled(image, limit), lossless=_factor(image, limit) > 1)


def exact(image: Pictures) -> Picture:
    """Return one image (H, W, C) in its own size, each pixel as it is."""
    return _encoded(_plain(image), lossless=True)


def sheet(images: Pictures, columns: int, limit: int = TILE) -> Picture:
    """Return images (N, H, W, C), N at least 1, row by row, each at most `limit` pixels long."""
    tiles = [_scaled(image, limit) for image in images]
    width, height = tiles[0].width + GAP, tiles[0].height + GAP
    across, down = min(columns, len(tiles)), math.ceil(len(tiles) / columns)
    size = (across * width - GAP, down * height - GAP)
    whole = Image.new(tiles[0].mode, size, GREY)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        whole.paste(tile, (column * width, row * height))
    return _encoded(whole, lossless=_factor(images[0], limit) > 1)


def _factor(image: Pictures, limit: int) -> int:
    """Return how many times an image (H, W, C) can be enlarged within the limit; 0 if not once."""
    longer: int = max(image.shape[:2])
    return limit // longer


def _scaled(image: Pictures, limit: int) -> Image.Image:
    """Return an image as large as fits, by a whole factor, or reduced to the limit."""
    whole = _plain(image)
    if factor := _factor(image, limit):
        return whole.resize((whole.width * factor, whole.height * factor), Image.Resampling.NEAREST)
    share = limit / max(whole.size)
    width, height = (max(1, round(side * share)) for side in whole.size)
    return whole.resize((width, height), Image.Resampling.LANCZOS)


def _plain(image: Pictures) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _encoded(image: Image.Image, *, lossless: bool) -> Picture:
    """Return a file: PNG, or, where the pixels need not be exact, WebP if that is smaller."""
    files = [("png", _saved(image, "PNG", optimize=True))]
    if not lossless:
        files.append(("webp", _saved(image, "WEBP", quality=QUALITY, method=6)))
    kind, content = min(files, key=lambda file: len(file[1]))
    return Picture(content, kind, image.width, image.height)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
