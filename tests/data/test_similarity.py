"""How far apart images are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from secondlook.artifacts.schema import ImageArray
from secondlook.data import similarity

NoiseArrays = arrays(np.uint8, (2, 5, 4, 3)).filter(
    lambda images: bool((images.std((1, 2, 3)) > 0).all())
)


def make_images(*rows: list[int]) -> ImageArray:
    """Return images of 1 x n grey pixels."""
    return np.array(rows, np.uint8)[:, None, :, None]


def test_the_distance_is_what_correlation_lacks() -> None:
    """Brighter and of more contrast 0, unrelated 1, the negative 2."""
    first = make_images([0, 10, 20], [0, 10, 20], [0, 20, 0], [0, 10, 20])
    second = make_images([50, 60, 70], [10, 50, 90], [10, 10, 40], [20, 10, 0])
    expected = [0, 0, 1.5, 2]
    assert similarity.compute_distances(first, second).tolist() == expected


@given(NoiseArrays)
def test_the_distance_is_that_of_numpy(pair: ImageArray) -> None:
    """It agrees with NumPy's correlation of all pixels and channels."""
    first, second = pair
    found = similarity.compute_distances(first[None], second[None])[0]
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert found == pytest.approx(1 - correlation, abs=1e-6)


@given(NoiseArrays)
def test_waves_are_no_further_apart_than_images(pair: ImageArray) -> None:
    """So waves rule out no pair that the pixels would let pass."""
    first, second = similarity.compute_frequencies(pair)
    apart = similarity.compute_distances(pair[:1], pair[1:])[0]
    assert ((first - second) ** 2).sum() <= 2 * apart + 1e-4


def test_the_bound_is_a_share_of_the_usual_distance() -> None:
    """Six images, each twice its turn: the fifth nearest is the farthest of all."""
    random = np.random.default_rng(0)
    whole = random.integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    rows = similarity.normalize_pixels(whole, np.arange(64))
    farthest = (1 - rows @ rows.T).max(axis=1)
    found = similarity.compute_distance_bound([whole[:2], whole[2:]], np.arange(6))
    assert found == pytest.approx(similarity.NEIGHBOUR_SHARE * np.median(farthest), abs=1e-6)


def test_four_copies_of_each_do_not_spoil_the_bound() -> None:
    """With five images for each one, the bound is not that of copies, which would be 0."""
    random = np.random.default_rng(0)
    whole = random.integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    five = np.concatenate([whole] * 5)
    assert (
        similarity.compute_distance_bound([five], np.arange(100)) > 0.5 * similarity.NEIGHBOUR_SHARE
    )
    assert similarity.compute_distance_bound([np.concatenate([five, whole])], np.arange(120)) < 1e-6


def test_some_pixels_tell_what_all_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the pixels gives the bound of all of them, within a tenth."""
    random = np.random.default_rng(0)
    whole = random.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    every = similarity.compute_distance_bound([whole], np.arange(40))
    monkeypatch.setattr(similarity, "PIXEL_SAMPLE", 32 * 32 * 3 // 4)
    assert similarity.compute_distance_bound([whole], np.arange(40)) == pytest.approx(
        every, rel=0.1
    )


def test_no_images_no_bound() -> None:
    """When all are of a single level, nothing looks like anything."""
    assert (
        similarity.compute_distance_bound(
            [np.zeros((3, 4, 4, 1), np.uint8)], np.array([], np.int64)
        )
        == 0
    )


@given(st.integers(0, 300), st.integers(1, 300))
def test_a_spread_sample_has_both_ends(size: int, most: int) -> None:
    """Places come in order, none twice, as many as asked for or as there are."""
    found = similarity.select_evenly(np.arange(size), most)
    assert len(found) == min(size, most)
    assert (np.diff(found) > 0).all()
    if most > 1 and size:
        assert (found[0], found[-1]) == (0, size - 1)


def test_images_are_taken_across_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Place 3 is the second image of the second array, whatever the block."""
    parts = [make_images([0], [1]), make_images([2], [3], [4])]
    places = np.array([3, 0, 4, 4])
    assert similarity.take_images(parts, places).ravel().tolist() == [3, 0, 4, 4]
    monkeypatch.setattr(similarity, "BLOCK_PIXELS", 3)
    blocks = [block.ravel().tolist() for block in similarity.iterate_blocks(parts, places)]
    assert blocks == [[3, 0, 4], [4]]
