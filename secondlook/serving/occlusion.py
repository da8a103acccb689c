"""Which parts of an image an answer rests on: cover one after the other, and ask again.

Occlusion (Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks"): what
lowers the probability of a class when it is covered speaks for it, what raises it, against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import PixelStatistics
from secondlook.evaluation.metrics import Probabilities

if TYPE_CHECKING:
    from secondlook.training.model import ImageSequence

PATCHES_PER_SIDE = 7  # a patch is such a part of each side
MAX_POSITIONS = (
    2 * PATCHES_PER_SIDE - 1
)  # positions along each side at most, half a patch apart: 169 in all
BACKGROUND_SHARE = 0.25  # share of the training pixels: a level so common is the background
PredictFunction = Callable[["ImageSequence"], Probabilities]
Boxes = list[tuple[slice, slice]]


@dataclass(frozen=True)
class Saliency:
    """How much covering each pixel lowers the probability of a class.

    heat: float64 (H, W), -1..1, the mean over the patches that cover a pixel; probability: of the
    class, uncovered; patch: its rows and columns; cover: the level that it is painted in, 0..255.
    """

    heat: NDArray[np.float64]
    probability: float
    patch: tuple[int, int]
    cover: int


class OccludedImages:
    """An image (H, W, C) with one box of it covered, box after box, made as they are asked for."""

    def __init__(self, image: NDArray[np.uint8], boxes: Boxes, level: int) -> None:
        self.image, self.boxes, self.level = image, boxes, level

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: slice, /) -> NDArray[np.uint8]:
        boxes = self.boxes[index]
        made = np.repeat(self.image[None], len(boxes), axis=0)
        for picture, box in zip(made, boxes, strict=True):
            picture[box] = self.level
        return made


def compute_saliency(
    ask: PredictFunction, image: NDArray[np.uint8], index: int, cover: int
) -> Saliency:
    """Return what the probability of class `index` rests on in an image (H, W, C).

    `ask` gives the class probabilities (N, K) of images; it is asked of some 170 at most. `cover`
    is the level (0..255) that patches are painted in: see `choose_cover_level`.
    """
    height, width = image.shape[:2]
    patch = max(1, round(height / PATCHES_PER_SIDE)), max(1, round(width / PATCHES_PER_SIDE))
    boxes = list(product(place_patches(height, patch[0]), place_patches(width, patch[1])))
    whole = float(ask(image[None])[0, index])
    falls = whole - ask(OccludedImages(image, boxes, cover))[:, index].astype(np.float64)
    heat, covered = np.zeros((height, width)), np.zeros((height, width))
    for box, fall in zip(boxes, falls, strict=True):
        heat[box] += fall
        covered[box] += 1
    return Saliency(heat / covered, whole, patch, cover)


def place_patches(side: int, length: int) -> list[slice]:
    """Return where patches of a length lie along a side: from end to end, half of it apart."""
    count = min(MAX_POSITIONS, side - length + 1)
    return [
        slice(start, start + length) for start in np.linspace(0, side - length, count, dtype=int)
    ]


def choose_cover_level(pixels: PixelStatistics) -> int:
    """Return the level to cover with: that of the background where there is one, else the mean."""
    counts = np.array(pixels.histogram)
    commonest = int(counts.argmax())
    return commonest if counts[commonest] > BACKGROUND_SHARE * counts.sum() else round(pixels.mean)
