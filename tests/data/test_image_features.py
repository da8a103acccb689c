"""What a picture is like: tiny pictures whose features are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from secondlook.data.image_features import (
    ImageFeatures,
    compute_cell_means,
    convert_to_grey,
    measure_features,
)

BLACK, WHITE = 0, 255


def draw_card(size: int = 20) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a white square of 8 x 4 pixels, its left upper corner at (2, 6), on black."""
    picture = np.zeros((1, size, size, 1), np.uint8)
    picture[0, 6:10, 2:10] = WHITE
    return picture


def measure_one(
    picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", *size: int
) -> dict[str, float]:
    """Return the features of one picture, whose own coarse picture is the mean."""
    mean = compute_cell_means(convert_to_grey(picture))[0].astype(np.float64)
    sizes = np.array([size or picture.shape[2:0:-1]])
    return {
        name: float(column[0])
        for name, column in measure_features(picture, sizes, mean)._asdict().items()
    }


def test_a_square_on_black() -> None:
    """Levels, cover, box and place of a square that is where it is."""
    found = measure_one(draw_card())
    assert (found["border"], found["darkest"], found["brightest"]) == (BLACK, BLACK, WHITE)
    assert found["brightness"] == pytest.approx(255 * 32 / 400, abs=1e-4)
    assert found["contrast"] == pytest.approx(255 * (0.08 * 0.92) ** 0.5, abs=1e-4)
    assert (found["cover"], found["box"], found["grey"]) == pytest.approx((0.08, 0.4, 0))
    assert found["off_centre"] == pytest.approx(np.hypot(0.4, 0.2), abs=1e-4)
    assert found["likeness"] == pytest.approx(1)
    assert (found["aspect"], found["size"]) == (0, 0)


def test_light_and_dark_changed() -> None:
    """Inversion changes levels and nothing of the subject."""
    plain, inverted = measure_one(draw_card()), measure_one(255 - draw_card())
    assert inverted["border"] == WHITE
    assert inverted["brightness"] == pytest.approx(255 - plain["brightness"])
    for name in ("contrast", "grey", "sharpness", "cover", "box", "off_centre"):
        assert inverted[name] == pytest.approx(plain[name], abs=1e-4), name


def test_the_size_is_that_of_the_file() -> None:
    """A picture given as 40 x 10 is four times as wide as high, its shorter side half of 20."""
    found = measure_one(draw_card(), 40, 10)
    assert (found["aspect"], found["size"]) == (2, -1)


def test_blur_is_less_sharp_and_more_grey() -> None:
    """Means over 3 x 3 pixels lower sharpness and make greys, whatever the contrast."""
    picture = draw_card().astype(np.float64)
    rolled = [np.roll(picture, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    blurred = np.mean(rolled, axis=0).astype(np.uint8)
    sharp, soft, faint = (
        measure_one(draw_card()),
        measure_one(blurred),
        measure_one((draw_card() // 5).astype(np.uint8)),
    )
    assert soft["sharpness"] < sharp["sharpness"] / 2
    assert soft["grey"] > sharp["grey"]
    assert faint["sharpness"] == pytest.approx(sharp["sharpness"], rel=1e-4)


def test_noise_is_as_sharp_as_can_be() -> None:
    """The variance of the Laplacian of independent pixels is twenty times their own."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 200, 200, 1), np.uint8)
    assert measure_one(noise)["sharpness"] == pytest.approx(20, rel=0.03)


def test_colours_count_as_their_brightness() -> None:
    """Red, green and blue weigh as ITU-R BT.601 says."""
    colours = np.zeros((3, 4, 4, 3), np.uint8)
    for channel in range(3):
        colours[channel, ..., channel] = 100
    found = measure_features(colours, np.full((3, 2), 4), np.zeros(16))
    assert found.brightness.tolist() == pytest.approx([29.9, 58.7, 11.4], rel=1e-5)


@given(
    st.tuples(
        st.integers(1, 3), st.integers(1, 33), st.integers(1, 33), st.sampled_from([1, 3])
    ).flatmap(lambda shape: arrays(np.uint8, shape))
)
def test_any_picture_has_features_within_their_ranges(
    pictures: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]",
) -> None:
    """Of any size, even a single pixel or a single level; and many at once as one by one."""
    mean = compute_cell_means(convert_to_grey(pictures)).mean(axis=0).astype(np.float64)
    sizes = np.full((len(pictures), 2), 7)
    found = measure_features(pictures, sizes, mean)
    assert np.isfinite(found.to_table()).all()
    for shares in (found.grey, found.cover, found.box):
        assert ((shares >= 0) & (shares <= 1)).all()
    assert (np.abs(found.likeness) <= 1 + 1e-6).all()
    single = [
        measure_features(pictures[i : i + 1], sizes[:1], mean).to_table()
        for i in range(len(pictures))
    ]
    np.testing.assert_allclose(np.vstack(single), found.to_table(), rtol=1e-3, atol=1e-3)


def test_a_mean_of_cells_is_the_mean_of_the_picture() -> None:
    """Cells are of equal size where the side is a multiple of them."""
    picture = np.arange(32 * 32, dtype=np.float32).reshape(1, 32, 32)
    cells = compute_cell_means(picture)
    assert cells.shape == (1, 256)
    assert cells[0, 0] == pytest.approx(picture[0, :2, :2].mean())
    assert cells.mean() == pytest.approx(picture.mean())
    assert ImageFeatures._fields[-2:] == ("aspect", "size")
