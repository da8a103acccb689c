"""Arrays on disk -> seeded batches for training."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# Images, labels, which are shares of classes (n, K) where images are mixed, and weights.
Batch = tuple[NDArray[Any], NDArray[np.int64] | NDArray[np.float32], NDArray[np.float32]]


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
    """Every image once an epoch, in an order that only the seed and the epoch decide.

    images: uint8 (N, H, W, C), usually a memory map, of which only a batch at a time is read, or
    features of them, float32 (N, D); labels: int64 (N,); class_weights: float32 (K,), the weight
    of an image by its class. mixup: set it to the alpha of the Beta distribution by
    which each image of a batch is mixed with another (Zhang and others, 2018, "mixup: Beyond
    Empirical Risk Minimization"); 0 mixes none.
    A batch is (images, labels, weights); the last one of an epoch may be smaller. `epoch` is how
    many have begun; set it to resume after so many.
    """

    def __init__(
        self,
        images: NDArray[Any],
        labels: NDArray[np.int64],
        class_weights: NDArray[np.float32],
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.images, self.labels, self.class_weights = images, labels, class_weights
        self.batch_size, self.seed, self.mixup = batch_size, seed, 0.0
        self.epoch = 0
        self.order = self._draw_order()

    def _draw_order(self) -> NDArray[np.int64]:
        # A generator of its own per epoch: the order does not depend on how we got there.
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.labels))

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        # Sorted, so that a memory map is read forwards; within a batch the order is all the same.
        chosen = np.sort(chosen)
        images, labels = self.images[chosen], self.labels[chosen]
        weights = self.class_weights[labels]
        if not self.mixup:
            return images, labels, weights
        # Drawn for this very batch: a training that resumes mixes as one that was never stopped.
        random = np.random.default_rng([self.seed, self.epoch, 1 + index])
        shares = np.eye(len(self.class_weights), dtype=np.float32)[labels] * weights[:, None]
        return _mix(images, shares, random.beta(self.mixup, self.mixup, len(labels)), random)

    def on_epoch_begin(self) -> None:
        """Shuffle for the epoch that starts; the first one is 1.

        Not at an epoch's end: Keras calls that once before the first, after a look at the data.
        """
        self.epoch += 1
        self.order = self._draw_order()


def _mix(
    images: NDArray[Any],
    labels: NDArray[np.float32],
    kept: NDArray[np.float64],
    random: np.random.Generator,
) -> Batch:
    """Return images (n, ...) and labels (n, K), as their classes weigh, each mixed with another.

    kept: the share (n,) that stays of each. Labels are shares of classes, and weights such that
    the objective, linear in them, is the mean of those of both images.
    """
    other, own = random.permutation(len(labels)), kept.astype(np.float32)[:, None]
    levels = own.reshape(-1, *[1] * (images.ndim - 1))
    mixed = np.rint(levels * images + (1 - levels) * images[other]).astype(images.dtype)
    both = own * labels + (1 - own) * labels[other]
    weights = both.sum(axis=1)
    return mixed, both / weights[:, None], weights


class ImageSubset:
    """Some of the images, cut like all of them, read only when asked for.

    images: uint8 (N, H, W, C); positions: int64 (M,), sorted.
    """

    def __init__(self, images: NDArray[np.uint8], positions: NDArray[np.int64]) -> None:
        self.images, self.positions = images, positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: slice) -> NDArray[np.uint8]:
        return self.images[self.positions[index]]


def draw_fixed_sample(size: int, at_most: int) -> NDArray[np.int64]:
    """Return sorted positions, at most `at_most` of `size`, always the same ones."""
    chosen = np.random.default_rng(0).permutation(size)[:at_most]
    return np.sort(chosen)
