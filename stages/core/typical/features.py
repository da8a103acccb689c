"""What a picture is like, in a dozen numbers that people have words for.

They are taken of the picture as the network sees it, in grey, so that whatever is told of it is
what the network is given; its size alone is that of the file.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
Column = NDArray[np.float64]
Grey = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
CELLS = 16  # of a coarse picture, along each side at most
SUBJECT = 0.25  # of the picture's range of levels: pixels so far from its border are the subject
GREY = 0.25  # of that range: so far from both its ends a pixel is grey
DECIMALS = 4  # so that equal pictures are equal, however many are measured at once
FLAT = 0.5  # levels: a range or deviation below it is none


class Features(NamedTuple):
    """Numbers of n pictures, each (n,), float64."""

    border: Column  # median level of the outermost pixels, 0..255
    brightness: Column  # mean level, 0..255
    contrast: Column  # standard deviation of levels, 0..127.5
    darkest: Column  # level, 0..255
    brightest: Column  # level, 0..255
    grey: Column  # share of pixels in the middle of the picture's range of levels, 0..1
    sharpness: Column  # variance of the Laplacian, as a multiple of that of the levels, 0 or more
    cover: Column  # share of pixels that are unlike the border, 0..1
    box: Column  # longer side of the box around them, as a share of the picture's side, 0..1
    off_centre: Column  # from their centre to the picture's, as a share of half its side, 0..1.4
    likeness: Column  # correlation with the mean training picture, both coarse, -1..1
    aspect: Column  # log2 of width / height, as given
    size: Column  # log2 of the shorter side, as given, over the network's

    def table(self) -> Column:
        """Return a row for each picture, (n, features)."""
        return np.stack(self, axis=1)


def measured(pictures: Pictures, sizes: NDArray[np.int64], mean: Column) -> Features:
    """Return the features of pictures (n, H, W, C), given as sizes (n, 2) of width and height.

    mean: the coarse mean training picture (cells,). Sharpness after Pech-Pacheco et al. (2000),
    "Diatom autofocusing in brightfield microscopy", by the variance so that contrast is none of it.
    """
    grey = in_grey(pictures)
    flat = grey.reshape(len(grey), -1)
    darkest, brightest, deviation = flat.min(axis=1), flat.max(axis=1), flat.std(axis=1)
    border, spread = np.median(ring(grey), axis=1), brightest - darkest
    middle = np.abs(flat - ((darkest + brightest) / 2)[:, None])
    edge = np.maximum(SUBJECT * spread, FLAT)[:, None, None]
    subject = np.abs(grey - border[:, None, None]) > edge
    columns = (
        *(border, flat.mean(axis=1), deviation, darkest, brightest),
        (middle < (0.5 - GREY) * np.maximum(spread, FLAT)[:, None]).mean(axis=1),
        laplacian(grey).var(axis=(1, 2)) / np.maximum(deviation, FLAT) ** 2,
        *placed(subject),
        correlation(coarse(grey), mean),
        *shaped(sizes, pictures.shape[1:3]),
    )
    return Features(*(np.asarray(column, np.float64).round(DECIMALS) for column in columns))


def in_grey(pictures: Pictures) -> Grey:
    """Return the brightness (n, H, W), 0..255, of pictures (n, H, W, C)."""
    channels = pictures.shape[3]
    if channels == 1:
        return pictures[..., 0].astype(np.float32)
    grey: Grey = pictures.astype(np.float32) @ LUMA
    return grey


def ring(grey: Grey) -> Grey:
    """Return the outermost pixels (n, pixels) of pictures (n, H, W)."""
    sides = (grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def laplacian(grey: Grey) -> Grey:
    """Return the second differences (n, H - 2, W - 2), or zeros of pictures smaller than 3 x 3."""
    count, height, width = grey.shape
    if min(height, width) < 3:
        return np.zeros((count, 1, 1), np.float32)
    # Row after row in one line: neighbours are a pixel or a row away. Then the ends of rows go.
    flat, inside = grey.reshape(count, -1), (height - 2) * width
    found = np.float32(-4) * flat[:, width : width + inside]
    for start in (0, width - 1, width + 1, 2 * width):
        found += flat[:, start : start + inside]
    return found.reshape(count, height - 2, width)[:, :, 1:-1]


def placed(subject: NDArray[np.bool_]) -> tuple[Column, Column, Column]:
    """Return cover, box and off_centre of the pixels (n, H, W) that are the subject; 0 of none."""
    ones = subject.astype(np.float32)
    columns = (np.ones((1, ones.shape[1]), np.float32) @ ones)[:, 0]
    (width, x), (height, y) = placed_along(columns), placed_along(ones.sum(axis=2))
    cover = columns.sum(axis=1, dtype=np.float64) / subject[0].size
    return cover, np.maximum(width, height), np.hypot(x, y)


def placed_along(counts: Grey) -> tuple[Column, Column]:
    """Return extent and distance from the middle, of counts (n, side), as shares of (half) side."""
    side, there = counts.shape[1], counts > 0
    extent = there.any(axis=1) * (side - there.argmax(axis=1) - there[:, ::-1].argmax(axis=1))
    middles = (np.arange(side) + 0.5) * 2 / side - 1
    total = counts.sum(axis=1)
    return extent / side, counts @ middles / np.maximum(total, 1)


def coarse(grey: Grey) -> Grey:
    """Return pictures (n, H, W) as rows of means over CELLS x CELLS cells, or as many as fit."""
    rows, columns = (averages(side) for side in grey.shape[1:])
    means: Grey = np.asarray(rows @ grey @ columns.T, np.float32)
    return means.reshape(len(grey), -1)


@lru_cache(maxsize=4)
def averages(side: int) -> Grey:
    """Return what takes the means over the cells along a side (cells, side)."""
    cells = min(side, CELLS)
    number = np.arange(side) * cells // side
    inside = number == np.arange(cells)[:, None]
    weights: Grey = (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


def correlation(rows: Grey, mean: Column) -> Column:
    """Return the correlation (n,) of rows (n, cells) with the mean, -1..1; 0 where one is flat."""
    apart = rows - rows.mean(axis=1, keepdims=True)
    centred = mean - mean.mean()
    lengths = np.linalg.norm(apart, axis=1) * np.linalg.norm(centred)
    least = FLAT * np.sqrt(len(mean))
    close: Column = apart @ centred / np.maximum(lengths, least**2)
    return close


def shaped(sizes: NDArray[np.int64], network: tuple[int, ...]) -> tuple[Column, Column]:
    """Return aspect and size of pictures given as sizes (n, 2), for a network of (H, W)."""
    width, height = sizes.T
    shorter = np.minimum(width / network[1], height / network[0])
    return np.log2(width / height), np.log2(shorter)
