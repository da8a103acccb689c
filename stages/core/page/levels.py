"""How bright the pixels of one picture are, beside those of the training images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BINS = 32  # of eight levels each
Shares = NDArray[np.float64]


def shares(histogram: Sequence[int] | NDArray[np.int64]) -> Shares:
    """Return the share of pixels, 0..1, in each of 32 bins of a histogram of 256 levels."""
    counts = np.asarray(histogram, np.float64).reshape(BINS, -1).sum(axis=1)
    found: Shares = counts / counts.sum()
    return found


def of_picture(pixels: NDArray[np.uint8]) -> Shares:
    """Return the shares of one picture (H, W, C)."""
    return shares(np.bincount(pixels.ravel(), minlength=256))


def outline(values: Shares, width: float, height: float) -> str:
    """Return the steps of a histogram as a path of SVG, closed along the bottom.

    Heights are square roots: most pixels of a drawing are of one level, and the others count too.
    """
    edges, tops = np.linspace(0, width, BINS + 1), height * (1 - np.sqrt(values))
    steps = "".join(f"V{top:.1f}H{right:.1f}" for top, right in zip(tops, edges[1:], strict=True))
    return f"M0 {height:g}{steps}V{height:g}Z"
