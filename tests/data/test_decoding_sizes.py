"""Resizing, cropping, padding and contrast of pictures."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from secondlook.data import decoding
from tests.support.datasets import encode_image, make_preprocess_spec


def decode_grey(content: bytes, **keys: object) -> list[Any]:
    """Return the grey pixels of a picture in its own size, 2 x 3 unless told otherwise."""
    return list(
        decoding.decode_pixels(content, make_preprocess_spec(height=2, width=3, **keys))[
            :, :, 0
        ].tolist()
    )


def test_resizing_averages_what_it_leaves_out() -> None:
    """A fine chequerboard becomes grey; taking every tenth pixel would give black or white."""
    board = (np.indices((80, 80)).sum(axis=0) % 2 * 255).astype(np.uint8)
    np.testing.assert_allclose(decoding.decode_pixels(board, make_preprocess_spec()), 127.5, atol=3)


WIDE = np.repeat(np.array([[0, 100, 100, 200]], np.uint8), 2, axis=0).repeat(10, 0).repeat(10, 1)


def test_stretch_pad_and_crop_differ_as_they_say() -> None:
    """A picture twice as wide as high: squeezed, between bars, or without its ends."""
    crop = decoding.decode_pixels(WIDE, make_preprocess_spec(resize="crop"))
    np.testing.assert_allclose(crop, 100, atol=8)  # the cut edges show a little through
    pad = decoding.decode_pixels(WIDE, make_preprocess_spec(resize="pad", background="white"))[
        :, :, 0
    ]
    np.testing.assert_array_equal(pad[[0, 3]], 255)
    np.testing.assert_allclose(pad[[1, 2]], [[0, 100, 100, 200]] * 2, atol=12)
    stretch = decoding.decode_pixels(WIDE, make_preprocess_spec())[:, :, 0]
    np.testing.assert_allclose(stretch, [[0, 100, 100, 200]] * 4, atol=12)


def test_contrast_is_left_stretched_or_equalized() -> None:
    """Levels 100, 105, 120: as they are; from 0 to 255; or as far apart as they are frequent."""
    levels = np.full((32, 32), 120, np.uint8)
    levels[:8], levels[8:24] = 100, 105
    made = {}
    for contrast in (None, "stretch", "equalize"):
        pixels = decoding.decode_pixels(
            levels, make_preprocess_spec(height=32, width=32, contrast=contrast)
        )
        made[contrast] = pixels[[0, 8, 24], 0, 0].tolist()
    assert made[None] == [100, 105, 120]
    assert made["stretch"] == pytest.approx([0, 63, 255], abs=2)
    assert made["equalize"] == pytest.approx([0, 255 / 3, 255], abs=2)


def test_stretching_contrast_keeps_hues() -> None:
    """Channels are stretched together: grey stays grey, orange does not turn red or yellow."""
    colours = np.array([[[60, 60, 60], [120, 90, 60]], [[90, 90, 90], [120, 120, 120]]], np.uint8)
    content = encode_image(Image.fromarray(colours))
    made = decoding.decode_pixels(
        content, make_preprocess_spec(height=2, width=2, channels=3, contrast="stretch")
    ).astype(int)
    assert np.ptp(made[0, 0]) == np.ptp(made[1, 1]) == 0
    assert made[0, 1, 0] > made[0, 1, 1] > made[0, 1, 2]


def test_bars_do_not_count_for_contrast() -> None:
    """Black bars beside levels 100 to 200 leave the picture's own darkest at 0."""
    made = decoding.decode_pixels(
        WIDE[:, 10:], make_preprocess_spec(resize="pad", contrast="stretch")
    )[:, :, 0]
    assert made[1:3].min() == 0
    assert made[1:3].max() >= 254


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["stretch", "pad", "crop"]),
    channels=st.sampled_from([1, 3]),
    orientation=st.integers(1, 8),
    kind=st.sampled_from(["PNG", "JPEG"]),
)
def test_any_size_becomes_the_size_asked_for(  # noqa: PLR0913, PLR0917 - one per dimension of the space
    size: tuple[int, int],
    target: tuple[int, int],
    mode: str,
    channels: int,
    orientation: int,
    kind: str,
) -> None:
    """A plain grey picture stays plain, in the shape asked for, with nothing but bars added."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode_image(Image.new("L", size, 130), kind, exif=exif)
    wanted = make_preprocess_spec(height=target[0], width=target[1], resize=mode, channels=channels)
    made = decoding.decode_pixels(content, wanted)
    assert made.shape == (*target, channels)
    assert set(np.unique(made)) <= ({0, 130} if mode == "pad" else {130})
    assert (made == 130).any()
