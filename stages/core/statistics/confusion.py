"""Confusion matrices of many classes, cut down to what is confused most."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
OTHERS = "others"


def most_confused(matrices: Sequence[Counts], limit: int) -> list[int]:
    """Return the classes, in their order, that take part in most mistakes of all runs.

    Matrices are (K, K); at most `limit` classes are returned, all of them where K is no larger.
    """
    total = np.sum(matrices, axis=0)
    mistakes = total.sum(axis=0) + total.sum(axis=1) - 2 * total.diagonal()
    worst = np.argsort(-mistakes, kind="stable")[:limit]
    return sorted(worst.tolist())


def condensed(counts: Counts, kept: Sequence[int]) -> Counts:
    """Return the matrix of the `kept` classes, and one last row and column for all others.

    Nothing is lost: the sum stays. The matrix itself where every class is kept.
    """
    size = len(counts)
    if len(kept) == size:
        return counts
    place = np.full(size, len(kept))
    place[list(kept)] = range(len(kept))
    small = np.zeros((len(kept) + 1, len(kept) + 1), dtype=np.int64)
    np.add.at(small, (place[:, None], place[None, :]), counts)
    return small


def row_shares(counts: Counts) -> NDArray[np.float64]:
    """Return each cell's share of its row, 0..1; 0 in a row without images."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares
