"""How far a picture is from the training pictures in the network, in its last layer but one.

The embeddings are turned and stretched so that pictures of one class spread the same way in all
directions, the metric of Mahalanobis' distance (Lee et al. 2018, "A Simple Unified Framework for
Detecting Out-of-Distribution Samples and Adversarial Attacks"). There the fifth nearest training
picture is sought, by place and by direction alone (Sun et al. 2022, "Out-of-Distribution Detection
with Deep Nearest Neighbors"), and the larger of both counts, in units of what is just not too far.
docs/unlike.md has what each of these and others found: no one alone is good on all data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.outputs.records import read_from
from stages.core.typical.features import Column
from stages.core.typical.limits import FALSE_ALARMS, exceeded

FILE = "typical.npz"
SAMPLE = 5000  # training pictures that are kept, and validation pictures that are measured
WIDEST = 128  # numbers of an embedding; wider ones are folded, so that the file stays below 2 MB
NEIGHBOUR = 5
KEPT = 1000  # validation distances
RIDGE = 1e-3  # of the mean variance, where a direction has none
BLOCK = 256  # pictures at a time
TINY = 1e-6
HASH = 2654435761  # multiplicative hashing (Knuth, The Art of Computer Programming, 6.4)
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Distance:
    """Training pictures in the turned space, and what is far there.

    turn (D, d), rows (n, d) with D the width of folded embeddings; scale (2,): the distance by
    place and by direction that are just not too far; validation: ascending distances (m,).
    """

    turn: Rows
    rows: NDArray[np.float16]
    scale: Column
    validation: Column

    @classmethod
    def fit(cls, training: Rows, labels: NDArray[np.int64], validation: Rows) -> Self:
        """Learn from folded embeddings (n, D) of training with labels (n,), and of validation.

        At most FALSE_ALARMS of the validation pictures are then too far.
        """
        turn = turned(training, labels)
        bare = cls(turn, (training @ turn).astype(np.float16), np.ones(2), np.empty(0))
        found = bare._both(validation)
        half = [max(TINY, exceeded(column, FALSE_ALARMS / 2)) for column in found.T]
        limit = exceeded((found / half).max(axis=1), FALSE_ALARMS)
        scale = np.array(half) * max(TINY, limit) * (1 + TINY)  # the last one within is so rounded
        distances = np.sort((found / scale).max(axis=1))
        places = np.linspace(0, len(distances) - 1, min(KEPT, len(distances))).round()
        return cls(turn, bare.rows, scale, distances[places.astype(np.int64)])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `train` left in the folder of a run; DataError where it is not there."""
        with read_from(folder / FILE) as path, np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in ("turn", "rows", "scale", "validation")})

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """Return what typical.npz holds, by name."""
        return dict(vars(self))

    def of(self, embeddings: Rows) -> Column:
        """Return how far pictures are (n,), by embeddings (n, D); above 1 is too far."""
        distances: Column = (self._both(folded(embeddings)) / self.scale).max(axis=1)
        return distances

    def share(self, distance: float) -> float:
        """Return the share of validation pictures that are as far or further, 0..1."""
        return float((self.validation >= distance).mean())

    @property
    def spread(self) -> tuple[Column, Column]:
        """Return the validation distances (m,) and the share of pictures up to each."""
        return self.validation, np.arange(1, len(self.validation) + 1) / len(self.validation)

    def _both(self, embeddings: Rows) -> Column:
        """Return the distances to the fifth neighbour (n, 2), by place and by direction."""
        asked, rows = embeddings @ self.turn, self.rows.astype(np.float32)
        columns = [nearest(asked, rows), nearest(directions(asked), directions(rows))]
        return np.stack(columns, axis=1)


def folded(embeddings: Rows) -> Rows:
    """Return embeddings (n, D) no wider than WIDEST: each number is added, or taken, somewhere.

    That keeps distances on average (Weinberger et al. 2009, "Feature Hashing for Large Scale
    Multitask Learning").
    """
    width = embeddings.shape[1]
    if width <= WIDEST:
        return embeddings
    wide = np.zeros((len(embeddings), -(-width // WIDEST) * WIDEST), np.float32)
    signs = np.where(np.arange(width) % 2, np.float32(1), np.float32(-1))
    wide[:, :width] = (embeddings * signs)[:, order(width)]
    whole: Rows = wide.reshape(len(wide), -1, WIDEST).sum(axis=1)
    return whole


@lru_cache(maxsize=4)
def order(width: int) -> NDArray[np.int64]:
    """Return places (width,) in an order without an order, the same with every version of NumPy."""
    return np.argsort(np.arange(width) * HASH % 2**32, kind="stable")


def gathered(batches: Iterable[Rows]) -> Rows:
    """Return the embeddings of all batches, folded as they come."""
    return np.concatenate([folded(batch) for batch in batches])


def turned(rows: Rows, labels: NDArray[np.int64]) -> Rows:
    """Return the turn (D, D) after which rows (n, D) spread alike within their classes."""
    apart = rows.astype(np.float64)
    for label in np.unique(labels):
        apart[labels == label] -= apart[labels == label].mean(axis=0)
    covariance = apart.T @ apart / len(apart)
    covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance) / len(covariance) + TINY)
    variances, axes = np.linalg.eigh(covariance)
    turn: Rows = (axes / np.sqrt(variances)).astype(np.float32)
    return turn


def directions(rows: Rows) -> Rows:
    """Return rows (n, d) of length 1, or of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Rows = (rows / np.maximum(lengths, TINY)).astype(np.float32)
    return unit


def nearest(asked: Rows, rows: Rows) -> Column:
    """Return the distance (n,) of each row asked about (n, d) to the fifth nearest row (m, d)."""
    last = min(NEIGHBOUR, len(rows)) - 1
    lengths = np.einsum("ij,ij->i", rows, rows)
    found = []
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        squares = np.einsum("ij,ij->i", block, block)[:, None] - 2 * block @ rows.T + lengths
        found.append(np.partition(squares, last, axis=1)[:, last])
    distances: Column = np.sqrt(np.maximum(np.concatenate(found), 0), dtype=np.float64)
    return distances
