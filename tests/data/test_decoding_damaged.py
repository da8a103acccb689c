"""What is no picture, half a picture, or too much of one."""

import contextlib
import random
import struct
import zlib

import pytest
from PIL import Image

from secondlook.config.errors import RejectedImageError
from secondlook.data import decoding
from tests.support.datasets import encode_image, make_png, make_preprocess_spec


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not a picture: none of the formats that can be read"),
        (b"<!DOCTYPE html>", "not a picture: a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1", "not a picture: a git-lfs pointer"),
        (make_png(1)[:50], "damaged: "),
        (
            encode_image(Image.new("RGB", (64, 64)), "JPEG")[:-40],
            "damaged: image file is truncated",
        ),
        (encode_image(Image.new("F", (2, 2)), "TIFF"), "floating-point samples"),
        (encode_image(Image.new("I", (2, 2), 70_000), "TIFF"), "samples beyond 16 bits"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_the_reason(content: bytes, reason: str) -> None:
    """The message alone says what is wrong, fit for a table."""
    with pytest.raises(RejectedImageError) as caught:
        decoding.decode_pixels(content, make_preprocess_spec())
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("side", [10_000, 65_000])
def test_bombs_are_refused_before_they_go_off(side: int) -> None:
    """A tiny GIF that claims 100 million pixels, of which Pillow would only warn, or 4 billion."""
    gif = bytearray(encode_image(Image.new("L", (1, 1)), "GIF"))
    gif[6:10] = struct.pack("<HH", side, side)
    with pytest.raises(RejectedImageError, match="decompression bomb"):
        decoding.decode_pixels(bytes(gif), make_preprocess_spec())


def test_a_png_of_one_colour_may_be_a_bomb_too() -> None:
    """The size stands in the header, so nothing is unpacked to see it."""
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    content = (
        start + struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 9) + b"IDAT" + b"x" * 9
    )
    with pytest.raises(RejectedImageError, match="decompression bomb"):
        decoding.decode_pixels(content, make_preprocess_spec())


def test_damaged_bytes_are_rejected_or_read_but_never_crash() -> None:
    """Pictures of every format, with bytes changed or cut off, raise nothing but a rejection."""
    chance = random.Random(1)  # noqa: S311 - a test's chance, not a secret
    image = Image.effect_noise((24, 24), 50)
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"):
        whole = encode_image(image, kind)
        for _ in range(40):
            content = bytearray(whole[: chance.randrange(8, len(whole))])
            content[chance.randrange(min(len(content), 200))] = chance.randrange(256)
            with contextlib.suppress(RejectedImageError):
                assert decoding.decode_pixels(bytes(content), make_preprocess_spec()).shape == (
                    4,
                    4,
                    1,
                )
