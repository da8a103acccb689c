"""Arrays -> seeded batches."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

if TYPE_CHECKING:
    from secondlook.training.batches import Batches

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
LABELS = np.array([0, 1] * 5)
WEIGHTS = np.array([0.5, 2], np.float32)


def batches(seed: int = 1, size: int = 4) -> "Batches":
    """Return ten one-pixel images, each of its own value, in batches."""
    from secondlook.training.batches import Batches

    return Batches(IMAGES, LABELS, WEIGHTS, size, seed)


def list_batches(data: "Batches") -> list[list[int]]:
    """Return the pixel of every image of one epoch, batch by batch."""
    return [data[index][0].ravel().tolist() for index in range(len(data))]


def test_every_image_comes_once_an_epoch() -> None:
    """Ten images in batches of four are 4 + 4 + 2, each image once."""
    epoch = list_batches(batches())
    assert [len(batch) for batch in epoch] == [4, 4, 2]
    assert sorted(pixel for batch in epoch for pixel in batch) == list(range(10))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    """The second epoch is the same however the first was read, and differs from it."""
    read, unread = batches(), batches()
    first = list_batches(read)
    read.on_epoch_begin()
    unread.on_epoch_begin()
    assert list_batches(read) == list_batches(unread) != first
    assert list_batches(batches(seed=2)) != first


def test_weight_is_that_of_the_class() -> None:
    """An image of class 1 weighs what class 1 weighs."""
    _, labels, weights = batches()[0]
    assert weights.tolist() == [[0.5, 2][label] for label in labels]


def test_keras_trains_on_exactly_these_batches() -> None:
    """What `fit` sees in each epoch is the order of that epoch, not Keras's own."""
    import keras

    trained: list[list[int]] = []

    class Recorder(keras.Model):  # type: ignore[misc] # Keras has no types
        def train_step(self, data: tuple[NDArray[np.uint8], ...]) -> dict[str, float]:
            import tensorflow as tf

            tf.py_function(lambda x: trained.append(x.numpy().ravel().tolist()), [data[0]], [])
            return {"loss": 0.0}

    model = Recorder()
    model.compile()
    model.fit(batches(), epochs=2, shuffle=False, verbose=0)
    expected = batches()
    for epoch in (trained[:3], trained[3:]):
        expected.on_epoch_begin()
        assert epoch == list_batches(expected)


def test_sample_reads_like_the_whole() -> None:
    """A slice of a sample is the images at those positions."""
    from secondlook.training.batches import ImageSubset

    sample = ImageSubset(IMAGES, np.array([1, 3, 5]))
    assert len(sample) == 3
    assert sample[1:].ravel().tolist() == [3, 5]


@pytest.mark.parametrize(("size", "at_most", "expected"), [(10, 4, 4), (3, 4, 3)])
def test_fixed_sample_is_the_same_every_time(size: int, at_most: int, expected: int) -> None:
    """At most as many positions as asked for, sorted, without repetition, always the same."""
    from secondlook.training.batches import draw_fixed_sample

    positions = draw_fixed_sample(size, at_most)
    assert len(set(positions.tolist())) == expected
    assert positions.tolist() == sorted(draw_fixed_sample(size, at_most).tolist())
