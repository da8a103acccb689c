"""Confusion matrices of many classes: cut down to what is confused most, and which pairs are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import Record
from secondlook.evaluation.metrics import Counts


class ConfusedPair(Record):
    """How many test images of one class are taken for another; share: of all of the first one."""

    true: str
    predicted: str
    count: int
    share: float


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


NEARLY_ALL = 0.95  # of the answers: who gives one so often is asked whether the rest means anything
CERTAIN = 0.05  # who guesses at random passes so often


def find_constant_answer(counts: Counts) -> int | None:
    """Return the class that is answered whatever is shown; None where answers tell classes apart.

    counts (K, K): rows true, columns predicted. Answers are constant where all are the same; or
    nearly all, and the others avoid that class no more often than by chance (one-sided exact test,
    Fisher 1935, "The Design of Experiments"). With images of one class there is nothing to tell.
    """
    answered, true = counts.sum(axis=0), counts.sum(axis=1)
    images, k = int(answered.sum()), int(answered.argmax())
    others = images - int(answered[k])
    if true.max() == images or others > (1 - NEARLY_ALL) * images:
        return None
    if others:
        from scipy.stats import hypergeom

        right = others - int(true[k] - counts[k, k])
        by_chance = hypergeom.sf(right - 1, images, images - int(true[k]), others)
        return None if by_chance < CERTAIN else k
    return k


def find_confused_pairs(counts: Counts, classes: Sequence[str], n: int) -> list[ConfusedPair]:
    """Return at most n pairs of classes, those confused most often first, of equals the rarer.

    counts (K, K): rows true, columns predicted; classes: their K names. Pairs that are never
    confused are left out.
    """
    shares = compute_row_shares(counts)
    places = [(true, taken) for true, taken in np.argwhere(counts).tolist() if true != taken]
    places.sort(key=lambda at: (-counts[at], -shares[at]))
    return [
        ConfusedPair(
            true=classes[true],
            predicted=classes[taken],
            count=int(counts[true, taken]),
            share=float(shares[true, taken]),
        )
        for true, taken in places[:n]
    ]
