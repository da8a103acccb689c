"""Every kind of picture becomes the pixels that a person would see, or is rejected."""

import contextlib
import csv
import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from stages.core.data import images
from stages.core.errors import RejectedImageError
from tests.data_builder import picture, saved, spec

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


def grey(content: bytes, **keys: object) -> list[Any]:
    """Return the grey pixels of a picture in its own size, 2 x 3 unless told otherwise."""
    return list(images.read(content, spec(height=2, width=3, **keys))[:, :, 0].tolist())


def one_pixel(image: Image.Image, kind: str = "PNG", **keys: object) -> list[int]:
    """Return the colour of a picture of one pixel."""
    return (
        images.read(saved(image, kind), spec(height=1, width=1, channels=3, **keys))
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
    assert grey(saved(stored, kind, exif=exif)) == UPRIGHT.tolist()


def test_a_turned_jpeg_is_cropped_and_padded_as_the_upright_one() -> None:
    """Lying on its side or not, the same part of a large JPEG is kept, the same bars added."""
    rows, columns = np.mgrid[:120, :180]
    upright = Image.fromarray((rows + columns // 2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = saved(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)
    for mode in ("stretch", "pad", "crop"):
        wanted = spec(height=12, width=16, resize=mode)
        expected = images.read(saved(upright, "JPEG", quality=95), wanted).astype(int)
        np.testing.assert_allclose(images.read(lying, wanted), expected, atol=3)


@pytest.mark.parametrize(
    "broken", [b"Exif\0\0not a TIFF header", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0"]
)
def test_damaged_exif_does_not_reject_a_whole_picture(broken: bytes) -> None:
    """Metadata that make no sense say nothing about the orientation."""
    assert grey(saved(Image.new("L", (3, 2), 99), "JPEG", exif=broken)) == [[99] * 3] * 2


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
    assert one_pixel(Image.new(mode, (1, 1), pixel)) == colour


def test_palette_and_cmyk_become_colour() -> None:
    """A palette gives its colour, and inks take from white."""
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    assert one_pixel(palette) == [9, 8, 7]
    assert one_pixel(Image.new("CMYK", (1, 1), (0, 255, 0, 0)), "TIFF") == [255, 0, 255]


@pytest.mark.parametrize(("background", "clear", "half"), [("black", 0, 50), ("white", 255, 177)])
def test_transparent_pixels_show_the_background(background: str, clear: int, half: int) -> None:
    """Alpha in colour and grey, and a transparent palette entry or 16-bit grey."""
    seen = {"background": background}
    assert one_pixel(Image.new("RGBA", (1, 1), (9, 9, 9, 0)), **seen) == [clear] * 3
    blended = one_pixel(Image.new("RGBA", (1, 1), (100, 100, 100, 128)), **seen)
    assert blended == pytest.approx([half] * 3, abs=1)
    assert one_pixel(Image.new("LA", (1, 1), (9, 0)), **seen) == [clear] * 3
    palette = Image.new("P", (3, 2), 7)
    palette.putpalette([9] * 24)
    for image in (palette, Image.new("I;16", (3, 2), 7), Image.new("L", (3, 2), 7)):
        content = saved(image, transparency=7)
        assert grey(content, background=background) == [[clear] * 3] * 2


def test_the_first_frame_of_many() -> None:
    """An animation stands still at its beginning."""
    frames = [Image.new("L", (3, 2), level) for level in (10, 200)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        np.testing.assert_allclose(grey(content), 10, atol=2)


def test_pixels_of_an_array_are_kept_in_their_own_size() -> None:
    """28 x 28 of MNIST into 28 x 28 is the identity, also of a view with other strides."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    wanted = spec(height=28, width=28)
    np.testing.assert_array_equal(images.read(pixels, wanted)[:, :, 0], pixels)
    np.testing.assert_array_equal(images.read(pixels.T, wanted)[:, :, 0], pixels.T)


def test_resizing_averages_what_it_leaves_out() -> None:
    """A fine chequerboard becomes grey; taking every tenth pixel would give black or white."""
    board = (np.indices((80, 80)).sum(axis=0) % 2 * 255).astype(np.uint8)
    np.testing.assert_allclose(images.read(board, spec()), 127.5, atol=3)


WIDE = np.repeat(np.array([[0, 100, 100, 200]], np.uint8), 2, axis=0).repeat(10, 0).repeat(10, 1)


def test_stretch_pad_and_crop_differ_as_they_say() -> None:
    """A picture twice as wide as high: squeezed, between bars, or without its ends."""
    crop = images.read(WIDE, spec(resize="crop"))
    np.testing.assert_allclose(crop, 100, atol=8)  # the cut edges show a little through
    pad = images.read(WIDE, spec(resize="pad", background="white"))[:, :, 0]
    np.testing.assert_array_equal(pad[[0, 3]], 255)
    np.testing.assert_allclose(pad[[1, 2]], [[0, 100, 100, 200]] * 2, atol=12)
    stretch = images.read(WIDE, spec())[:, :, 0]
    np.testing.assert_allclose(stretch, [[0, 100, 100, 200]] * 4, atol=12)


def test_contrast_is_left_stretched_or_equalized() -> None:
    """Levels 100, 105, 120: as they are; from 0 to 255; or as far apart as they are frequent."""
    levels = np.full((32, 32), 120, np.uint8)
    levels[:8], levels[8:24] = 100, 105
    made = {}
    for contrast in (None, "stretch", "equalize"):
        pixels = images.read(levels, spec(height=32, width=32, contrast=contrast))
        made[contrast] = pixels[[0, 8, 24], 0, 0].tolist()
    assert made[None] == [100, 105, 120]
    assert made["stretch"] == pytest.approx([0, 63, 255], abs=2)
    assert made["equalize"] == pytest.approx([0, 255 / 3, 255], abs=2)


def test_stretching_contrast_keeps_hues() -> None:
    """Channels are stretched together: grey stays grey, orange does not turn red or yellow."""
    colours = np.array([[[60, 60, 60], [120, 90, 60]], [[90, 90, 90], [120, 120, 120]]], np.uint8)
    content = saved(Image.fromarray(colours))
    made = images.read(content, spec(height=2, width=2, channels=3, contrast="stretch")).astype(int)
    assert np.ptp(made[0, 0]) == np.ptp(made[1, 1]) == 0
    assert made[0, 1, 0] > made[0, 1, 1] > made[0, 1, 2]


def test_bars_do_not_count_for_contrast() -> None:
    """Black bars beside levels 100 to 200 leave the picture's own darkest at 0."""
    made = images.read(WIDE[:, 10:], spec(resize="pad", contrast="stretch"))[:, :, 0]
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
    content = saved(Image.new("L", size, 130), kind, exif=exif)
    wanted = spec(height=target[0], width=target[1], resize=mode, channels=channels)
    made = images.read(content, wanted)
    assert made.shape == (*target, channels)
    assert set(np.unique(made)) <= ({0, 130} if mode == "pad" else {130})
    assert (made == 130).any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not a picture: none of the formats that can be read"),
        (b"<!DOCTYPE html>", "not a picture: a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1", "not a picture: a git-lfs pointer"),
        (picture(1)[:50], "damaged: "),
        (saved(Image.new("RGB", (64, 64)), "JPEG")[:-40], "damaged: image file is truncated"),
        (saved(Image.new("F", (2, 2)), "TIFF"), "floating-point samples"),
        (saved(Image.new("I", (2, 2), 70_000), "TIFF"), "samples beyond 16 bits"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_the_reason(content: bytes, reason: str) -> None:
    """The message alone says what is wrong, fit for a table."""
    with pytest.raises(RejectedImageError) as caught:
        images.read(content, spec())
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("side", [10_000, 65_000])
def test_bombs_are_refused_before_they_go_off(side: int) -> None:
    """A tiny GIF that claims 100 million pixels, of which Pillow would only warn, or 4 billion."""
    gif = bytearray(saved(Image.new("L", (1, 1)), "GIF"))
    gif[6:10] = struct.pack("<HH", side, side)
    with pytest.raises(RejectedImageError, match="decompression bomb"):
        images.read(bytes(gif), spec())


def test_a_png_of_one_colour_may_be_a_bomb_too() -> None:
    """The size stands in the header, so nothing is unpacked to see it."""
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    content = (
        start + struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 9) + b"IDAT" + b"x" * 9
    )
    with pytest.raises(RejectedImageError, match="decompression bomb"):
        images.read(content, spec())


def test_damaged_bytes_are_rejected_or_read_but_never_crash() -> None:
    """Pictures of every format, with bytes changed or cut off, raise nothing but a rejection."""
    chance = random.Random(1)  # noqa: S311 - a test's chance, not a secret
    image = Image.effect_noise((24, 24), 50)
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"):
        whole = saved(image, kind)
        for _ in range(40):
            content = bytearray(whole[: chance.randrange(8, len(whole))])
            content[chance.randrange(min(len(content), 200))] = chance.randrange(256)
            with contextlib.suppress(RejectedImageError):
                assert images.read(bytes(content), spec()).shape == (4, 4, 1)


def photograph(name: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a JPEG decoded early at a smaller scale, and in full: the same pixels as PNG."""
    wanted, content = spec(height=64, width=64, channels=3, resize="crop"), name.read_bytes()
    image, exif = Image.open(io.BytesIO(content)), Image.Exif()
    exif[0x0112] = image.getexif().get(0x0112, 1)
    full = images.read(saved(image, compress_level=0, exif=exif), wanted)
    return images.read(content, wanted).astype(int), full.astype(int)


@pytest.mark.parametrize("name", ["landscape_1", "landscape_6", "portrait_1", "portrait_6"])
def test_scaled_decoding_differs_little_from_the_full(shared_data: Path, name: str) -> None:
    """A large photograph: less than 3 levels of 255 on average, no pixel by more than 25."""
    scaled, full = photograph(shared_data / "awkward" / f"{name}.jpg")
    difference = np.abs(scaled - full)
    assert 0 < difference.mean() < 3  # 0 would mean that nothing was scaled early
    assert difference.max() <= 25


def rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the manifest of awkward files."""
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_awkward_file_is_read_or_rejected_as_its_manifest_says(shared_data: Path) -> None:
    """What decodes for Pillow decodes here, in grey and colour; what fails there is rejected."""
    folder, wanted = shared_data / "awkward", spec(height=32, width=32, channels=3)
    for row in rows(folder):
        content = (folder / row["file"]).read_bytes()
        try:
            made = images.read(content, wanted)
            assert images.read(content, spec()).shape == (4, 4, 1)
            assert (made.shape, row["pillow_result"]) == ((32, 32, 3), "decodes"), row["file"]
        except RejectedImageError:
            assert "FAILS" in row["pillow_result"], row["file"]


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("png_named.jpg", 0),
        ("plain.bmp", 0),
        ("plain.tif", 0),
        *[(f"exif_orientation_{number}.jpg", 3) for number in (2, 3, 4, 6, 8)],
        ("plain.webp", 4),
        ("plain.avif", 4),
        ("rle8.bmp", 6),
    ],
)
def test_one_portrait_in_many_formats(shared_data: Path, name: str, tolerance: float) -> None:
    """Lossless formats give the same pixels as the reference, the others nearly the same."""
    folder, wanted = shared_data / "awkward", spec(height=32, width=32, channels=3)
    expected = images.read((folder / "reference_rgb.png").read_bytes(), wanted).astype(int)
    made = images.read((folder / name).read_bytes(), wanted)
    assert np.abs(made - expected).mean() <= tolerance


def test_two_cameras_two_orientations_one_landscape(shared_data: Path) -> None:
    """The photographs stored upright and on their side come out alike."""
    folder, wanted = shared_data / "awkward", spec(height=40, width=60, channels=3)
    for name in ("landscape", "portrait"):
        upright, lying = (
            images.read((folder / f"{name}_{number}.jpg").read_bytes(), wanted).astype(int)
            for number in (1, 6)
        )
        assert np.abs(upright - lying).mean() < 6
