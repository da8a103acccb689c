"""What an image is like, in a dozen numbers that people have words for.

They are taken of the image as the network sees it, in grey, so that whatever is told of it is
what the network is given; its size alone is that of the file.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import FloatArray

_ImageArray = NDArray[np.uint8]
GreyImages = NDArray[np.float32]
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
CELLS_PER_SIDE = 16  # of a coarse picture, along each side at most
SUBJECT_CONTRAST = (
    0.25  # of the picture's range of levels: pixels so far from its border are the subject
)
GREY_MARGIN = 0.25  # of that range: so far from both its ends a pixel is grey
FEATURE_DECIMALS = 4  # so that equal pictures are equal, however many are measured at once
FLAT_RANGE = 0.5  # levels: a range or deviation below it is none


class ImageFeatures(NamedTuple):
    """Numbers of n pictures, each (n,), float64."""

    border: FloatArray  # median level of the outermost pixels, 0..255
    brightness: FloatArray  # mean level, 0..255
    contrast: FloatArray  # standard deviation of levels, 0..127.5
    darkest: FloatArray  # level, 0..255
    brightest: FloatArray  # level, 0..255
    grey: FloatArray  # share of pixels in the middle of the picture's range of levels, 0..1
    sharpness: (
        FloatArray  # variance of the Laplacian, as a multiple of that of the levels, 0 or more
    )
    cover: FloatArray  # share of pixels that are unlike the border, 0..1
    box: FloatArray  # longer side of the box around them, as a share of the picture's side, 0..1
    off_centre: (
        FloatArray  # from their centre to the picture's, as a share of half its side, 0..1.4
    )
    likeness: FloatArray  # correlation with the mean training picture, both coarse, -1..1
    aspect: FloatArray  # log2 of width / height, as given
    size: FloatArray  # log2 of the shorter side, as given, over the network's

    def to_table(self) -> FloatArray:
        """Return a row for each picture, (n, features)."""
        return np.stack(self, axis=1)


def measure_features(
    pictures: _ImageArray, sizes: NDArray[np.int64], mean: FloatArray
) -> ImageFeatures:
    """Return the features of pictures (n, H, W, C), given as sizes (n, 2) of width and height.

    mean: the coarse mean training picture (cells,). Sharpness after Pech-Pacheco et al. (2000),
    "Diatom autofocusing in brightfield microscopy", by the variance so that contrast is none of it.
    """
    grey = convert_to_grey(pictures)
    flat = grey.reshape(len(grey), -1)
    darkest, brightest, deviation = flat.min(axis=1), flat.max(axis=1), flat.std(axis=1)
    border, spread = np.median(_select_border(grey), axis=1), brightest - darkest
    middle = np.abs(flat - ((darkest + brightest) / 2)[:, None])
    edge = np.maximum(SUBJECT_CONTRAST * spread, FLAT_RANGE)[:, None, None]
    subject = np.abs(grey - border[:, None, None]) > edge
    columns = (
        *(border, flat.mean(axis=1), deviation, darkest, brightest),
        (middle < (0.5 - GREY_MARGIN) * np.maximum(spread, FLAT_RANGE)[:, None]).mean(axis=1),
        _compute_laplacian(grey).var(axis=(1, 2)) / np.maximum(deviation, FLAT_RANGE) ** 2,
        *_locate_subject(subject),
        _compute_correlation(compute_cell_means(grey), mean),
        *_compute_aspect_and_size(sizes, pictures.shape[1:3]),
    )
    return ImageFeatures(
        *(np.asarray(column, np.float64).round(FEATURE_DECIMALS) for column in columns)
    )


def convert_to_grey(pictures: _ImageArray) -> GreyImages:
    """Return the brightness (n, H, W), 0..255, of pictures (n, H, W, C)."""
    channels = pictures.shape[3]
    if channels == 1:
        return pictures[..., 0].astype(np.float32)
    grey: GreyImages = pictures.astype(np.float32) @ LUMA_WEIGHTS
    return grey


def _select_border(grey: GreyImages) -> GreyImages:
    """Return the outermost pixels (n, pixels) of pictures (n, H, W)."""
    sides = (grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def _compute_laplacian(grey: GreyImages) -> GreyImages:
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


def _locate_subject(subject: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return cover, box and off_centre of the pixels (n, H, W) that are the subject; 0 of none."""
    ones = subject.astype(np.float32)
    columns = (np.ones((1, ones.shape[1]), np.float32) @ ones)[:, 0]
    (width, x), (height, y) = _locate_along_axis(columns), _locate_along_axis(ones.sum(axis=2))
    cover = columns.sum(axis=1, dtype=np.float64) / subject[0].size
    return cover, np.maximum(width, height), np.hypot(x, y)


def _locate_along_axis(counts: GreyImages) -> tuple[FloatArray, FloatArray]:
    """Return extent and distance from the middle, of counts (n, side), as shares of (half) side."""
    side, there = counts.shape[1], counts > 0
    extent = there.any(axis=1) * (side - there.argmax(axis=1) - there[:, ::-1].argmax(axis=1))
    middles = (np.arange(side) + 0.5) * 2 / side - 1
    total = counts.sum(axis=1)
    return extent / side, counts @ middles / np.maximum(total, 1)


def compute_cell_means(grey: GreyImages) -> GreyImages:
    """Return pictures (n, H, W) as rows of means over CELLS x CELLS cells, or as many as fit."""
    rows, columns = (_build_averaging_matrix(side) for side in grey.shape[1:])
    means: GreyImages = np.asarray(rows @ grey @ columns.T, np.float32)
    return means.reshape(len(grey), -1)


@lru_cache(maxsize=4)
def _build_averaging_matrix(side: int) -> GreyImages:
    """Return what takes the means over the cells along a side (cells, side)."""
    cells = min(side, CELLS_PER_SIDE)
    number = np.arange(side) * cells // side
    inside = number == np.arange(cells)[:, None]
    weights: GreyImages = (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


def _compute_correlation(rows: GreyImages, mean: FloatArray) -> FloatArray:
    """Return the correlation (n,) of rows (n, cells) with the mean, -1..1; 0 where one is flat."""
    apart = rows - rows.mean(axis=1, keepdims=True)
    centred = mean - mean.mean()
    lengths = np.linalg.norm(apart, axis=1) * np.linalg.norm(centred)
    least = FLAT_RANGE * np.sqrt(len(mean))
    close: FloatArray = apart @ centred / np.maximum(lengths, least**2)
    return close


def _compute_aspect_and_size(
    sizes: NDArray[np.int64], network: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return aspect and size of pictures given as sizes (n, 2), for a network of (H, W)."""
    width, height = sizes.T
    shorter = np.minimum(width / network[1], height / network[0])
    return np.log2(width / height), np.log2(shorter)
