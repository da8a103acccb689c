"""The perceptual hash is the one it says it is, and close hashes are found."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from secondlook.data import similarity
from secondlook.data.similarity import Hashes


def draw_noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return images of noise, the same for the same shape."""
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(2, 28, 28, 1), (2, 9, 40, 1), (2, 30, 20, 3)])
def test_waves_are_those_of_scipy(shape: tuple[int, ...]) -> None:
    """They are SciPy's orthonormal DCT-II of the grey image over the length of the whole."""
    from scipy.fft import dctn

    images = draw_noise(*shape)
    grey = images.sum(axis=3) / np.sqrt(shape[3])
    whole = dctn(grey, axes=(1, 2), norm="ortho")
    length = np.sqrt(((images - images.mean(axis=(1, 2, 3), keepdims=True)) ** 2.0).sum((1, 2, 3)))
    lowest = [whole[:, 0, 1], whole[:, 1, 0], whole[:, 0, 2], whole[:, 1, 1]] / length
    np.testing.assert_allclose(similarity.compute_frequencies(images)[:, :4].T, lowest, atol=1e-6)


def test_a_small_image_has_few_waves() -> None:
    """Of 2 x 3 pixels there are five frequencies besides the mean, and they hold the whole."""
    waves = similarity.compute_frequencies(draw_noise(4, 2, 3, 1))
    assert ((waves != 0).sum(axis=1) == 5).all()
    np.testing.assert_allclose((waves**2).sum(axis=1), 1, atol=1e-5)


def test_an_image_of_one_level_has_no_waves() -> None:
    """Black, grey and white: nothing to see."""
    flat = np.array([0, 77, 255], np.uint8).repeat(900).reshape(3, 30, 10, 3)
    assert not similarity.compute_frequencies(flat).any()


def test_half_of_the_bits_are_set() -> None:
    """Above their own median are 32 of 64 waves."""
    codes = similarity.compute_hashes(similarity.compute_frequencies(draw_noise(5, 20, 20, 3)))
    assert np.bitwise_count(codes).tolist() == [32] * 5


def test_brightness_and_contrast_leave_the_hash() -> None:
    """Halved and lifted by thirty levels, an image of even levels keeps its hash."""
    images = draw_noise(5, 16, 16, 1) // 4 * 4
    changed = images // 2 + 30
    before, after = (
        similarity.compute_hashes(similarity.compute_frequencies(block))
        for block in (images, changed)
    )
    np.testing.assert_array_equal(before, after)


def list_candidates(codes: Hashes) -> list[tuple[int, int]]:
    """Return every candidate, in the order of places."""
    found = [
        (first.tolist(), second.tolist()) for first, second in similarity.find_candidates(codes)
    ]
    return sorted((i, j) for first, second in found for i, j in zip(first, second, strict=True))


def list_expected_candidates(codes: Hashes) -> list[tuple[int, int]]:
    """Return what candidates should be, by looking at every pair."""
    numbers = [int(code) for code in codes]
    return [
        (i, j)
        for i, j in combinations(range(len(numbers)), 2)
        if (numbers[i] ^ numbers[j]).bit_count() <= similarity.MAX_BIT_DIFFERENCE
        and any((numbers[i] ^ numbers[j]) >> 8 * byte & 255 == 0 for byte in range(8))
    ]


@given(
    arrays(np.uint64, st.integers(0, 40), elements=st.sampled_from([1 << k for k in range(64)])),
    st.integers(1, 2**64 - 1),
)
def test_candidates_are_all_close_pairs_once(codes: Hashes, other: int) -> None:
    """Near ones by a bit or two, and far ones: what looking at every pair finds is found."""
    codes = np.concatenate([codes, codes ^ np.uint64(other)])
    assert list_candidates(codes) == list_expected_candidates(codes)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared seven at a time, the same hundred hashes give the same pairs."""
    random = np.random.default_rng(1)
    codes = np.uint64(2) ** random.integers(0, 64, 100).astype(np.uint64)
    whole = list_candidates(codes)
    monkeypatch.setattr(similarity, "HASH_PAIRS_AT_ONCE", 7)
    assert list_candidates(codes) == whole == list_expected_candidates(codes)


def test_nothing_gives_nothing() -> None:
    """No hashes, no candidates."""
    assert list_candidates(np.array([], np.uint64)) == []
