"""How alike images are: by the correlation of their pixels, and by a hash that is quick to compare.

The distance is 1 - Pearson's correlation of the pixels of all channels: 0 for images that differ
in brightness and contrast alone, 1 for those that have nothing to do with each other.

The perceptual hash is after Zauner (Implementation and Benchmarking of Perceptual Image Hash
Functions, 2010): of the 64 lowest frequencies of the cosine transform, the mean left out, which
are above their median. It hardly changes when an image is encoded again, resized or brightened.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.image_shards import Images
from secondlook.artifacts.schema import ImageArray, IndexArray

Distances = NDArray[np.float64]
NEIGHBOUR_SHARE, NEIGHBOUR_RANK = 0.05, 5
NEIGHBOUR_SAMPLE, NEIGHBOUR_POOL = (
    256,
    10_000,
)  # images whose fifth nearest is sought, and among how many
PIXEL_SAMPLE = 4096  # of each of them that are looked at
BLOCK_PIXELS = 2**20  # pixels at a time
DISTANCE_DECIMALS = 6
MIN_LENGTH = 1e-3  # length that is none: the least of whole numbers is 0.7


def compute_distances(first: ImageArray, second: ImageArray) -> Distances:
    """Return the distance (n,) between the images of each pair, (n, H, W, C) and (n, H, W, C).

    0..2, rounded to DISTANCE_DECIMALS; no image may be of a single level.
    """
    pixels = (images.reshape(len(images), -1).astype(np.float64) for images in (first, second))
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in pixels)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    apart: Distances = np.maximum(0, 1 - np.einsum("ij,ij->i", a, b) / lengths)
    return apart.round(DISTANCE_DECIMALS)


def compute_distance_bound(arrays: Sequence[Images], places: IndexArray) -> float:
    """Return up to which distance two images of this data look the same.

    Small drawings lie closer together than photographs do, so it comes from the data: a share of
    the median distance between an image and its fifth nearest. The fifth, so that up to four
    copies of every image do not spoil the measure. It is taken of some of the images at `places`
    (those that are not of a single level), among others of them, both evenly spread, and of
    pixels drawn once for all.
    """
    others = select_evenly(places, NEIGHBOUR_POOL)
    sample = select_evenly(others, NEIGHBOUR_SAMPLE)
    if not len(sample):
        return 0.0
    size = arrays[0][0].size
    pixels = np.sort(np.random.default_rng(0).permutation(size)[:PIXEL_SAMPLE])
    rows = np.vstack([normalize_pixels(block, pixels) for block in iterate_blocks(arrays, sample)])
    near = np.empty((len(rows), 0), np.float32)
    for block in iterate_blocks(arrays, others):
        apart = 1 - rows @ normalize_pixels(block, pixels).T
        # First comes the image itself.
        near = np.sort(np.hstack([near, apart]), axis=1)[:, : NEIGHBOUR_RANK + 1]
    return round(NEIGHBOUR_SHARE * max(0.0, float(np.median(near[:, -1]))), DISTANCE_DECIMALS)


def select_evenly(places: IndexArray, most: int) -> IndexArray:
    """Return at most so many of the places, evenly spread."""
    return places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(np.int64)]


def normalize_pixels(images: ImageArray, pixels: IndexArray) -> NDArray[np.float32]:
    """Return some pixels of the images as rows (n, pixels) of mean 0 and length 1, or of zeros."""
    rows = images.reshape(len(images), -1)[:, pixels].astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), MIN_LENGTH)
    return rows


def iterate_blocks(arrays: Sequence[Images], places: IndexArray) -> Iterator[ImageArray]:
    """Yield the images (n, H, W, C) at the places in order, BLOCK_PIXELS or one image at a time."""
    step = max(1, BLOCK_PIXELS // arrays[0][0].size)
    for start in range(0, len(places), step):
        yield take_images(arrays, places[start : start + step])


def take_images(arrays: Sequence[Images], places: IndexArray) -> ImageArray:
    """Return the images (n, H, W, C) at the places (n,), the arrays counted through."""
    found, start = np.empty((len(places), *arrays[0].shape[1:]), np.uint8), 0
    for array in arrays:
        here = (places >= start) & (places < start + len(array))
        found[here] = array[places[here] - start]
        start += len(array)
    return found


Frequencies = NDArray[np.float32]
Hashes = NDArray[np.uint64]
FREQUENCY_COUNT, HASH_BYTES, MAX_BIT_DIFFERENCE = 64, 8, 10
FREQUENCIES_PER_SIDE = 9
# The lowest of a square of frequencies, by the sum of both; the very first is the mean.
LOWEST_FREQUENCIES = sorted(
    ((i, j) for i in range(FREQUENCIES_PER_SIDE) for j in range(FREQUENCIES_PER_SIDE)),
    key=lambda at: (sum(at), at),
)
FREQUENCY_ROWS, FREQUENCY_COLUMNS = np.array(LOWEST_FREQUENCIES[1 : FREQUENCY_COUNT + 1]).T
HASH_PAIRS_AT_ONCE = 2**18  # pairs of hashes at a time


def compute_frequencies(block: ImageArray) -> Frequencies:
    """Return the lowest frequencies (n, FREQUENCY_COUNT) of the images (n, H, W, C) in grey.

    They are shares of the image's length, the image being what is left of all its channels when
    their mean is taken away; one of a single level has only zeros. The transform is a mere turn,
    so two images are at least as far apart as their waves (Faloutsos, Ranganathan and
    Manolopoulos, Fast Subsequence Matching in Time-Series Databases, 1994).
    """
    count, height, width, channels = block.shape
    flat = block.reshape(count, -1)
    wide = flat.astype(np.float64)  # sums of whole numbers are exact, in any order
    means = wide.sum(axis=1) / wide.shape[1]
    squares = np.einsum("ij,ij->i", wide, wide) - means**2 * wide.shape[1]
    several = flat.min(axis=1) != flat.max(axis=1)
    grey = block[..., 0].astype(np.float32)
    for channel in range(1, channels):
        grey += block[..., channel]
    grey -= (channels * means).astype(np.float32)[:, None, None]
    waves = _compute_cosine_basis(height) @ grey @ _compute_cosine_basis(width).T
    lengths = np.where(several, np.sqrt(channels * np.maximum(squares, 0)), np.inf)
    shares = waves[:, FREQUENCY_ROWS, FREQUENCY_COLUMNS] / lengths[:, None]
    lowest: Frequencies = shares.astype(np.float32)
    return lowest


@cache
def _compute_cosine_basis(size: int) -> Frequencies:
    """Return the lowest waves (FREQUENCIES_PER_SIDE, size) of the orthonormal DCT-II.

    Ahmed, Natarajan and Rao, Discrete Cosine Transform (1974). A side of fewer pixels has
    only as many waves, and the others are 0.
    """
    number, pixel = np.arange(FREQUENCIES_PER_SIDE)[:, None], np.arange(size) + 0.5
    basis = np.cos(np.pi * number * pixel / size) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    basis[size:] = 0
    waves: Frequencies = basis.astype(np.float32)
    return waves


def compute_hashes(waves: Frequencies) -> Hashes:
    """Return the hash (N,) of each row of waves (N, FREQUENCY_COUNT), a bit a wave."""
    bits = waves > np.median(waves, axis=1, keepdims=True)
    packed: Hashes = np.frombuffer(np.packbits(bits, axis=1).tobytes(), np.uint64)
    return packed


def find_candidates(codes: Hashes) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the places, (n,) and (n,), of hashes (N,) that are close, each pair once.

    Close is: they differ in at most MAX_BIT_DIFFERENCE bits and share a byte. A pair that differs
    in fewer bits than there are bytes always does, one that differs in that many nearly always. The
    first place of a pair is smaller than the second.
    """
    parts = codes.view(np.uint8).reshape(-1, HASH_BYTES)
    for byte in range(HASH_BYTES):
        for bucket in _group_equal_values(parts[:, byte]):
            for first, second in _find_close_hashes(codes, bucket):
                # Those that share an earlier byte have been seen with it.
                new = (parts[first, :byte] != parts[second, :byte]).all(axis=1)
                yield first[new], second[new]


def _group_equal_values(values: NDArray[np.uint8]) -> Iterable[IndexArray]:
    """Return the places (n,) of equal values, ascending."""
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order])) + 1)


def _find_close_hashes(
    codes: Hashes, places: IndexArray
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the pairs of places whose hashes differ in at most MAX_BIT_DIFFERENCE bits."""
    step = max(1, HASH_PAIRS_AT_ONCE // max(1, len(places)))
    for start in range(0, len(places), step):
        rows, columns = places[start : start + step], places[start:]
        differing = np.bitwise_count(codes[rows, None] ^ codes[columns])
        first, second = np.nonzero(np.triu(differing <= MAX_BIT_DIFFERENCE, 1))
        yield rows[first], columns[second]
