"""Every kind of picture becomes the pixels that a person would see, or is rejected."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from secondlook.data import decoding
from tests.support.datasets import encode_image, make_preprocess_spec

# Of damaged metadata Pillow warns, and of bombs too: here both are meant.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]
# Upright, 2 rows of 3: no two pixels alike, so that every turn is another picture.
UPRIGHT = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
# How a camera stores it: what undoes EXIF orientation n, per the EXIF standard (JEITA CP-3451).
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: UPRIGHT.T[::-1],
    7: UPRIGHT.T[::-1, ::-1],
    8: UPRIGHT.T[:, ::-1],
}


def decode_grey(content: bytes, **keys: object) -> list[Any]:
    """Return the grey pixels of a picture in its own size, 2 x 3 unless told otherwise."""
    return list(
        decoding.decode_pixels(content, make_preprocess_spec(height=2, width=3, **keys))[
            :, :, 0
        ].tolist()
    )


def decode_one_pixel(image: Image.Image, kind: str = "PNG", **keys: object) -> list[int]:
    """Return the colour of a picture of one pixel."""
    return (
        decoding.decode_pixels(
            encode_image(image, kind), make_preprocess_spec(height=1, width=1, channels=3, **keys)
        )
        .ravel()
        .tolist()
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    """All eight EXIF orientations give the same upright picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    assert decode_grey(encode_image(stored, kind, exif=exif)) == UPRIGHT.tolist()


