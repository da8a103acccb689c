"""How far apart two images are, and how far apart the images of a data set usually are.

The distance is 1 - Pearson's correlation of the pixels of all channels: 0 for images that differ
in brightness and contrast alone, 1 for those that have nothing to do with each other.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
Places = NDArray[np.int64]
Distances = NDArray[np.float64]

SHARE, NEIGHBOUR = 0.05, 5
SAMPLE, OTHERS = 256, 10_000  # images whose fifth nearest is sought, and among how many
PIXELS = 4096  # of each of them that are looked at
BLOCK = 2**20  # pixels at a time
DECIMALS = 6
SMALLEST = 1e-3  # length that is none: the least of whole numbers is 0.7


def distances(first: Pictures, second: Pictures) -> Distances:
    """Return the distance (n,) between the images of each pair, (n, H, W, C) and (n, H, W, C).

    0..2, rounded to DECIMALS; no image may be of a single level.
    """
    pixels = (images.reshape(len(images), -1).astype(np.float64) for images in (first, second))
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in pixels)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    apart: Distances = np.maximum(0, 1 - np.einsum("ij,ij->i", a, b) / lengths)
    return apart.round(DECIMALS)


def bound(arrays: Sequence[Pictures], places: Places) -> float:
    """Return up to which distance two images of this data look the same.

    Small drawings lie closer together than photographs do, so it comes from the data: a SHARE of
    the median distance between an image and its fifth nearest. The fifth, so that up to four
    copies of every image do not spoil the measure. It is taken of some of the images at `places`
    (those that are not of a single level), among others of them, both evenly spread, and of
    pixels drawn once for all.
    """
    others = spread(places, OTHERS)
    sample = spread(others, SAMPLE)
    if not len(sample):
        return 0.0
    size = arrays[0][0].size
    pixels = np.sort(np.random.default_rng(0).permutation(size)[:PIXELS])
    rows = np.vstack([unit(block, pixels) for block in blocks(arrays, sample)])
    near = np.empty((len(rows), 0), np.float32)
    for block in blocks(arrays, others):
        apart = 1 - rows @ unit(block, pixels).T
        # First comes the image itself.
        near = np.sort(np.hstack([near, apart]), axis=1)[:, : NEIGHBOUR + 1]
    return round(SHARE * max(0.0, float(np.median(near[:, -1]))), DECIMALS)


def spread(places: Places, most: int) -> Places:
    """Return at most so many of the places, evenly spread."""
    return places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(np.int64)]


def unit(images: Pictures, pixels: Places) -> NDArray[np.float32]:
    """Return some pixels of the images as rows (n, pixels) of mean 0 and length 1, or of zeros."""
    rows = images.reshape(len(images), -1)[:, pixels].astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SMALLEST)
    return rows


def blocks(arrays: Sequence[Pictures], places: Places) -> Iterator[Pictures]:
    """Yield the images (n, H, W, C) at the places in order, BLOCK pixels or one image at a time."""
    step = max(1, BLOCK // arrays[0][0].size)
    for start in range(0, len(places), step):
        yield taken(arrays, places[start : start + step])


def taken(arrays: Sequence[Pictures], places: Places) -> Pictures:
    """Return the images (n, H, W, C) at the places (n,), the arrays counted through."""
    found, start = np.empty((len(places), *arrays[0].shape[1:]), np.uint8), 0
    for array in arrays:
        here = (places >= start) & (places < start + len(array))
        found[here] = array[places[here] - start]
        start += len(array)
    return found
