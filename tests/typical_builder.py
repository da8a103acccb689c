"""Pictures like those of training, and what is known of them."""

import numpy as np
from numpy.typing import NDArray

from stages.core.data.images import Seen
from stages.core.typical.distance import Distance
from stages.core.typical.survey import Split, survey
from stages.core.typical.typical import Typical

SIDE = 24
Pixels = NDArray[np.uint8]


def strokes(seed: int, count: int) -> Pixels:
    """Return pictures (count, SIDE, SIDE, 1) of a light stroke about the middle of a dark ground.

    Its edges are a little grey, and its place, length and lightness vary.
    """
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 12, (count, SIDE, SIDE, 1)).astype(np.uint8)
    for picture in pictures:
        left, top = random.integers(9, 12), random.integers(3, 6)
        light, length = random.integers(200, 256), random.integers(14, 17)
        picture[top : top + length, left - 1 : left + 5] = light // 2
        picture[top : top + length, left : left + 4] = light
    return pictures


def embedded(pictures: Pixels) -> NDArray[np.float32]:
    """Return embeddings (n, 3) that a network might have: a few means of each picture."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    return np.stack(
        [flat.mean(axis=1), flat[:, ::2].std(axis=1), flat[:, ::7].mean(axis=1)], axis=1
    )


def typical() -> Typical:
    """Return what is typical of strokes, given as large as the network's pictures."""
    training, validation = strokes(0, 800), strokes(1, 400)
    splits = [Split(one, np.full((len(one), 2), SIDE)) for one in (training, validation)]
    labels = np.arange(len(training)) % 2
    counts = {"train": 800, "validation": 400, "test": 0}
    distance = Distance.fit(embedded(training), labels, embedded(validation))
    return Typical(survey(*splits), counts, distance)


def seen(pixels: Pixels, width: int = SIDE, height: int = SIDE) -> Seen:
    """Return one picture (SIDE, SIDE, 1) as it would be seen of a file of another size."""
    return Seen(pixels, width, height)