def test_a_turned_jpeg_is_cropped_and_padded_as_the_upright_one() -> None:
    """Lying on its side or not, the same part of a large JPEG is kept, the same bars added."""
    rows, columns = np.mgrid[:120, :180]
    upright = Image.fromarray((rows + columns // 2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encode_image(
        upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif
    )
    for mode in ("stretch", "pad", "crop"):
        wanted = make_preprocess_spec(height=12, width=16, resize=mode)
        expected = decoding.decode_pixels(encode_image(upright, "JPEG", quality=95), wanted).astype(
            int
        )
        np.testing.assert_allclose(decoding.decode_pixels(lying, wanted), expected, atol=3)


@pytest.mark.parametrize(
    "broken", [b"Exif\0\0not a TIFF header", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0"]
)
def test_damaged_exif_does_not_reject_a_whole_picture(broken: bytes) -> None:
    """Metadata that make no sense say nothing about the orientation."""
    assert (
        decode_grey(encode_image(Image.new("L", (3, 2), 99), "JPEG", exif=broken)) == [[99] * 3] * 2
    )


@pytest.mark.parametrize(
    ("mode", "pixel", "colour"),
    [
        ("1", 1, [255, 255, 255]),
        ("L", 77, [77, 77, 77]),
        ("RGB", (1, 2, 3), [1, 2, 3]),
        ("I;16", 65535, [255, 255, 255]),
        ("I;16", 257 * 77, [77, 77, 77]),
        ("I;16", 255, [1, 1, 1]),
    ],
)
def test_modes_become_eight_bits_of_colour(mode: str, pixel: int, colour: list[int]) -> None:
    """Grey is spread over the channels; 16 bits are scaled by their range, not cut off."""
    assert decode_one_pixel(Image.new(mode, (1, 1), pixel)) == colour


@pytest.mark.parametrize("kind", ["PPM", "PCX", "SGI", "QOI", "TGA", "JPEG2000", "BMP"])
def test_formats_are_known_by_their_content(kind: str) -> None:
    """Each gives the pixels that were written, in colour; TGA by the mark at its end."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    content = encode_image(Image.fromarray(pixels), kind)
    seen = decoding.decode_pixels(content, make_preprocess_spec(channels=3))
    np.testing.assert_array_equal(seen, pixels)


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (b"P1\n3 2\n1 0 1\n0 1 0\n", [[0, 255, 0], [255, 0, 255]]),
        (b"P2 # of ten bits\n3 2 1023\n0 1023 512 0 0 1023\n", [[0, 255, 128], [0, 0, 255]]),
        (b"P4\n3 2\n\xa0\x40", [[0, 255, 0], [255, 0, 255]]),
        (b"P5\n3 2\n65535\n" + bytes([0, 0, 255, 255, 128, 0] * 2), [[0, 255, 128]] * 2),
    ],
)
def test_netpbm_by_text_and_by_bytes(content: bytes, pixels: list[list[int]]) -> None:
    """One is black in a bitmap, and a map of greys says what its white is."""
    assert decode_grey(content) == [pytest.approx(row, abs=1) for row in pixels]


def test_palette_and_cmyk_become_colour() -> None:
    """A palette gives its colour, and inks take from white."""
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    assert decode_one_pixel(palette) == [9, 8, 7]
    assert decode_one_pixel(Image.new("CMYK", (1, 1), (0, 255, 0, 0)), "TIFF") == [255, 0, 255]


@pytest.mark.parametrize(("background", "clear", "half"), [("black", 0, 50), ("white", 255, 177)])
def test_transparent_pixels_show_the_background(background: str, clear: int, half: int) -> None:
    """Alpha in colour and grey, and a transparent palette entry or 16-bit grey."""
    seen = {"background": background}
    assert decode_one_pixel(Image.new("RGBA", (1, 1), (9, 9, 9, 0)), **seen) == [clear] * 3
    blended = decode_one_pixel(Image.new("RGBA", (1, 1), (100, 100, 100, 128)), **seen)
    assert blended == pytest.approx([half] * 3, abs=1)
    assert decode_one_pixel(Image.new("LA", (1, 1), (9, 0)), **seen) == [clear] * 3
    palette = Image.new("P", (3, 2), 7)
    palette.putpalette([9] * 24)
    for image in (palette, Image.new("I;16", (3, 2), 7), Image.new("L", (3, 2), 7)):
        content = encode_image(image, transparency=7)
        assert decode_grey(content, background=background) == [[clear] * 3] * 2


def test_the_first_frame_of_many() -> None:
    """An animation stands still at its beginning."""
    frames = [Image.new("L", (3, 2), level) for level in (10, 200)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        content = encode_image(frames[0], kind, save_all=True, append_images=frames[1:])
        np.testing.assert_allclose(decode_grey(content), 10, atol=2)


def test_pixels_of_an_array_are_kept_in_their_own_size() -> None:
    """28 x 28 of MNIST into 28 x 28 is the identity, also of a view with other strides."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    wanted = make_preprocess_spec(height=28, width=28)
    np.testing.assert_array_equal(decoding.decode_pixels(pixels, wanted)[:, :, 0], pixels)
    np.testing.assert_array_equal(decoding.decode_pixels(pixels.T, wanted)[:, :, 0], pixels.T)


@pytest.mark.parametrize(
    ("name", "size"), [("portrait_6.jpg", (1200, 1800)), ("gray.jpg", (128, 128))]
)
def test_the_size_as_given_is_upright(shared_data: Path, name: str, size: tuple[int, int]) -> None:
    """A photograph that lies on its side is told by its width and height as people see it."""
    seen = decoding.decode_image(
        (shared_data / "awkward" / name).read_bytes(), make_preprocess_spec()
    )
    assert (seen.width, seen.height) == size


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_dark_strokes_on_nothing_inverted_are_light_on_dark(mode: str) -> None:
    """A letter drawn on a transparent page, inverted, is what light strokes on black would be."""
    drawn = Image.new(mode, (4, 1), (0,) * len(mode))
    drawn.putpixel((1, 0), (0,) * (len(mode) - 1) + (255,))
    inverted = decoding.decode_image(
        encode_image(drawn), make_preprocess_spec(height=1, width=4), inverted=True
    )
    assert inverted.pixels[0, :, 0].tolist() == [0, 255, 0, 0]


def test_bars_are_not_inverted() -> None:
    """What `pad` puts around a picture stays as it is when the picture is inverted."""
    wide = encode_image(Image.new("L", (4, 2), 255))
    padded = decoding.decode_image(
        wide, make_preprocess_spec(height=4, width=4, resize="pad"), inverted=True
    )
    assert padded.pixels.max() == 0
