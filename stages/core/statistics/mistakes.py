"""Which images are taken for what: those to look at when runs are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.statistics.confusion import Counts, row_shares
from stages.core.statistics.metrics import Labels, Numbers, Probabilities

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Guesses:
    """What one run said of N images: the class it gave (N,), and its probability (N,), 0..1."""

    predicted: Labels
    confidence: Numbers

    @classmethod
    def of(cls, probabilities: Probabilities) -> Self:
        """Take the most probable class of probabilities (N, K), the first of several."""
        return cls(probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64))


@dataclass(frozen=True)
class Confused:
    """Two classes, by their places, and how many images of the first are taken for the second.

    `share` is the part of the first one's images, 0..1.
    """

    true: int
    predicted: int
    count: int
    share: float


def hardest(losses: Numbers, n: int) -> Places:
    """Return the places of the n highest losses (N,), or of all, the highest first."""
    return np.argsort(-losses, kind="stable")[:n]


def wrong_everywhere(labels: Labels, runs: Sequence[Guesses]) -> tuple[Places, Numbers]:
    """Return the images (n,) that no run gets right, and how sure (n,) the runs are on average.

    labels (N,). The surest come first: they are the first to suspect of wrong labels.
    """
    places = np.flatnonzero(~_right(labels, runs).any(axis=0))
    sure = _confidence(runs, places).mean(axis=0)
    order = np.argsort(-sure, kind="stable")
    return places[order], sure[order]


def right_once(labels: Labels, runs: Sequence[Guesses]) -> tuple[Places, Places]:
    """Return the images (n,) that a single run of several gets right, and the place (n,) of it.

    labels (N,). Those come first of which the others are surest, and wrong.
    """
    right = _right(labels, runs)
    places = np.flatnonzero(right.sum(axis=0) == 1) if len(runs) > 1 else np.array([], np.int64)
    sure = np.where(right[:, places], 0, _confidence(runs, places)).sum(axis=0)
    order = np.argsort(-sure, kind="stable")
    return places[order], right[:, places[order]].argmax(axis=0)


def confused_pairs(counts: Counts, n: int) -> list[Confused]:
    """Return at most n pairs of classes, those confused most often first, of equals the rarer.

    counts (K, K): rows true, columns predicted. Pairs that are never confused are left out.
    """
    shares = row_shares(counts)
    pairs = [
        Confused(true, predicted, int(counts[true, predicted]), float(shares[true, predicted]))
        for true, predicted in np.argwhere(counts).tolist()
        if true != predicted
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:n]


def _right(labels: Labels, runs: Sequence[Guesses]) -> NDArray[np.bool_]:
    """Return which runs get which images right, (runs, N)."""
    return np.stack([run.predicted == labels for run in runs])


def _confidence(runs: Sequence[Guesses], places: Places) -> Numbers:
    """Return how sure each run is of the images at the places, (runs, n)."""
    return np.stack([run.confidence[places] for run in runs])
