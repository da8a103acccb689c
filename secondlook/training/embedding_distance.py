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

from secondlook.artifacts.dataset_card import FALSE_ALARM_SHARE, find_conformal_bound
from secondlook.artifacts.schema import FloatArray, check_artifact

DISTANCE_FILE = "typical.npz"
SAMPLE_SIZE = 5000  # training pictures that are kept, and validation pictures that are measured
MAX_WIDTH = 128  # numbers of an embedding; wider ones are folded, so that the file stays below 2 MB
NEIGHBOUR = 5
KEPT_DISTANCES = 1000  # validation distances
RIDGE = 1e-3  # of the mean variance, where a direction has none
BLOCK = 256  # pictures at a time
TINY = 1e-6
HASH_MULTIPLIER = 2654435761  # multiplicative hashing (Knuth, The Art of Computer Programming, 6.4)
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddingDistance:
    """Training pictures in the turned space, and what is far there.

    turn (D, d), rows (n, d) with D the width of folded embeddings; scale (2,): the distance by
    place and by direction that are just not too far; validation: ascending distances (m,).
    """

    turn: Embeddings
    rows: NDArray[np.float16]
    scale: FloatArray
    validation: FloatArray

    @classmethod
    def fit(cls, training: Embeddings, labels: NDArray[np.int64], validation: Embeddings) -> Self:
        """Learn from folded embeddings (n, D) of training with labels (n,), and of validation.

        At most FALSE_ALARM_SHARE of the validation pictures are then too far.
        """
        turn = fit_whitening(training, labels)
        bare = cls(turn, (training @ turn).astype(np.float16), np.ones(2), np.empty(0))
        found = bare._compute_both(validation)
        half = [
            max(TINY, find_conformal_bound(column, FALSE_ALARM_SHARE / 2)) for column in found.T
        ]
        limit = find_conformal_bound((found / half).max(axis=1), FALSE_ALARM_SHARE)
        scale = np.array(half) * max(TINY, limit) * (1 + TINY)  # the last one within is so rounded
        distances = np.sort((found / scale).max(axis=1))
        places = np.linspace(0, len(distances) - 1, min(KEPT_DISTANCES, len(distances))).round()
        return cls(turn, bare.rows, scale, distances[places.astype(np.int64)])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `train` left in the folder of a run; DataError where it is not there."""
        with check_artifact(folder / DISTANCE_FILE) as path, np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in ("turn", "rows", "scale", "validation")})

    def to_arrays(self) -> dict[str, NDArray[np.floating]]:
        """Return what typical.npz holds, by name."""
        return dict(vars(self))

    def compute(self, embeddings: Embeddings) -> FloatArray:
        """Return how far pictures are (n,), by embeddings (n, D); above 1 is too far."""
        distances: FloatArray = (self._compute_both(fold_embeddings(embeddings)) / self.scale).max(
            axis=1
        )
        return distances

    def compute_share_beyond(self, distance: float) -> float:
        """Return the share of validation pictures that are as far or further, 0..1."""
        return float((self.validation >= distance).mean())

    @property
    def distribution(self) -> tuple[FloatArray, FloatArray]:
        """Return the validation distances (m,) and the share of pictures up to each."""
        return self.validation, np.arange(1, len(self.validation) + 1) / len(self.validation)

    def _compute_both(self, embeddings: Embeddings) -> FloatArray:
        """Return the distances to the fifth neighbour (n, 2), by place and by direction."""
        asked, rows = embeddings @ self.turn, self.rows.astype(np.float32)
        columns = [
            _compute_neighbour_distances(asked, rows),
            _compute_neighbour_distances(_normalize_rows(asked), _normalize_rows(rows)),
        ]
        return np.stack(columns, axis=1)


def fold_embeddings(embeddings: Embeddings) -> Embeddings:
    """Return embeddings (n, D) no wider than MAX_WIDTH: each number is added, or taken, somewhere.

    That keeps distances on average (Weinberger et al. 2009, "Feature Hashing for Large Scale
    Multitask Learning").
    """
    width = embeddings.shape[1]
    if width <= MAX_WIDTH:
        return embeddings
    wide = np.zeros((len(embeddings), -(-width // MAX_WIDTH) * MAX_WIDTH), np.float32)
    signs = np.where(np.arange(width) % 2, np.float32(1), np.float32(-1))
    wide[:, :width] = (embeddings * signs)[:, _compute_column_order(width)]
    whole: Embeddings = wide.reshape(len(wide), -1, MAX_WIDTH).sum(axis=1)
    return whole


@lru_cache(maxsize=4)
def _compute_column_order(width: int) -> NDArray[np.int64]:
    """Return places (width,) in an order without an order, the same with every version of NumPy."""
    return np.argsort(np.arange(width) * HASH_MULTIPLIER % 2**32, kind="stable")


def collect_embeddings(batches: Iterable[Embeddings]) -> Embeddings:
    """Return the embeddings of all batches, folded as they come."""
    return np.concatenate([fold_embeddings(batch) for batch in batches])


def fit_whitening(rows: Embeddings, labels: NDArray[np.int64]) -> Embeddings:
    """Return the turn (D, D) after which rows (n, D) spread alike within their classes."""
    apart = rows.astype(np.float64)
    for label in np.unique(labels):
        apart[labels == label] -= apart[labels == label].mean(axis=0)
    covariance = apart.T @ apart / len(apart)
    covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance) / len(covariance) + TINY)
    variances, axes = np.linalg.eigh(covariance)
    turn: Embeddings = (axes / np.sqrt(variances)).astype(np.float32)
    return turn


def _normalize_rows(rows: Embeddings) -> Embeddings:
    """Return rows (n, d) of length 1, or of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Embeddings = (rows / np.maximum(lengths, TINY)).astype(np.float32)
    return unit


def _compute_neighbour_distances(asked: Embeddings, rows: Embeddings) -> FloatArray:
    """Return the distance (n,) of each row asked about (n, d) to the fifth nearest row (m, d)."""
    last = min(NEIGHBOUR, len(rows)) - 1
    lengths = np.einsum("ij,ij->i", rows, rows)
    found = []
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        squares = np.einsum("ij,ij->i", block, block)[:, None] - 2 * block @ rows.T + lengths
        found.append(np.partition(squares, last, axis=1)[:, last])
    distances: FloatArray = np.sqrt(np.maximum(np.concatenate(found), 0), dtype=np.float64)
    return distances
