"""The perceptual hash of images, and which of many hashes are close to each other.

The hash is after Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions,
2010): of the 64 lowest frequencies of the cosine transform, the mean left out, which are above
their median. It hardly changes when an image is encoded again, resized or brightened.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from stages.core.data.likeness import Pictures, Places

Waves = NDArray[np.float32]
Hashes = NDArray[np.uint64]

WAVES, BYTES, NEAR = 64, 8, 10
SIDE = 9
# The lowest frequencies of SIDE x SIDE, by the sum of both; the very first is the mean.
LOWEST = sorted(((i, j) for i in range(SIDE) for j in range(SIDE)), key=lambda at: (sum(at), at))
ROWS, COLUMNS = np.array(LOWEST[1 : WAVES + 1]).T
COMPARED = 2**18  # pairs of hashes at a time


def sketch(block: Pictures) -> Waves:
    """Return the lowest frequencies (n, WAVES) of the images (n, H, W, C) in grey.

    They are shares of the image's length, the image being what is left of all its channels when
    their mean is taken away; one of a single level has only zeros. The transform is a mere turn,
    so two images are at least as far apart as their waves (Faloutsos, Ranganathan and
    Manolopoulos, Fast Subsequence Matching in Time-Series Databases, 1994).
    """
    count, height, width, channels = block.shape
    rows = block.reshape(count, -1).astype(np.float32)
    # The mean of whole numbers is exact for an image of a single level, of which nothing is left.
    rows -= (block.reshape(count, -1).sum(axis=1, dtype=np.int64) / rows.shape[1])[:, None]
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    # Channels side by side under the same wave are added up: that is the grey image.
    across: Waves = cosines(width).repeat(channels, axis=1) / np.float32(np.sqrt(channels))
    waves = cosines(height) @ rows.reshape(count, height, -1) @ across.T
    shares = waves[:, ROWS, COLUMNS] / np.where(lengths == 0, np.inf, lengths)[:, None]
    lowest: Waves = shares.astype(np.float32)
    return lowest


def cosines(size: int) -> Waves:
    """Return the lowest waves (SIDE, size) of the orthonormal cosine transform, DCT-II.

    Ahmed, Natarajan and Rao, Discrete Cosine Transform (1974). A side of fewer pixels than SIDE
    has only as many waves, and the others are 0.
    """
    number, pixel = np.arange(SIDE)[:, None], np.arange(size) + 0.5
    basis = np.cos(np.pi * number * pixel / size) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    basis[size:] = 0
    waves: Waves = basis.astype(np.float32)
    return waves


def hashes(waves: Waves) -> Hashes:
    """Return the hash (N,) of each row of waves (N, WAVES), a bit a wave."""
    bits = waves > np.median(waves, axis=1, keepdims=True)
    packed: Hashes = np.frombuffer(np.packbits(bits, axis=1).tobytes(), np.uint64)
    return packed


def candidates(codes: Hashes) -> Iterator[tuple[Places, Places]]:
    """Yield the places, (n,) and (n,), of hashes (N,) that are close, each pair once.

    Close is: they differ in at most NEAR bits and share one of their BYTES. A pair that differs in
    fewer bits than there are bytes always does, one that differs in NEAR nearly always. The first
    place of a pair is smaller than the second.
    """
    parts = codes.view(np.uint8).reshape(-1, BYTES)
    for byte in range(BYTES):
        for bucket in _buckets(parts[:, byte]):
            for first, second in _close(codes, bucket):
                # Those that share an earlier byte have been seen with it.
                new = (parts[first, :byte] != parts[second, :byte]).all(axis=1)
                yield first[new], second[new]


def _buckets(values: NDArray[np.uint8]) -> Iterable[Places]:
    """Return the places (n,) of equal values, ascending."""
    order = np.argsort(values, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(values[order])) + 1)


def _close(codes: Hashes, places: Places) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs of places whose hashes differ in at most NEAR bits."""
    step = max(1, COMPARED // max(1, len(places)))
    for start in range(0, len(places), step):
        rows, columns = places[start : start + step], places[start:]
        differing = np.bitwise_count(codes[rows, None] ^ codes[columns])
        first, second = np.nonzero(np.triu(differing <= NEAR, 1))
        yield rows[first], columns[second]
