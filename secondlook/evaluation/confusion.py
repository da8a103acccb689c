"""Confusion matrices of many classes: cut down to what is confused most, and which pairs are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import Record


class ConfusedPair(Record):
    """How many test images of one class are taken for another; share: of all of the first one."""

    true: str
    predicted: str
    count: int
    share: float


Counts = NDArray[np.int64]
OTHER_CLASSES = "others"


def find_most_confused_classes(matrices: Sequence[Counts], limit: int) -> list[int]:
    """Return the classes, in their order, that take part in most mistakes of all runs.

    Matrices are (K, K); at most `limit` classes are returned, all of them where K is no larger.
    """
    total = np.sum(matrices, axis=0)
    mistakes = total.sum(axis=0) + total.sum(axis=1) - 2 * total.diagonal()
    worst = np.argsort(-mistakes, kind="stable")[:limit]
    return sorted(worst.tolist())


def condense_confusion_matrix(counts: Counts, kept: Sequence[int]) -> Counts:
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


def compute_row_shares(counts: Counts) -> NDArray[np.float64]:
    """Return each cell's share of its row, 0..1; 0 in a row without images."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


@dataclass(frozen=True)
class ConfusedPairComputed:
    """Two classes, by their places, and how many images of the first are taken for the second.

    `share` is the part of the first one's images, 0..1.
    """

    true: int
    predicted: int
    count: int
    share: float


def find_confused_pairs(counts: Counts, n: int) -> list[ConfusedPairComputed]:
    """Return at most n pairs of classes, those confused most often first, of equals the rarer.

    counts (K, K): rows true, columns predicted. Pairs that are never confused are left out.
    """
    shares = compute_row_shares(counts)
    pairs = [
        ConfusedPairComputed(
            true, predicted, int(counts[true, predicted]), float(shares[true, predicted])
        )
        for true, predicted in np.argwhere(counts).tolist()
        if true != predicted
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:n]
