"""Arrays on disk -> seeded batches for training."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Batch = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float32]]


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras has no types
    """Every image once an epoch, in an order that only the seed and the epoch decide.

    images: uint8 (N, H, W, C), usually a memory map, of which only a batch at a time is read, or
    features of them, float32 (N, D); labels: int64 (N,); class_weights: float32 (K,), the weight
    of an image by its class.
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
        self.batch_size, self.seed = batch_size, seed
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
        labels = self.labels[chosen]
        return self.images[chosen], labels, self.class_weights[labels]

    def on_epoch_begin(self) -> None:
        """Shuffle for the epoch that starts; the first one is 1.

        Not at an epoch's end: Keras calls that once before the first, after a look at the data.
        """
        self.epoch += 1
        self.order = self._draw_order()


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
