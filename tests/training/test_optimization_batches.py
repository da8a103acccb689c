"""Arrays -> seeded batches."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.artifacts.image_shards import ImageShards

if TYPE_CHECKING:
    from secondlook.training.optimization import Batches

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
LABELS = np.array([0, 1] * 5)
WEIGHTS = np.array([0.5, 2], np.float32)


def batches(seed: int = 1, size: int = 4) -> "Batches":
    """Return ten one-pixel images, each of its own value, in batches."""
    from secondlook.training.optimization import Batches

    return Batches(IMAGES, LABELS, WEIGHTS, size, seed)


def list_batches(data: "Batches", epoch: int = 1) -> list[list[int]]:
    """Return the pixel of every image of one epoch, batch by batch."""
    return [images.ravel().tolist() for images, *_ in data.read_epoch(epoch)]


def test_every_image_comes_once_an_epoch() -> None:
    """Ten images in batches of four are 4 + 4 + 2, each image once."""
    epoch = list_batches(batches())
    assert [len(batch) for batch in epoch] == [4, 4, 2]
    assert len(batches()) == 3
    assert sorted(pixel for batch in epoch for pixel in batch) == list(range(10))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    """The second epoch is the same however the first was read, and differs from it."""
    read, unread = batches(), batches()
    first = list_batches(read)
    assert list_batches(read, 2) == list_batches(unread, 2) != first
    assert list_batches(batches(seed=2)) != first


def make_many(window: int | None, count: int = 1000) -> "Batches":
    """Return images of two bytes, each of its own value, shuffled in windows."""
    from secondlook.training.optimization import Batches

    pixels = np.arange(count, dtype=np.uint16).view(np.uint8).reshape(count, 1, 1, 2)
    made = Batches(pixels, np.zeros(count, np.int64), np.ones(1, np.float32), 32, 1)
    made.window = window
    return made


@given(st.integers(1, 400), st.integers(1, 300))
def test_shuffled_in_windows_every_image_comes_once(count: int, window: int) -> None:
    """Whatever the sizes, each epoch has all images, and another epoch another order."""
    data = make_many(window, count)
    assert sorted(data.draw_order(1).tolist()) == list(range(count))
    assert data.draw_order(1).tolist() == make_many(window, count).draw_order(1).tolist()
    if count > 20:
        assert data.draw_order(1).tolist() != data.draw_order(2).tolist()


def test_the_smallest_window_makes_no_more_blocks_than_images() -> None:
    """One image a window: as many blocks, in any order."""
    assert sorted(make_many(1, 1000).draw_order(1).tolist()) == list(range(1000))


def test_a_window_comes_from_few_blocks_from_anywhere() -> None:
    """Of 1,000 images, the first 160 are of sixteen runs of ten; without a window of 135 or so."""

    def count_runs(order: NDArray[np.int64]) -> int:
        return 1 + int((np.diff(np.sort(order[:160])) > 1).sum())

    windowed = make_many(160).draw_order(1)
    assert count_runs(windowed) <= 16
    assert count_runs(make_many(None).draw_order(1)) > 100
    assert (np.diff(windowed[:160]) != 1).mean() > 0.9
    assert windowed[:160].max() - windowed[:160].min() > 500
    assert make_many(1000).draw_order(1).tolist() == make_many(None).draw_order(1).tolist()


@pytest.mark.parametrize(("window", "first"), [(None, 4), (3, 6), (7, 10)])
def test_images_are_announced_in_time_and_once(
    monkeypatch: pytest.MonkeyPatch, window: int | None, first: int
) -> None:
    """At first of this batch or window and the next; before a batch of it; of each image once."""
    from secondlook.training import optimization
    from secondlook.training.optimization import Batches

    monkeypatch.setattr(optimization, "ANNOUNCED_FROM", 0)
    monkeypatch.setattr(optimization, "BATCHES_ANNOUNCED", 1)
    told = list[int]()
    shards = ImageShards([IMAGES[:3], IMAGES[3:]])
    monkeypatch.setattr(shards, "read_ahead", lambda places: told.extend(places.tolist()))
    data = Batches(shards, LABELS, WEIGHTS, 2, 1)
    data.window = window
    for number, (images, *_) in enumerate(data.read_epoch(1)):
        assert set(images.ravel().tolist()) <= set(told)
        assert number or len(told) == first
    assert sorted(told) == list(range(10))


def test_weight_is_that_of_the_class() -> None:
    """An image of class 1 weighs what class 1 weighs."""
    _, labels, weights = next(batches().read_epoch(1))
    assert weights.tolist() == [[0.5, 2][label] for label in labels]


@pytest.mark.parametrize("begun", [0, 3])
def test_keras_trains_on_exactly_these_batches(begun: int) -> None:
    """What `fit` sees in each epoch is the order of that epoch, also of one that goes on."""
    import keras

    trained: list[list[int]] = []

    class Recorder(keras.Model):  # type: ignore[misc] # Keras has no types
        def train_step(self, data: tuple[NDArray[np.uint8], ...]) -> dict[str, float]:
            import tensorflow as tf

            tf.py_function(lambda x: trained.append(x.numpy().ravel().tolist()), [data[0]], [])
            return {"loss": 0.0}

    model = Recorder()
    model.compile()
    data = batches()
    model.fit(
        data.build_dataset(begun),
        steps_per_epoch=len(data),
        initial_epoch=begun,
        epochs=begun + 2,
        verbose=0,
    )
    assert trained == list_batches(data, begun + 1) + list_batches(data, begun + 2)


@pytest.mark.parametrize("done", range(4))
@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_the_rest_of_an_epoch_is_as_in_the_whole(done: int, mixup: float) -> None:
    """Also mixed, and in what `fit` is given: then come whole epochs."""
    data = batches()
    data.mixup = mixup
    whole = [images.ravel().tolist() for epoch in (5, 6) for images, *_ in data.read_epoch(epoch)]
    rest = [images.ravel().tolist() for images, *_ in data.read_epoch(5, done)]
    assert rest == whole[done:3]
    given = data.build_dataset(4, done).take(6 - done).as_numpy_iterator()
    assert [images.ravel().tolist() for images, *_ in given] == whole[done:]


def test_mixed_images_and_labels_go_together() -> None:
    """Levels and labels are mixed by one share; a class that weighs three times counts so."""
    from secondlook.training.optimization import Batches

    images = np.array([0, 100], np.uint8).repeat(50).reshape(100, 1, 1, 1)
    labels = np.array([0, 1]).repeat(50)
    weights = np.array([1, 3], np.float32)
    batches = Batches(images, labels, weights, 64, seed=4)
    batches.mixup = 1.0
    pixels, told, both = next(batches.read_epoch(1))
    assert pixels.dtype == np.uint8
    assert told.shape == (64, 2)
    share = pixels.ravel() / 100  # how much of each comes from the class 1
    assert len(set(share.round(2))) > 20
    np.testing.assert_allclose(both, 1 + 2 * share, atol=0.02)
    np.testing.assert_allclose(told[:, 1] * both, 3 * share, atol=0.02)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-6)


def test_a_batch_is_mixed_by_seed_epoch_and_place_alone() -> None:
    """Asked for first or last it is the same, in another epoch another; most are hardly mixed."""
    from secondlook.training.optimization import Batches

    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    labels, weights = np.zeros(200, np.int64), np.ones(1, np.float32)
    first, second = (Batches(images, labels, weights, 50, seed=4) for _ in range(2))
    first.mixup = second.mixup = 0.2
    list(second.read_epoch(2))
    before, again = ([images for images, *_ in each.read_epoch(1)] for each in (first, second))
    np.testing.assert_array_equal(before, again)
    assert not np.array_equal([images for images, *_ in second.read_epoch(2)], before)
    chosen = images[np.sort(first.draw_order(1)[:50])]
    moved = np.abs(before[0].astype(int) - chosen).ravel()
    assert 0.2 < np.mean(moved < 10) < 1


def test_sample_reads_like_the_whole() -> None:
    """A slice of a sample is the images at those positions."""
    from secondlook.artifacts.manifest import ImageSubset

    sample = ImageSubset(IMAGES, np.array([1, 3, 5]))
    assert len(sample) == 3
    assert sample[1:].ravel().tolist() == [3, 5]


@pytest.mark.parametrize(("size", "at_most", "expected"), [(10, 4, 4), (3, 4, 3)])
def test_fixed_sample_is_the_same_every_time(size: int, at_most: int, expected: int) -> None:
    """At most as many positions as asked for, sorted, without repetition, always the same."""
    from secondlook.artifacts.manifest import draw_fixed_sample

    positions = draw_fixed_sample(size, at_most)
    assert len(set(positions.tolist())) == expected
    assert positions.tolist() == sorted(draw_fixed_sample(size, at_most).tolist())
