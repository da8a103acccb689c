"""Values of 8 to 12 bits in files of 16 keep their levels where contrast is stretched."""

import io
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from secondlook.artifacts import files
from secondlook.data import decoding
from secondlook.data.class_folders import ClassFolders
from stages import preprocess, split
from tests.support.datasets import (
    TWO_OF_EACH,
    encode_image,
    make_folder_params,
    make_preprocess_spec,
    write_class_folders,
)

RAMP = np.random.default_rng(0).permutation(256).reshape(16, 16)
Samples = NDArray[np.uint16]


def decode(
    content: bytes, contrast: str | None, *, inverted: bool = False, channels: int = 1
) -> NDArray[np.uint8]:
    """Return the pixels of a picture in its own size."""
    width, height = Image.open(io.BytesIO(content)).size
    spec = make_preprocess_spec(height=height, width=width, channels=channels, contrast=contrast)
    return decoding.decode_image(content, spec, inverted=inverted).pixels


def encode_deep(samples: Samples) -> bytes:
    """Return a PNG of 16 bits, (H, W, 3 or 4), which Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    height, width, channels = samples.shape
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_grey_of_few_bits_is_stretched_before_it_is_rounded(kind: str, bits: int) -> None:
    """The same picture of 8 bits and of more gives the same, whatever of 16 bits it uses."""
    deep = (RAMP * 2 ** (bits - 8)).astype(np.uint16)
    plain = decode(encode_image(Image.fromarray(RAMP.astype(np.uint8))), "stretch")
    seen = decode(encode_image(Image.fromarray(deep), kind), "stretch")
    np.testing.assert_allclose(seen.astype(int), plain, atol=1)
    assert len(np.unique(seen)) == 256


@pytest.mark.parametrize("contrast", ["stretch", "equalize"])
@pytest.mark.parametrize("inverted", [False, True])
def test_other_ways_to_look_are_as_of_eight_bits(contrast: str, inverted: bool) -> None:
    """Equalized, and inverted: as the picture of 8 bits would be."""
    grey = np.repeat((RAMP // 2 + 30).astype(np.uint8), 4, axis=0)
    plain = decode(encode_image(Image.fromarray(grey)), contrast, inverted=inverted)
    deep = encode_image(Image.fromarray(grey.astype(np.uint16)))
    seen = decode(deep, contrast, inverted=inverted)
    np.testing.assert_allclose(seen.astype(int), plain, atol=3)


@pytest.mark.parametrize("contrast", [None, "stretch", "equalize"])
def test_the_whole_range_stays_as_it_is(contrast: str | None) -> None:
    """From 0 to 65535 there is nothing to spread: what was rounded to 8 bits is looked at."""
    samples = np.random.default_rng(1).integers(0, 65536, (16, 16)).astype(np.uint16)
    samples[0, :2] = 0, 65535
    rounded = ((samples.astype(np.int64) * 255 + 32767) // 65535).astype(np.uint8)
    np.testing.assert_array_equal(
        decode(encode_image(Image.fromarray(samples)), contrast),
        decode(encode_image(Image.fromarray(rounded)), contrast),
    )


def test_without_contrast_pictures_stay_comparable() -> None:
    """By the range of the file, not by the values found: two pictures keep their difference."""
    assert decode(encode_image(Image.fromarray(RAMP.astype(np.uint16))), None).max() == 1
    flat = encode_image(Image.fromarray(np.full((16, 16), 257 * 9, np.uint16)))
    assert decode(flat, "stretch").max() == 9


def test_a_grey_that_stands_for_nothing_is_no_value() -> None:
    """The transparent value of a PNG is not what the others are spread against."""
    samples = RAMP.astype(np.uint16)
    samples[0] = 65535
    seen = decode(encode_image(Image.fromarray(samples), transparency=65535), "stretch")
    assert seen[0].max() == 0
    assert len(np.unique(seen[1:])) > 230


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_of_few_bits_are_stretched_too(alpha: bool) -> None:
    """One range for all channels, so hues are kept; what is transparent does not count."""
    colours = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=2).astype(np.uint16)
    plain = Image.fromarray(colours.astype(np.uint8))
    samples = colours
    if alpha:
        samples = np.dstack([colours, np.full(RAMP.shape, 65535, np.uint16)])
        samples[0, 0] = (65535, 65535, 65535, 0)
        plain.putpixel((0, 0), (0, 0, 0))
    seen = decode(encode_deep(samples), "stretch", channels=3)
    np.testing.assert_allclose(
        seen.astype(int), decode(encode_image(plain), "stretch", channels=3), atol=2
    )
    assert decode(encode_deep(samples), None, channels=3)[1:].max() == 0


def encode_deep_tiff(samples: Samples, order: Literal["<", ">"], *, packed: bool) -> bytes:
    """Return a TIFF of 16 bits in colour, (H, W, 3), in one strip, which Pillow cannot write."""
    (height, width, _), strip = samples.shape, samples.astype(f"{order}u2").tobytes()
    strip = zlib.compress(strip) if packed else strip
    after = 8 + 2 + 12 * 9 + 4
    entries = [(256, width), (257, height), (258, after), (259, 8 if packed else 1), (262, 2)]
    entries += [(273, after + 6), (277, 3), (278, height), (279, len(strip))]
    content = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 9)
    for tag, value in entries:
        kind = (3, 3) if tag == 258 else (4, 1)  # three shorts that stand elsewhere, or one long
        content += struct.pack(f"{order}HHII", tag, *kind, value)
    return content + bytes(4) + struct.pack(f"{order}3H", 16, 16, 16) + strip


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_colours_in_a_tiff_are_stretched_too(order: Literal["<", ">"], packed: bool) -> None:
    """In both orders of bytes, packed and not."""
    colours = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=2).astype(np.uint16)
    plain = decode(
        encode_image(Image.fromarray(colours.astype(np.uint8))), "stretch", channels=3
    ).astype(int)
    seen = decode(encode_deep_tiff(colours, order, packed=packed), "stretch", channels=3)
    np.testing.assert_allclose(seen, plain, atol=2)


def test_colours_of_the_whole_range_stay_as_they_are() -> None:
    """The upper 8 bits, as Pillow reads them, whether contrast is stretched or not."""
    samples = np.random.default_rng(2).integers(0, 65536, (16, 16, 3)).astype(np.uint16)
    samples[0, 0], samples[0, 1] = 0, 65535
    upper = encode_image(Image.fromarray((samples >> 8).astype(np.uint8)))
    for contrast in (None, "stretch"):
        np.testing.assert_array_equal(
            decode(encode_deep(samples), contrast, channels=3), decode(upper, contrast, channels=3)
        )


@pytest.mark.parametrize(("contrast", "warned"), [(None, True), ("stretch", False)])
def test_training_pictures_of_hardly_any_levels_are_told(
    project: Path, capsys: pytest.CaptureFixture[str], contrast: str | None, warned: bool
) -> None:
    """With what helps; a picture that is truly of one grey among others is none to speak of."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    for number, item in enumerate(ClassFolders(root).items()):
        grey = np.roll(RAMP, number).astype(np.uint16)
        (root / item.id).write_bytes(encode_image(Image.fromarray(grey)))
    config = make_folder_params(root, height=16, width=16, contrast=contrast)
    split.run(config)
    preprocess.run(config)
    told = "4 of 4 training pictures use fewer than 20 of 256 levels (warning); 8 to 12 bits in fi"
    assert (told in capsys.readouterr().out) == warned
    train = np.load(files.stage_folder("preprocess") / "train-00000.npy")
    assert len(np.unique(train)) == (2 if warned else 256)
