"""Pictures for a page: whole pixels where small, small files where large."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from secondlook.artifacts.schema import ImageArray
from secondlook.report import thumbnails
from secondlook.report.thumbnails import Thumbnail


def noise(*shape: int) -> ImageArray:
    """Return noise, the same for the same shape."""
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def pixels(made: Thumbnail) -> ImageArray:
    """Return what a browser would show."""
    return np.asarray(Image.open(io.BytesIO(made.content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_small_image_keeps_its_pixels(channels: int) -> None:
    """Of 28 x 20 pixels, each becomes four by four of exactly its colour."""
    image = noise(28, 20, channels)
    made = thumbnails.encode_thumbnail(image)
    assert (made.kind, made.width, made.height) == ("png", 80, 112)
    expected = image.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(pixels(made).reshape(expected.shape), expected)


def test_a_large_image_is_reduced_without_aliasing() -> None:
    """A fine chequered pattern turns into the grey that it is from afar."""
    board = np.indices((400, 300)).sum(axis=0)[..., None] % 2 * 255
    made = thumbnails.encode_thumbnail(board.astype(np.uint8))
    assert (made.width, made.height) == (90, 120)
    assert abs(pixels(made).astype(int) - 127).max() < 12


def photograph() -> ImageArray:
    """Return something smooth and coloured with a little noise, as a camera gives it."""
    down, across = np.indices((240, 240))
    waves = [128 + 80 * np.sin(down / scale) * np.cos(across / 31) for scale in (20, 33, 47)]
    grain = noise(240, 240, 3) / 32
    return (np.stack(waves, axis=-1) + grain).astype(np.uint8)


def test_a_photograph_becomes_a_small_file() -> None:
    """WebP, a few kilobytes, and hardly another picture."""
    made = thumbnails.encode_thumbnail(photograph())
    assert made.kind == "webp"
    assert len(made.content) < 6000
    reduced = np.asarray(Image.fromarray(photograph()).resize((120, 120)))
    assert abs(pixels(made).astype(int) - reduced).mean() < 6


def test_the_longest_strip_is_a_picture() -> None:
    """One pixel high stays one pixel high."""
    made = thumbnails.encode_thumbnail(noise(1, 4096, 1))
    assert (made.width, made.height) == (120, 1)


def test_a_sheet_is_row_by_row() -> None:
    """Five images in three columns: two rows, grey between them and in the empty place."""
    images = np.arange(10, 60, 10, dtype=np.uint8).repeat(16).reshape(5, 4, 4, 1)
    made = thumbnails.encode_sheet(images, 3, limit=8)
    assert (made.width, made.height) == (28, 18)
    shown = pixels(made)
    tiles = [[shown[row, column] for column in (4, 14, 24)] for row in (4, 14)]
    assert tiles == [[10, 20, 30], [40, 50, 128]]
    assert set(shown[:, 8:10].ravel()) == set(shown[8:10].ravel()) == {128}


def test_one_image_makes_a_sheet_of_one() -> None:
    """No columns are kept for images that are not there."""
    made = thumbnails.encode_sheet(noise(1, 30, 40, 3), 6)
    assert (made.width, made.height) == (80, 60)


@given(st.integers(1, 13), st.integers(1, 7), st.sampled_from([1, 3]))
def test_every_image_is_whole_on_the_sheet(count: int, columns: int, channels: int) -> None:
    """Cut out of the sheet, where it is twice as large, each is what it was."""
    images = noise(count, 3, 5, channels)
    shown = pixels(thumbnails.encode_sheet(images, columns, limit=10))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        tile = shown[row * 8 : row * 8 + 6 : 2, column * 12 : column * 12 + 10 : 2]
        np.testing.assert_array_equal(tile.reshape(image.shape), image)


def test_the_same_again_is_the_same_bytes() -> None:
    """Both as PNG and as WebP."""
    for image in (noise(8, 8, 1), photograph()):
        assert thumbnails.encode_thumbnail(image) == thumbnails.encode_thumbnail(image.copy())


def test_the_address_holds_the_file() -> None:
    """What stands after the comma is the file, and before it what it is."""
    made = thumbnails.encode_thumbnail(noise(8, 8, 1))
    kind, _, content = made.uri.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == made.content


def test_forty_sheets_and_a_gallery_are_far_from_five_megabytes() -> None:
    """Twelve photographs a class and 24 mistakes take less than half of that, written out."""
    sheet = thumbnails.encode_sheet(np.stack([photograph()] * 12), 6)
    total = 40 * len(sheet.uri) + 24 * len(thumbnails.encode_thumbnail(photograph()).uri)
    assert total < 2_500_000


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(0, 9), st.integers(0, 99))
def test_examples_are_of_the_class(labels: list[int], n: int, seed: int) -> None:
    """As many as asked for or as there are, none twice, and the same for the same seed."""
    array = np.array(labels, np.int64)
    found = thumbnails.sample_indices(array, 1, n, seed)
    assert len(found) == min(n, labels.count(1))
    assert (array[found] == 1).all()
    assert (np.diff(found) > 0).all()
    np.testing.assert_array_equal(found, thumbnails.sample_indices(array, 1, n, seed))


def test_another_seed_gives_other_examples() -> None:
    """Of a thousand images, ten are hardly the same by chance."""
    labels = np.zeros(1000, np.int64)
    first, second = (thumbnails.sample_indices(labels, 0, 10, seed) for seed in (1, 2))
    assert first.tolist() != second.tolist()
